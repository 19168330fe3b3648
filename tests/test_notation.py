"""The inline notation: what it reads, what it writes back, and what it says of a slip of the pen."""

import string
from pathlib import Path

import pytest
from conftest import gold_article
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from annotate.errors import DataError, RecordError
from annotate.notation import parse_marked, read_marked, scan_marked, to_marked
from annotate.records import Annotation, Argument, Article, Event, Mention, Stance, read_records
from annotate.schema import Schema, read_schema, to_schema
from copydesk import app

SCHEMA = read_schema()
SOURCE = """=== harbor-0012
title: Tehran hits back: talks next
outlet: Harbor Courier
story: iran-deal-2015

[Tehran](GPE t) [accused](ACCUSE ACTOR=t RECIPIENT=w) [Washington](GPE w)
of bad faith (again) before [Friday](DATE f)’s planned [talks](CONSULT DATE=f modality=PLANNED).

The [[Iranian](NORP) Foreign Ministry](ORG) wrote \\[sic\\].

---
t AGAINST w
* FAVOR t
"""


def parse_one(source: str) -> Article:
    (article,) = parse_marked(source, SCHEMA, "x.marked")
    return article


def body_of(body: str) -> Article:
    return parse_one(f"=== a\n\n{body}\n")


def marked_texts(article: Article) -> list[tuple[str, str]]:
    annotation = article.annotations[0]
    items = [*(annotation.mentions or ()), *(annotation.events or ())]
    return [(article.text[i.start : i.end], i.label) for i in items]


def test_parse_takes_header_text_and_marks() -> None:
    article = parse_one(SOURCE)
    assert (article.id, article.title, article.outlet) == ("harbor-0012", "Tehran hits back: talks next", "Harbor Courier")
    assert article.published is None
    assert article.text == (
        "Tehran accused Washington of bad faith (again) before Friday’s planned talks.\n\n"
        "The Iranian Foreign Ministry wrote [sic]."
    )
    assert marked_texts(article) == [
        ("Tehran", "GPE"),
        ("Washington", "GPE"),
        ("Friday", "DATE"),
        ("Iranian", "NORP"),
        ("Iranian Foreign Ministry", "ORG"),
        ("accused", "ACCUSE"),
        ("talks", "CONSULT"),
    ]


def test_parse_gives_ids_arguments_modality_and_stances() -> None:
    (annotation,) = parse_one(SOURCE).annotations
    assert annotation.annotator == "gold"
    assert [m.id for m in annotation.mentions or ()] == ["t", "w", "f", "m1", "m2"]
    accused, talks = annotation.events or ()
    assert accused.arguments == (Argument(role="ACTOR", mention="t"), Argument(role="RECIPIENT", mention="w"))
    assert (accused.attributes, talks.attributes) == ({"modality": "ASSERTED"}, {"modality": "PLANNED"})
    assert annotation.stances == (
        Stance(holder=None, target="t", label="FAVOR"),
        Stance(holder="t", target="w", label="AGAINST"),
    )


def test_fresh_ids_avoid_those_that_were_given() -> None:
    article = body_of("[Rome](GPE) and [Paris](GPE m1) [met](CONSULT ACTOR=m1).")
    assert [m.id for m in article.annotations[0].mentions or ()] == ["m2", "m1"]


def test_one_range_can_have_several_marks() -> None:
    article = body_of("[Rome](GPE r) [signed](AGREE ACTOR=r; CONSULT ACTOR=r).")
    assert marked_texts(article) == [("Rome", "GPE"), ("signed", "AGREE"), ("signed", "CONSULT")]


def test_several_fillers_of_a_role_and_a_mark_over_two_lines() -> None:
    article = body_of("[Rome](GPE r) and [Paris](GPE p) [met](CONSULT\n  ACTOR=r,p) at the [United\nNations](ORG).")
    assert article.text == "Rome and Paris met at the United Nations."
    (met,) = article.annotations[0].events or ()
    assert met.arguments == (Argument(role="ACTOR", mention="p"), Argument(role="ACTOR", mention="r"))


