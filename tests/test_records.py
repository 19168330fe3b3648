"""The record format: nothing lost on the way through a file, and one clear line for what is no article."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import gold_annotation, gold_article
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import RecordError
from annotate.records import (
    Annotation,
    Argument,
    Article,
    Event,
    Mention,
    Stance,
    annotation_of,
    integrity_faults,
    parse_article,
    read_records,
    to_line,
    write_records,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
names = st.text("abcXYZ-é 😀", min_size=1, max_size=4)
scores = st.none() | st.floats(0, 1)
free_json = st.dictionaries(st.text("pqr", min_size=1), st.integers() | texts | st.none() | st.lists(st.booleans()), max_size=2)
metas = st.none() | free_json

mentions = st.builds(
    Mention, id=names, start=st.integers(0, 9), end=st.integers(0, 9), label=names, score=scores, meta=metas, xx=st.integers()
)
arguments = st.builds(Argument, role=names, mention=names, score=scores, meta=metas)
events = st.builds(
    Event,
    id=names,
    start=st.integers(0, 9),
    end=st.integers(0, 9),
    label=names,
    arguments=st.lists(arguments, max_size=2).map(tuple),
    attributes=st.dictionaries(names, names, max_size=2),
    score=scores,
)
stances = st.builds(Stance, holder=st.none() | names, target=names, label=names, score=scores, meta=metas)


def layers(items: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | st.lists(items, max_size=3).map(tuple)


annotations = st.builds(
    Annotation, annotator=names, mentions=layers(mentions), events=layers(events), stances=layers(stances), meta=metas
)
articles = st.builds(
    Article,
    id=names,
    text=texts,
    title=st.none() | texts,
    published=st.none() | st.just("2015-07-14"),
    annotations=st.lists(annotations, max_size=2).map(tuple),
    zz=free_json,
)


@settings(deadline=None)
@given(articles)
def test_an_article_comes_back_from_its_line_as_it_was(article: Article) -> None:
    line = to_line(article)
    again = parse_article(line.encode(), "here")
    assert again == article
    assert isinstance(again, Article) and to_line(again) == line
    assert line.count("\n") == 1


def test_fields_nobody_knows_survive() -> None:
    line = b'{"id": "a", "text": "b", "byline": "C. D.", "annotations": [{"annotator": "x", "round": 2}]}'
    article = parse_article(line, "here")
    assert isinstance(article, Article)
    assert json.loads(to_line(article)) == json.loads(line)


@pytest.mark.parametrize(
    "text",
    [
        "\ufefftop",
        "a\r\nb\r c\t",
        "  \u00a0edges\u00a0 ",
        "e\u0301 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "\u2028line\u2029paragraph\x85next\x1c",
        "שלום \u202eabc",
    ],
    ids=["bom", "crlf", "edges", "graphemes", "odd line ends", "bidi"],
)
def test_text_stays_verbatim_through_a_file(text: str, tmp_path: Path) -> None:
    write_records(tmp_path / "out.jsonl", [Article(id="a", text=text)])
    assert [a.text for a in read_records(tmp_path / "out.jsonl")] == [text]


def test_absent_and_empty_layers_stay_apart(tmp_path: Path) -> None:
    article = Article(id="a", text="b", annotations=(Annotation(annotator="x", mentions=()),))
    write_records(tmp_path / "out.jsonl", [article])
    (again,) = read_records(tmp_path / "out.jsonl")
    assert again.annotations[0].mentions == ()
    assert again.annotations[0].events is None


def test_a_header_line_and_blank_lines_are_passed_over(records_file: Callable[[str], Path]) -> None:
    path = records_file('{"copydesk": {"format": 1}}\n\n{"id": "a", "text": "b"}\n\n')
    assert [a.id for a in read_records(path)] == ["a"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"not JSON", ":1: is not JSON (expected ident at line 1 column 2); write one JSON object per line"),
        (b'{"id": "a", "text": "b', ":1: is cut off"),
        (b'{"id": "a", "text": "caf\xe9"}', ":1: is not UTF-8 (byte 25); save the file as UTF-8"),
        (b'{"id": "a", "text": "\\ud800"}', ":1: has half a character (a lone surrogate); export the text again as UTF-8"),
        (b'{"id": "a", "text": "b", "meta": {"x": NaN}}', ":1: is not JSON"),
        (b'{"id": "a"}', ":1: article 'a': has no 'text'; add it"),
        (b'{"text": "b"}', ":1: has no 'id'; add it"),
        (b"[1, 2]", ":1: Input should be an object; correct it"),
        (b'{"id": "a", "text": "b", "annotation": []}', "field 'annotation' looks like a misspelt 'annotations'"),
        (b'{"id": "a", "text": 3}', ":1: article 'a': text: Input should be a valid string; correct it"),
        (
            b'{"id": "a", "text": "b", "annotations": [{"annotator": "x", "mention": []}]}',
            "annotations.0: field 'mention' looks like a misspelt 'mentions'",
        ),
        (b'{"copydesk": {"format": 9}}', ":1: has format 9; this copydesk reads format 1; install a newer one"),
        (b'{"copydesk": 1}', ":1: has a broken header line"),
        (b"[" * 100_000, ":1: is not JSON (recursion limit"),
    ],
)
def test_a_line_that_is_no_article_gets_one_clear_line(line: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(RecordError) as caught:
        list(read_records(path))
    assert str(caught.value).startswith(f"{path}:1")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_reading_stops_at_a_second_article_with_one_id(records_file: Callable[[str], Path]) -> None:
    path = records_file('{"id": "a", "text": "b"}\n{"id": "a", "text": "c"}\n')
    with pytest.raises(RecordError, match=r":2: article 'a': has the id of line 1; give each article its own id"):
        list(read_records(path))


def test_a_missing_file_gets_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.jsonl: cannot be read \(No such file or directory\); check the path"):
        list(read_records(tmp_path / "none.jsonl"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has an empty text"),
        (" \n\t", "has an empty text"),
        ("a" * 2_000_000, "has 2,000,000 characters, more than 1,000,000"),
        ("ab\0c", "has a NUL character at 2"),
        ("ab\udc80", "has half a character (a lone surrogate) at 2"),
    ],
    ids=["empty", "white space", "two million", "nul", "surrogate"],
)
def test_a_text_nobody_can_mark_is_a_fault(text: str, said: str) -> None:
    (fault,) = integrity_faults(Article.model_construct(id="a", text=text, annotations=()))
    assert fault.finding == said
    assert not fault.is_warning


def two_mentions(**changed: object) -> Annotation:
    plain = {
        "annotator": "x",
        "mentions": (Mention(id="m1", start=0, end=2, label="GPE"), Mention(id="m2", start=3, end=5, label="GPE")),
        "events": (Event(id="e1", start=6, end=8, label="AID"),),
        "stances": (),
    }
    return Annotation(**(plain | changed))


def aid(*arguments: tuple[str, str]) -> Event:
    return Event(id="e1", start=6, end=8, label="AID", arguments=tuple(Argument(role=r, mention=m) for r, m in arguments))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"mentions": (Mention(id="m1", start=0, end=99, label="GPE"),)},
            "mention 'm1' ends at 99 but the text has 9 characters",
        ),
        ({"mentions": (Mention(id="m1", start=-1, end=2, label="GPE"),)}, "mention 'm1' starts at -1"),
        ({"mentions": (Mention(id="m1", start=2, end=2, label="GPE"),)}, "mention 'm1' is empty (2 to 2)"),
        ({"mentions": (Mention(id="e1", start=0, end=2, label="GPE"),)}, "uses the id 'e1' twice"),
        ({"events": (aid(("ACTOR", "m9")),)}, "event 'e1' has ACTOR 'm9', which is no mention"),
        ({"events": (aid(("ACTOR", "e1")),)}, "event 'e1' has an event, 'e1', as its ACTOR"),
        ({"events": (aid(("ACTOR", "m1"), ("ACTOR", "m1")),)}, "event 'e1' has the argument ACTOR 'm1' twice"),
        ({"stances": (Stance(holder="m9", target="m1", label="FAVOR"),)}, "has the holder 'm9', which is no mention"),
        ({"stances": (Stance(holder="e1", target="m1", label="FAVOR"),)}, "has the holder 'e1', which is no mention"),
        ({"stances": (Stance(holder=None, target="m9", label="FAVOR"),)}, "stance the article -> m9 has the target 'm9'"),
        (
            {"stances": tuple(Stance(holder="m1", target="m2", label=label) for label in ("FAVOR", "AGAINST"))},
            "stance m1 -> m2 is both FAVOR and AGAINST",
        ),
        ({"stances": (Stance(holder="m1", target="m2", label="FAVOR"),) * 2}, "stance m1 -> m2 is there twice as FAVOR"),
    ],
)
def test_marks_that_point_nowhere_are_faults(changed: dict[str, object], said: str) -> None:
    faults = list(integrity_faults(Article(id="a", text="ab cd ef.", annotations=(two_mentions(**changed),))))
    assert len(faults) == 1
    assert said in faults[0].finding


def test_two_annotations_by_one_person_are_a_fault() -> None:
    article = gold_article("a").model_copy(update={"annotations": (gold_annotation("ann"), gold_annotation("ann"))})
    assert [f.finding for f in integrity_faults(article)] == ["has two annotations by 'ann'"]


def test_what_the_format_allows_is_no_fault() -> None:
    crossing = Annotation(
        annotator="x",
        mentions=(Mention(id="m1", start=0, end=5, label="GPE"), Mention(id="m2", start=3, end=8, label="ORG")),
        events=(aid(("ACTOR", "m1"), ("RECIPIENT", "m1")), Event(id="e2", start=6, end=8, label="CONSULT")),
        stances=(Stance(holder=None, target="e2", label="FAVOR"), Stance(holder="m1", target="e2", label="AGAINST")),
    )
    assert list(integrity_faults(Article(id="a", text="ab cd ef.", annotations=(crossing,)))) == []


def test_gold_is_chosen_then_the_only_one_then_nothing() -> None:
    article = gold_article("a")
    both = article.model_copy(update={"annotations": (gold_annotation("ann"), gold_annotation("gold"))})
    alone = article.model_copy(update={"annotations": (gold_annotation("ann"),)})
    skipped = article.model_copy(update={"annotations": (Annotation(annotator="ann", meta={"skipped": True}),)})
    chosen = [annotation_of(a) for a in (both, alone, skipped)]
    assert [None if a is None else a.annotator for a in chosen] == ["gold", "ann", None]
    assert annotation_of(both, "ann") == gold_annotation("ann")


def test_what_a_model_found_counts_only_where_it_is_named() -> None:
    article = gold_article("a", annotator="model:news@1")
    beside = article.model_copy(update={"annotations": (*article.annotations, gold_annotation("ann"))})
    chosen = [annotation_of(article), annotation_of(beside), annotation_of(article, "model:news@1")]
    assert [None if a is None else a.annotator for a in chosen] == [None, "ann", "model:news@1"]


def test_several_annotators_without_gold_must_be_named() -> None:
    article = gold_article("a").model_copy(update={"annotations": (gold_annotation("ann"), gold_annotation("bob"))})
    with pytest.raises(RecordError, match="has no gold but annotations by ann, bob; name one with --annotator"):
        annotation_of(article)
