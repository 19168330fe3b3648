"""Each error is classed once: what is right and the classed errors account for every gold and every found item."""

import time
from collections import Counter

import pytest
from conftest import event, gold_annotation, mention
from hypothesis import given, settings
from hypothesis import strategies as st
from test_matching import annotations, shuffled

from annotate.matching import SCORES, Score, match
from annotate.records import Annotation, Mention, Stance
from training.errors import KINDS, confusions, errors_of, kind_order, sense_of
from training.passages import MAX_AROUND, passage

MAY_BE = {
    "mentions": {"wrong type", "wrong boundary"},
    "triggers_id": {"wrong boundary"},
    "triggers": {"wrong type", "wrong boundary"},
    "arguments_id": {"wrong type", "wrong boundary"},
    "arguments": {"wrong type", "wrong role", "wrong boundary"},
    "arguments_attached": {"wrong attachment", "wrong type", "wrong role", "wrong boundary"},
    "attributes": {"wrong modality"},
    "stances": {"wrong direction", "wrong polarity", "wrong boundary"},
}


@settings(deadline=None)
@given(annotations(), annotations())
def test_right_items_and_errors_account_for_every_item_of_both_sides(gold: Annotation, found: Annotation) -> None:
    errors = errors_of(gold, found)
    for score, matches in match(gold, found).items():
        assert Counter(e.gold for e in errors[score] if e.gold is not None) == Counter(matches.first_only)
        assert Counter(e.found for e in errors[score] if e.found is not None) == Counter(matches.second_only)
        n_gold = len(matches.both) + sum(e.gold is not None for e in errors[score])
        n_found = len(matches.both) + sum(e.found is not None for e in errors[score])
        assert n_gold == len(matches.both | matches.first_only)
        assert n_found == len(matches.both | matches.second_only)


@settings(deadline=None)
@given(annotations(), annotations())
def test_each_score_has_its_own_kinds(gold: Annotation, found: Annotation) -> None:
    for score, errors in errors_of(gold, found).items():
        for error in errors:
            if error.gold is None or error.found is None:
                assert error.kind == ("spurious" if error.gold is None else "missed")
            else:
                assert error.kind in MAY_BE[score]


@settings(deadline=None)
@given(annotations(), annotations(), st.integers())
def test_order_and_ids_do_not_matter(gold: Annotation, found: Annotation, seed: int) -> None:
    assert errors_of(gold, found) == errors_of(shuffled(gold, seed), shuffled(found, seed + 1))


@settings(deadline=None)
@given(annotations())
def test_a_copy_has_no_errors(annotation: Annotation) -> None:
    assert not any(errors_of(annotation, annotation.model_copy()).values())


@settings(deadline=None)
@given(st.lists(st.tuples(annotations(), annotations()), max_size=3))
def test_matrices_hold_every_item_once(pairs: list[tuple[Annotation, Annotation]]) -> None:
    matrices = {matrix.title: matrix for matrix in confusions(pairs, SCORES)}
    titles: dict[Score, str] = {
        "mentions": "entity labels",
        "triggers": "event types",
        "arguments_attached": "roles",
        "attributes": "modality",
        "stances": "polarity",
    }
    for score, title in titles.items():
        matches = [found[score] for pair in pairs if score in (found := match(*pair))]
        cells = matrices[title].cells if title in matrices else {}
        for side, expected in (
            (0, sum(len(m.both | m.first_only) for m in matches)),
            (1, sum(len(m.both | m.second_only) for m in matches)),
        ):
            assert sum(n for labels, n in cells.items() if labels[side] is not None) == expected


def changed(**layers: object) -> Annotation:
    return gold_annotation().model_copy(update=layers)


ACCUSED, TALKS = gold_annotation().events or ()
TEHRAN, WASHINGTON, FRIDAY = gold_annotation().mentions or ()
BAD_FAITH = mention("m9", "bad faith", "DATE")


WASHING_ORG = mention("m2", "Washing", "ORG")
BARE_TALKS = event("e2", "talks", "CONSULT")
BOTH = {"ACTOR": "m1", "RECIPIENT": "m2"}


def moved(one: Mention, n: int) -> Mention:
    """The mention with its end n characters further on."""
    return one.model_copy(update={"end": one.end + n})