def test_an_article_without_marks_has_empty_layers() -> None:
    (annotation,) = body_of("Nothing happened.").annotations
    assert (annotation.mentions, annotation.events, annotation.stances) == ((), (), ())


def test_windows_line_ends_are_read_like_others() -> None:
    assert parse_one(SOURCE.replace("\n", "\r\n")) == parse_one(SOURCE)


def test_labels_are_told_apart_by_the_scheme() -> None:
    own = to_schema({"name": "own", "entities": {"TEAM": "A team."}, "events": {"WIN": "To win."}}, "own.toml")
    (article,) = parse_marked("=== a\n\n[Ajax](TEAM) [won](WIN).\n", own, "x")
    assert len(article.annotations[0].mentions or ()) == len(article.annotations[0].events or ()) == 1


@pytest.mark.parametrize(
    ("source", "line", "finding"),
    [
        ("Rome met Paris.", 1, "before the first article"),
        ("=== \n\nText.", 1, "without an id"),
        ("=== a\noutlet: X\n", 1, "no body"),
        ("=== a\noutlet X\n\nText.", 2, "no header line"),
        ("=== a\noutlet: X\nIn [Rome](GPE) they met.", 3, "blank line comes before the body"),
        ("=== a\noutlet: X\noutlet: Y\n\nText.", 3, "'outlet' twice"),
        ("=== a\noutlet:\n\nText.", 2, "empty 'outlet'"),
        ("=== a\n\nText.\n\n=== a\n\nText.", 5, "id of x.marked:1"),
        ("=== a\n\nSo\n[Rome(GPE) met.\n\nThen [Paris](GPE).", 4, "'[' without its ']'"),
        ("=== a\n\nSo [Rome(GPE) met.", 3, "'[' without its ']'"),
        ("=== a\n\nRome](GPE) met.", 3, "without its '['"),
        ("=== a\n\nSo\n[Rome] met.", 4, "']' without a label"),
        ("=== a\n\n[Rome](GPE met.", 3, "no mark"),
        ("=== a\n\n[Rome]() met.", 3, "without a label"),
        ("=== a\n\nA\\b.", 3, "backslash before 'b'"),
        ("=== a\n\n[Rome](CITY) met.", 3, "unknown label 'CITY'"),
        ("=== a\n\n[Rome](GPE r ACTOR=r) met.", 3, "gives GPE a 'ACTOR'"),
        ("=== a\n\n[Rome](GPE *) met.", 3, "cannot be an id"),
        ("=== a\n\n[Rome](GPE r)\n[met](CONSULT ACTOR=).", 4, "'ACTOR='"),
        ("=== a\n\n[Rome](GPE r) [met](CONSULT x ACTOR).", 3, "'ACTOR'"),
        ("=== a\n\n[Rome](GPE r) [met](CONSULT ACTOR=r, DATE=r).", 3, "'ACTOR=r,'"),
        ("=== a\n\n[Rome](GPE r) [met](CONSULT WHO=r).", 3, "unknown role 'WHO'"),
        ("=== a\n\n[Rome](GPE r) [met](CONSULT ACTOR=q).", 3, "ACTOR=q points at no mark"),
        ("=== a\n\n[Rome](GPE r) [met](CONSULT e ACTOR=e).", 3, "cannot have the CONSULT 'e'"),
        ("=== a\n\n[Rome](GPE r) [met](CONSULT DATE=r).", 3, "cannot have the GPE 'r' as DATE"),
        ("=== a\n\n[Rome](GPE r) [met](CONSULT ACTOR=r,r).", 1, "twice"),
        ("=== a\n\n[met](CONSULT modality=MAYBE).", 3, "unknown value 'MAYBE'"),
        ("=== a\n\n[met](CONSULT modality=PLANNED modality=NEGATED).", 3, "'modality' twice"),
        ("=== a\n\n[Rome](GPE r)\nmet [Paris](GPE r).", 4, "'r' of line 3 again"),
        ("=== a\n\n[Rome](GPE r) met.\n---\nr AGAINST", 5, "no stance"),
        ("=== a\n\n[Rome](GPE r) met.\n---\nr HATES r", 5, "unknown stance 'HATES'"),
        ("=== a\n\n[Rome](GPE r) met.\n---\n\nr AGAINST q", 6, "points at 'q'"),
        ("=== a\n\n[Rome](GPE r), [May](DATE d).\n---\nd AGAINST r", 5, "holder 'd' is a DATE"),
        ("=== a\n\n[Rome](GPE r), [May](DATE d).\n---\nr AGAINST d", 5, "target 'd' is a DATE"),
        ("=== a\n\n[Rome](GPE r).\n---\n* AGAINST *", 5, "points at '*'"),
        ("=== a\n\n[Rome](GPE r) met.\n---\n* AGAINST r\n* FAVOR r", 1, "both"),
    ],
)
def test_a_slip_gets_its_line(source: str, line: int, finding: str) -> None:
    with pytest.raises(RecordError) as caught:
        list(parse_marked(source, SCHEMA, "x.marked"))
    assert caught.value.place.startswith(f"x.marked:{line}")
    assert finding in f"{caught.value.finding}; {caught.value.remedy}"


