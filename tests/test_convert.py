"""Articles become Docs and come back; what components cannot hold is counted."""

from pathlib import Path

import pytest
import spacy
from conftest import gold_article
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from annotate.errors import AlignmentError, DataError
from annotate.records import Annotation, Argument, Article, Event, Mention, Stance
from training.convert import Losses, convert_records, from_doc, to_doc, to_docbin

NLP, OTHER = spacy.blank("en"), spacy.blank("en")
PIECES = [
    "Tehran",
    "accused",
    " ",
    "  ",
    "\r\n",
    "\n\n",
    "\t",
    "\u00a0",
    "🕊",
    "é",
    "e\u0301",
    "’s",
    "U.S.",
    "talks",
    ".",
    ",",
    "!?",
]


@pytest.fixture(scope="module")
def nlp() -> Language:
    return NLP


def through_bytes(doc: Doc) -> Doc:
    """The doc as it comes out of a .spacy file, with a vocabulary of its own."""
    (read,) = DocBin().from_bytes(to_docbin([doc]).to_bytes()).get_docs(OTHER.vocab)
    return read


def there_and_back(article: Article) -> Article:
    doc, _ = to_doc(article, article.annotations[0], NLP)
    bare = article.model_copy(update={"annotations": ()})
    return from_doc(through_bytes(doc), bare, annotator=article.annotations[0].annotator)


@st.composite
def articles(draw: st.DrawFn) -> Article:
    """Articles whose spans lie on token boundaries, with layers that are absent, empty or full."""
    text = "x" + "".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=30)))
    bounds = [(t.idx, t.idx + len(t)) for t in NLP.make_doc(text)]

    def some_range() -> tuple[int, int]:
        first = draw(st.integers(0, len(bounds) - 1))
        last = draw(st.integers(first, min(first + 3, len(bounds) - 1)))
        return bounds[first][0], bounds[last][1]

    mentions = []
    for i in range(draw(st.integers(0, 4))):
        start, end = some_range()
        score = draw(st.sampled_from([None, 0.5]))
        mentions.append(Mention(id=f"m{i}", start=start, end=end, label=draw(st.sampled_from("AB")), score=score))
    events = []
    for i in range(draw(st.integers(0, 3))):
        start, end = some_range()
        fillers = draw(st.lists(st.tuples(st.sampled_from("RS"), st.sampled_from(mentions)), max_size=3)) if mentions else []
        arguments = tuple(Argument(role=r, mention=m) for r, m in dict.fromkeys((r, m.id) for r, m in fillers))
        attributes = draw(st.sampled_from([{}, {"modality": "PLANNED"}]))
        meta = draw(st.sampled_from([None, {"note": "🕊"}]))
        event = Event(id=f"e{i}", start=start, end=end, label="T", arguments=arguments, attributes=attributes, meta=meta)
        events.append(event)
    stances = [Stance(holder=None, target=m.id, label="FAVOR") for m in mentions[:1]]
    if len(mentions) > 1:
        stances.append(Stance(holder=mentions[0].id, target=mentions[1].id, label="AGAINST", score=0.25))
    layers = {"mentions": tuple(mentions), "events": tuple(events), "stances": tuple(stances)}
    if not mentions:  # what may be absent without leaving others dangling
        layers = {key: own for key, own in layers.items() if draw(st.booleans())}
    return Article(id="a", text=text, annotations=(Annotation.model_validate({"annotator": "gold", **layers}),))


@settings(max_examples=150, deadline=None)
@given(article=articles())
def test_article_to_doc_to_bytes_and_back_is_the_identity(article: Article) -> None:
    assert there_and_back(article) == article


def test_the_example_article_survives() -> None:
    article = gold_article("a")
    assert there_and_back(article) == article


@pytest.mark.parametrize("text", ["a\r\nb c", "🕊 a\tb", "a\u00a0b", " a", "a\n", "\n\n a"])
def test_text_is_kept_verbatim(nlp: Language, text: str) -> None:
    doc, _ = to_doc(Article(id="a", text=text), None, nlp)
    assert through_bytes(doc).text == text


def test_absent_layers_stay_absent(nlp: Language) -> None:
    doc, _ = to_doc(Article(id="a", text="a b"), Annotation(annotator="gold", mentions=None), nlp)
    assert not doc.spans
    assert not doc.has_annotation("ENT_IOB")