@pytest.mark.parametrize(
    ("found", "score", "kinds"),
    [
        (changed(mentions=(TEHRAN, WASHINGTON, mention("m3", "Friday", "EVENT"))), "mentions", ["wrong type"]),
        (changed(mentions=(TEHRAN, WASHINGTON, moved(FRIDAY, 2))), "mentions", ["wrong boundary"]),
        (changed(mentions=(TEHRAN, WASHING_ORG, FRIDAY)), "mentions", ["wrong type"]),
        (changed(mentions=(TEHRAN, WASHINGTON, FRIDAY, BAD_FAITH)), "mentions", ["spurious"]),
        (changed(events=(ACCUSED,)), "triggers", ["missed"]),
        (changed(events=(ACCUSED, TALKS.model_copy(update={"label": "AGREE"}))), "triggers", ["wrong type"]),
        (changed(events=(ACCUSED, TALKS.model_copy(update={"start": TALKS.start - 8}))), "triggers", ["wrong boundary"]),
        (
            changed(events=(event("e1", "accused", "ACCUSE", ACTOR="m1", LOCATION="m2"), TALKS)),
            "arguments_attached",
            ["wrong role"],
        ),
        (
            changed(events=(event("e1", "accused", "ACCUSE", **BOTH, DATE="m3"), BARE_TALKS)),
            "arguments_attached",
            ["wrong attachment"],
        ),
        (
            changed(events=(event("e1", "accused", "ACCUSE", **BOTH, LOCATION="m3"), BARE_TALKS)),
            "arguments_attached",
            ["spurious", "missed"],  # another role in another event: two arguments, not one taken for another
        ),
        (changed(events=(ACCUSED, event("e2", "talks", "AGREE", DATE="m3"))), "arguments_attached", ["wrong type"]),
        (changed(mentions=(TEHRAN, WASHINGTON, moved(FRIDAY, 2))), "arguments_attached", ["wrong boundary"]),
        (changed(events=(ACCUSED, event("e2", "talks", "CONSULT", modality="NEGATED"))), "attributes", ["wrong modality"]),
        (changed(stances=(Stance(holder="m1", target="m2", label="FAVOR"),)), "stances", ["wrong polarity"]),
        (changed(stances=(Stance(holder="m2", target="m1", label="AGAINST"),)), "stances", ["wrong direction"]),
        (changed(stances=(Stance(holder="m2", target="m1", label="FAVOR"),)), "stances", ["wrong direction"]),
        (changed(stances=(Stance(holder="m1", target="m3", label="AGAINST"),)), "stances", ["missed", "spurious"]),
        (changed(mentions=(TEHRAN, moved(WASHINGTON, 3), FRIDAY)), "stances", ["wrong boundary"]),
    ],
)
def test_kinds(found: Annotation, score: Score, kinds: list[str]) -> None:
    errors = errors_of(gold_annotation(), found)[score]
    assert sorted(e.kind for e in errors) == sorted(kinds)


def test_what_is_least_wrong_is_paired_first() -> None:
    """Two gold mentions that overlap one found mention: the one whose boundaries are right, or nearer, takes it."""
    near, far = Mention(id="a", start=0, end=9, label="ORG"), Mention(id="b", start=0, end=30, label="ORG")
    found = Annotation(annotator="model", mentions=(Mention(id="x", start=0, end=8, label="ORG"),))
    errors = errors_of(Annotation(annotator="gold", mentions=(far, near)), found)["mentions"]
    assert {(e.kind, e.gold.offsets[1]) for e in errors if e.gold} == {("wrong boundary", 9), ("missed", 30)}


def test_every_kind_has_a_sense_and_a_place() -> None:
    kinds = ["spurious", "wrong modality", "wrong boundary", "wrong type"]
    assert sorted(kinds, key=kind_order) == ["wrong type", "wrong modality", "wrong boundary", "spurious"]
    assert sense_of("wrong modality") == sense_of("wrong certainty") != sense_of("missed")
    assert len(set(KINDS.values())) == len(KINDS)


def test_a_passage_is_the_sentence_of_its_marks() -> None:
    text = "Oslo slept. U.S. envoys met Dr. Vega on Friday. Nobody spoke."
    start = text.index("envoys")
    pieces = passage(text, [("gold", (start, start + 6)), ("found", (start - 5, start + 6))])
    assert [(p.text, p.sides) for p in pieces] == [
        ("U.S. ", ("found",)),
        ("envoys", ("found", "gold")),
        (" met Dr. Vega on Friday. ", ()),
    ]


def test_a_passage_of_two_sentences_leaves_out_what_is_between() -> None:
    text = "Oslo slept. Nobody spoke. Bergen woke."
    pieces = passage(text, [("gold", (0, 4)), ("gold", (26, 32))])
    assert "".join(p.text for p in pieces) == "Oslo slept.  … Bergen woke."
    assert [p.text for p in pieces if p.sides] == ["Oslo", "Bergen"]


@settings(deadline=None)
@given(st.text(alphabet="Ab. \n。", min_size=1, max_size=60), st.data())
def test_a_passage_shows_its_marks_to_the_letter(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    shown = "".join(p.text for p in passage(text, [("gold", (start, end))]) if p.sides == ("gold",))
    assert shown == text[start:end]


def test_a_text_without_sentences_is_cut_to_a_window() -> None:
    text = "word " * 5000
    pieces = passage(text, [("found", (10000, 10004))])
    assert sum(len(p.text) for p in pieces) <= 2 * MAX_AROUND + 10
    assert [pieces[0].is_gap, pieces[-1].is_gap] == [True, True]
    assert pieces[1].text.startswith(" word")


def test_marks_far_apart_in_a_long_article_are_not_compared() -> None:
    """A comparison takes some microseconds: of 2,000 marks with 2,000, all in all, 20 seconds."""

    def side(shift: int) -> Annotation:
        mentions = [Mention(id=f"m{i}", start=10 * i + shift, end=10 * i + shift + 5, label="GPE") for i in range(2000)]
        return Annotation(annotator="gold", mentions=tuple(mentions))

    start = time.process_time()
    errors = errors_of(side(0), side(1))["mentions"]
    assert time.process_time() - start < 2
    assert Counter(e.kind for e in errors) == {"wrong boundary": 2000}