FAULTY = """Early.
=== head
outlet X

=== body

[Rome](GPE r) [met](CONSULT WHO=r ACTOR=q).

So [Paris(GPE).

[Bonn](TOWN) \\b.

[Bern](CITY) [said](ACCUSE) [Oslo](GPE r x=y).

=== links

[Rome](GPE r) [met](CONSULT WHO=r ACTOR=q modality=MAYBE).
---
r HATES r
* AGAINST q

=== sound

[Rome](GPE) met.
"""


def test_every_fault_is_found_and_sound_articles_still_come(tmp_path: Path, schema: Schema) -> None:
    (tmp_path / "x.marked").write_text(FAULTY, encoding="utf-8")
    found = list(scan_marked(tmp_path / "x.marked", schema))
    faults = [fault for article in found if isinstance(article, RecordError) for fault in (article, *article.others)]
    assert [(fault.place.split(":")[1], fault.finding) for fault in faults] == [
        ("1", "has text before the first article"),
        ("3", "'outlet X' is no header line"),
        ("9", "has '[' without its ']' in the paragraph"),
        ("11", "has a backslash before 'b'"),
        ("13", "uses the id 'r' of line 7 again"),
        ("13", "has the unknown label 'CITY'"),
        ("13", "gives GPE a 'x'"),
        ("17", "has the unknown role 'WHO'"),
        ("17", "ACTOR=q points at no mark"),
        ("17", "has the unknown value 'MAYBE' of modality"),
        ("19", "has the unknown stance 'HATES'"),
        ("20", "the stance points at 'q', which is no id"),
    ]
    assert [article.id for article in found if isinstance(article, Article)] == ["sound"]


def test_a_source_without_articles_is_a_fault() -> None:
    with pytest.raises(RecordError, match=r"x\.marked: has no article"):
        list(parse_marked("\n", SCHEMA, "x.marked"))