def test_empty_layers_stay_empty(nlp: Language) -> None:
    article = Article(id="a", text="a b", annotations=(Annotation(annotator="gold", mentions=(), events=(), stances=()),))
    assert there_and_back(article) == article
    doc, _ = to_doc(article, article.annotations[0], nlp)
    assert all(token.ent_iob_ == "O" for token in doc)


def test_what_components_cannot_hold_is_counted(nlp: Language) -> None:
    mentions = (
        Mention(id="m1", start=0, end=24, label="ORG"),
        Mention(id="m2", start=0, end=7, label="NORP"),
        Mention(id="m3", start=9, end=12, label="NORP"),
    )
    events = (
        Event(id="e1", start=25, end=29, label="SAY"),
        Event(id="e2", start=25, end=29, label="ACCUSE"),
        Event(id="e3", start=25, end=34, label="SAY"),
        Event(id="e4", start=26, end=28, label="SAY"),
    )
    article = Article(id="a", text="Iranian Foreign Ministry said more")
    _, losses = to_doc(article, Annotation(annotator="gold", mentions=mentions, events=events), nlp)
    assert losses == Losses(
        n_articles=1,
        n_mentions=3,
        n_overlapping_mentions=2,
        n_moved_mentions=1,
        n_events=4,
        n_second_types=2,
        n_overlapping_triggers=1,
        n_moved_triggers=1,
    )


def test_what_pairs_never_see_is_counted(nlp: Language) -> None:
    mentions = (Mention(id="m1", start=0, end=4, label="GPE"), Mention(id="m2", start=19, end=24, label="GPE"))
    arguments = tuple(Argument(role=r, mention=m) for r, m in (("A", "m1"), ("B", "m1"), ("A", "m2")))
    events = (Event(id="e1", start=5, end=12, label="ACCUSE", arguments=arguments),)
    stances = (Stance(holder="m1", target="m2", label="AGAINST"), Stance(holder=None, target="e1", label="FAVOR"))
    annotation = Annotation(annotator="gold", mentions=mentions, events=events, stances=stances)
    _, losses = to_doc(Article(id="a", text="Oslo accused them. Cairo replied."), annotation, nlp)
    assert losses.lines() == [
        "1 of 3 arguments are in another sentence than their trigger: not learnt",
        "1 of 3 arguments are a second role of one mention in one event: not learnt",
        "1 of 2 stances have holder and target in two sentences: not learnt",
        "1 of 2 stances are the article's own: not learnt",
    ]


def test_all_mentions_stay_on_the_doc(nlp: Language) -> None:
    mentions = (Mention(id="m1", start=0, end=3, label="A"), Mention(id="m2", start=0, end=1, label="B"))
    doc, _ = to_doc(Article(id="a", text="x y"), Annotation(annotator="gold", mentions=mentions), nlp)
    assert [s.id_ for s in doc.spans["mentions"]] == ["m1", "m2"]
    assert [e.label_ for e in doc.ents] == ["A"]


def test_entities_are_trimmed_of_white_space(nlp: Language) -> None:
    annotation = Annotation(annotator="gold", mentions=(Mention(id="m1", start=0, end=4, label="A"),))
    doc, _ = to_doc(Article(id="a", text="ab  cd"), annotation, nlp)
    assert [e.text for e in doc.ents] == ["ab"]


def test_another_text_is_refused(nlp: Language) -> None:
    doc, _ = to_doc(Article(id="a", text="one"), None, nlp)
    with pytest.raises(AlignmentError, match="article 'a': differs"):
        from_doc(doc, Article(id="a", text="two"), annotator="gold")


def test_convert_leaves_out_articles_without_annotation(nlp: Language, tmp_path: Path) -> None:
    path = tmp_path / "train.spacy"
    losses = convert_records([gold_article("a"), Article(id="b", text="b")], nlp, path)
    assert losses.n_articles == 2
    assert losses.lines() == ["1 of 2 articles without annotation: left out"]
    assert [d.user_data["article"] for d in DocBin().from_disk(path).get_docs(nlp.vocab)] == ["a"]


def test_convert_refuses_to_overwrite(nlp: Language, tmp_path: Path) -> None:
    path = tmp_path / "train.spacy"
    convert_records([gold_article("a")], nlp, path)
    with pytest.raises(DataError, match="is there already"):
        convert_records([gold_article("a")], nlp, path)


def test_the_same_articles_give_the_same_bytes(nlp: Language, tmp_path: Path) -> None:
    for name in ("one", "two"):
        convert_records([gold_article("a"), gold_article("b")], nlp, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