def test_to_marked_writes_what_was_read() -> None:
    article = parse_one(SOURCE)
    assert parse_one(to_marked(article, SCHEMA)) == article


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"text": gold_article("a").text + "\nEnd"}, "'text'"),
        ({"text": gold_article("a").text + " "}, "'text'"),
        ({"title": "Two\nlines"}, "Two|lines|header|'text'|no header"),
        ({"meta": {"page": 3}}, "'meta'"),
        ({"id": " a"}, "'id'"),
    ],
    ids=["single line break", "blank at the end", "title of two lines", "meta", "id with a blank"],
)
def test_to_marked_refuses_what_the_notation_cannot_hold(change: dict[str, object], finding: str) -> None:
    with pytest.raises(RecordError, match=finding):
        to_marked(gold_article("a").model_copy(update=change), SCHEMA)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"stances": None}, "no layer 'stances'"),
        ({"mentions": (Mention(id="a", start=0, end=9, label="GPE"), Mention(id="b", start=7, end=12, label="GPE"))}, "cross"),
        ({"mentions": (Mention(id="a b", start=0, end=9, label="GPE"),)}, "cannot be written"),
        ({"mentions": (Mention(id="a", start=0, end=9, label="GPE", score=0.5),)}, "'annotations'"),
        ({"events": (Event(id="e", start=0, end=9, label="WED"),)}, "unknown label 'WED'"),
    ],
    ids=["absent layer", "crossing", "id of two words", "score", "label of another scheme"],
)
def test_to_marked_refuses_annotations_it_cannot_hold(change: dict[str, object], finding: str) -> None:
    empty = Annotation(annotator="gold", mentions=(), events=(), stances=())
    article = gold_article("a").model_copy(update={"annotations": (empty.model_copy(update=change),)})
    with pytest.raises(RecordError, match=finding):
        to_marked(article, SCHEMA)


def test_to_marked_keeps_the_annotator_it_was_asked_for() -> None:
    both = gold_article("a").model_copy(
        update={
            "annotations": (*gold_article("a", annotator="ana").annotations, *gold_article("a", annotator="bo").annotations)
        }
    )
    source = to_marked(both, SCHEMA, annotator="bo")
    (read_back,) = parse_marked(source, SCHEMA, "x", annotator="bo")
    assert read_back == gold_article("a", annotator="bo")


CHARACTERS = st.sampled_from([*"ab [](){}\\=-*;,.’", "é", "e\u0301", "\u00a0", "🕊️", "\u2028"])
WORDS = st.lists(CHARACTERS, min_size=1, max_size=12).map("".join).map(lambda s: " ".join(s.split(" ")).strip() or "x")
PARAGRAPHS = st.lists(st.lists(WORDS, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=3)
IDS = st.text(string.ascii_letters + string.digits + "-_:", min_size=1, max_size=3)


@st.composite
def expressible_articles(draw: st.DrawFn) -> Article:
    """Articles of whole layers whose ranges nest within paragraphs, in the order in which the notation gives them back."""
    paragraphs = draw(PARAGRAPHS)
    text = "\n\n".join(paragraphs)
    ranges: list[tuple[int, int]] = []
    for _ in range(draw(st.integers(0, 8))):
        number = draw(st.integers(0, len(paragraphs) - 1))
        offset = sum(len(p) + 2 for p in paragraphs[:number])
        start = draw(st.integers(0, len(paragraphs[number]) - 1))
        end = draw(st.integers(start + 1, len(paragraphs[number])))
        new = (offset + start, offset + end)
        if not any(a < new[0] < b < new[1] or new[0] < a < new[1] < b for a, b in ranges):
            ranges.append(new)
    ids = draw(st.lists(IDS, min_size=len(ranges), max_size=len(ranges), unique=True))
    mentions, events = [], []
    for item_id, (start, end) in sorted(zip(ids, ranges, strict=True), key=lambda pair: (*pair[1], pair[0])):
        if draw(st.booleans()):
            label = draw(st.sampled_from(list(SCHEMA.entities)))
            mentions.append(Mention(id=item_id, start=start, end=end, label=label))
        else:
            modality = draw(st.sampled_from(list(SCHEMA.attributes["modality"].values)))
            label = draw(st.sampled_from(list(SCHEMA.events)))
            events.append(Event(id=item_id, start=start, end=end, label=label, attributes={"modality": modality}))
    events = [e.model_copy(update={"arguments": draw(arguments_of(e, mentions))}) for e in events]
    annotation = Annotation(
        annotator="gold", mentions=tuple(mentions), events=tuple(events), stances=draw(stances_of(mentions, events))
    )
    return Article(id=draw(IDS), text=text, title=draw(st.none() | WORDS), annotations=(annotation,))


def arguments_of(event: Event, mentions: list[Mention]) -> st.SearchStrategy[tuple[Argument, ...]]:
    pairs = sorted((role, m.id) for m in mentions for role in SCHEMA.roles_between(event.label, m.label))
    chosen = st.lists(st.sampled_from(pairs), unique=True, max_size=4) if pairs else st.just([])
    return chosen.map(lambda found: tuple(Argument(role=role, mention=name) for role, name in sorted(found)))


def stances_of(mentions: list[Mention], events: list[Event]) -> st.SearchStrategy[tuple[Stance, ...]]:
    holders = [None, *(m.id for m in mentions if SCHEMA.can_hold_stance(m.label))]
    targets = [m.id for m in mentions if SCHEMA.can_be_target(m.label)] + [e.id for e in events]
    pairs = [(holder, target) for holder in holders for target in targets]
    labels = st.sampled_from(list(SCHEMA.stances.labels))
    chosen = st.dictionaries(st.sampled_from(pairs), labels, max_size=4) if pairs else st.just({})
    return chosen.map(
        lambda found: tuple(
            Stance(holder=holder, target=target, label=label)
            for (holder, target), label in sorted(found.items(), key=lambda item: (item[0][0] or "", item[0][1]))
        )
    )


@given(expressible_articles())
def test_articles_come_back_as_they_were(article: Article) -> None:
    assert list(parse_marked(to_marked(article, SCHEMA), SCHEMA, "x.marked")) == [article]


@given(st.lists(st.sampled_from([*"ab []()=;,-*\\\n", "GPE", "=== a\n", "---\n"]), max_size=60).map("".join))
def test_any_text_is_read_or_refused_in_one_line(source: str) -> None:
    try:
        list(parse_marked("=== x\n\n" + source, SCHEMA, "x.marked"))
    except RecordError as fault:
        assert "\n" not in str(fault)


def test_folders_are_read_by_name_and_ids_are_unique_across_files(tmp_path: Path, schema: Schema) -> None:
    (tmp_path / "b.marked").write_text("=== b\n\nText.\n", encoding="utf-8")
    (tmp_path / "a.marked").write_text("\ufeff=== a\n\nText.\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not one of ours", encoding="utf-8")
    assert [a.id for a in read_marked(tmp_path, schema)] == ["a", "b"]
    (tmp_path / "c.marked").write_text("=== a\n\nText.\n", encoding="utf-8")
    with pytest.raises(RecordError, match=r"c\.marked:1: article 'a': has the id of .*a\.marked:1"):
        list(read_marked(tmp_path, schema))


@pytest.mark.parametrize(
    ("content", "finding"), [(None, "no \\*.marked file"), (b"=== a\n\n\xff\n", r"x\.marked: is not UTF-8 \(byte 8\)")]
)
def test_unreadable_sources_are_named(content: bytes | None, finding: str, tmp_path: Path, schema: Schema) -> None:
    if content is not None:
        (tmp_path / "x.marked").write_bytes(content)
    with pytest.raises(RecordError, match=finding):
        list(read_marked(tmp_path, schema))
    with pytest.raises(RecordError, match="cannot be read"):
        list(read_marked(tmp_path / "missing.marked", schema))


def test_compile_writes_records(tmp_path: Path) -> None:
    source, out = tmp_path / "x.marked", tmp_path / "gold.jsonl"
    source.write_text(SOURCE, encoding="utf-8")
    arguments = ["compile", str(source), "--out", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert list(read_records(out)) == [parse_one(SOURCE)]
    assert isinstance(CliRunner().invoke(app, arguments).exception, DataError)
    assert CliRunner().invoke(app, [*arguments, "--force"]).exit_code == 0


def test_compile_writes_nothing_where_a_source_has_a_fault(tmp_path: Path) -> None:
    source, out = tmp_path / "x.marked", tmp_path / "gold.jsonl"
    source.write_text(SOURCE + "\n=== b\n\n[Rome](CITY)\n", encoding="utf-8")
    assert isinstance(CliRunner().invoke(app, ["compile", str(source), "--out", str(out)]).exception, RecordError)
    assert list(tmp_path.iterdir()) == [source]
