"""One comparison for agreement and evaluation: sets of exact matches, whatever the order."""

import math
from functools import reduce
from operator import add
from random import Random

import pytest
from conftest import gold_annotation
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.matching import SCORES, Counts, Score, count_article_stances, count_matches, match
from annotate.records import Annotation, Argument, Event, Mention, Stance


@st.composite
def annotations(draw: st.DrawFn, *, absent: bool = True) -> Annotation:
    """Small annotations over few offsets and labels, so that two of them often overlap."""
    spans = st.sampled_from([(0, 3), (0, 5), (4, 9), (10, 12)])
    mentions = tuple(
        Mention(id=f"m{i}", start=s, end=e, label=label)
        for i, ((s, e), label) in enumerate(draw(st.lists(st.tuples(spans, st.sampled_from("AB")), max_size=4)))
    )
    ids = [m.id for m in mentions]
    fillers = st.lists(st.tuples(st.sampled_from(["ACTOR", "DATE"]), st.sampled_from(ids)), max_size=3, unique=True)
    events = tuple(
        Event(
            id=f"e{i}",
            start=s,
            end=e,
            label=draw(st.sampled_from(["MEET", "HIT"])),
            arguments=tuple(Argument(role=r, mention=m) for r, m in (draw(fillers) if ids else ())),
            attributes=draw(st.sampled_from([{}, {"modality": "PLANNED"}, {"modality": "ASSERTED"}])),
        )
        for i, (s, e) in enumerate(draw(st.lists(spans, max_size=3)))
    )
    targets = ids + [e.id for e in events]
    pairs = st.tuples(st.sampled_from([None, *ids]), st.sampled_from(targets or ["-"]))
    stances = tuple(
        Stance(holder=h, target=t, label=draw(st.sampled_from(["FAVOR", "AGAINST"])))
        for h, t in (draw(st.lists(pairs, max_size=3, unique=True)) if targets else ())
    )
    layers = {"mentions": mentions, "events": events, "stances": stances}
    if absent and not stances and draw(st.booleans()):
        layers["stances"] = None
    return Annotation(annotator="gold", **layers)


def shuffled(annotation: Annotation, seed: int) -> Annotation:
    """The same marks in another order, under other ids."""
    random = Random(seed)

    def mixed(items: tuple) -> tuple:
        return tuple(random.sample(items, len(items)))

    return annotation.model_copy(
        update={
            "mentions": mixed(annotation.mentions or ()),
            "events": tuple(e.model_copy(update={"arguments": mixed(e.arguments)}) for e in mixed(annotation.events or ())),
            "stances": None if annotation.stances is None else mixed(annotation.stances),
        }
    )


@settings(deadline=None)
@given(annotations(), annotations(), st.integers())
def test_order_of_items_does_not_matter(first: Annotation, second: Annotation, seed: int) -> None:
    assert count_matches(first, second) == count_matches(shuffled(first, seed), shuffled(second, seed + 1))


@settings(deadline=None)
@given(annotations())
def test_a_copy_gives_f_1_wherever_there_is_something(annotation: Annotation) -> None:
    for counts in count_matches(annotation, annotation.model_copy()).values():
        assert counts.f1 == 1.0 if counts.n_gold else math.isnan(counts.f1)


@settings(deadline=None)
@given(annotations(), annotations())
def test_swapped_sides_swap_precision_and_recall(first: Annotation, second: Annotation) -> None:
    there, back = count_matches(first, second), count_matches(second, first)
    assert there.keys() == back.keys()
    for score, counts in there.items():
        other = back[score]
        assert (counts.tp, counts.fp, counts.fn) == (other.tp, other.fn, other.fp)
        assert counts.precision == pytest.approx(other.recall, nan_ok=True)
        assert counts.f1 == pytest.approx(other.f1, nan_ok=True)


@settings(deadline=None)
@given(st.lists(st.tuples(annotations(), annotations()), min_size=1, max_size=4), st.randoms())
def test_corpus_order_and_doubling_leave_f1_unchanged(pairs: list[tuple[Annotation, Annotation]], random: Random) -> None:
    def total(some: list[tuple[Annotation, Annotation]], score: Score) -> Counts:
        return reduce(add, (count_matches(*pair).get(score, Counts()) for pair in some), Counts())

    mixed = random.sample(pairs, len(pairs))
    for score in SCORES:
        once = total(pairs, score)
        assert total(mixed, score) == once
        assert total(pairs + mixed, score).f1 == pytest.approx(once.f1, nan_ok=True)


@settings(deadline=None)
@given(annotations(), annotations())
def test_labels_add_up_to_the_whole(first: Annotation, second: Annotation) -> None:
    for score, counts in count_matches(first, second).items():
        rows = list(counts.per_label.values())
        if score == "triggers_id":
            assert rows == []
        else:
            assert (counts.tp, counts.fp, counts.fn) == tuple(sum(row[i] for row in rows) for i in range(3))


def test_every_score_counts_what_it_says() -> None:
    gold = gold_annotation()
    wrong_type = gold.model_copy(
        update={
            "events": (
                gold.events[0].model_copy(update={"attributes": {"modality": "PLANNED"}}),
                gold.events[1].model_copy(update={"label": "AGREE"}),
            ),
            "stances": (Stance(holder="m2", target="m1", label="AGAINST"),),
        }
    )
    found = {score: (c.tp, c.fp, c.fn) for score, c in count_matches(gold, wrong_type).items()}
    assert found == {
        "mentions": (3, 0, 0),
        "triggers_id": (2, 0, 0),
        "triggers": (1, 1, 1),
        "arguments_id": (2, 1, 1),
        "arguments": (2, 1, 1),
        "arguments_attached": (2, 1, 1),
        "attributes": (0, 1, 1),  # of the one trigger that both have
        "stances": (0, 1, 1),  # the other way round is another stance
    }


def test_attached_arguments_tell_two_triggers_of_one_type_apart() -> None:
    def annotation(start: int) -> Annotation:
        meeting = Event(id="e1", start=start, end=start + 2, label="MEET", arguments=(Argument(role="ACTOR", mention="m1"),))
        return Annotation(annotator="gold", mentions=(Mention(id="m1", start=0, end=3, label="GPE"),), events=(meeting,))

    found = count_matches(annotation(5), annotation(9))
    assert found["arguments"].f1 == 1.0
    assert found["arguments_attached"].f1 == 0.0


def test_an_item_that_is_there_twice_counts_once() -> None:
    gold = gold_annotation()
    twice = gold.model_copy(update={"mentions": (*gold.mentions, gold.mentions[0].model_copy(update={"id": "m9"}))})
    assert count_matches(gold, twice)["mentions"] == count_matches(gold, gold)["mentions"]


@pytest.mark.parametrize(
    ("absent", "scored"),
    [
        ({"stances": None}, set(SCORES) - {"stances"}),
        ({"events": None}, {"mentions", "stances"}),
        ({"events": None, "stances": None}, {"mentions"}),
        ({"mentions": None, "events": None, "stances": None}, set()),
    ],
    ids=["stances", "events", "events and stances", "all"],
)
def test_a_layer_absent_on_either_side_is_not_scored(absent: dict[str, None], scored: set[str]) -> None:
    gold = gold_annotation()
    partial = gold.model_copy(update=absent)
    assert set(count_matches(gold, partial)) == set(count_matches(partial, gold)) == scored


def test_triggers_without_a_mention_layer_are_scored_without_their_arguments() -> None:
    only_triggers = Annotation(annotator="gold", events=(Event(id="e1", start=0, end=3, label="MEET"),))
    assert set(count_matches(only_triggers, only_triggers)) == {"triggers_id", "triggers", "attributes"}


def test_an_empty_layer_is_scored() -> None:
    gold = gold_annotation()
    empty = gold.model_copy(update={"stances": ()})
    assert count_matches(gold, empty)["stances"] == Counts(0, 0, 1, {"AGAINST": (0, 0, 1)})


def test_the_articles_own_stances_are_counted_apart() -> None:
    gold = gold_annotation()
    own = gold.model_copy(update={"stances": (*gold.stances, Stance(holder=None, target="m2", label="AGAINST"))})
    assert count_matches(own, gold)["stances"].f1 == 1.0
    assert count_article_stances(own, gold) == Counts(0, 0, 1, {"AGAINST": (0, 0, 1)})


def test_matches_hold_the_items_themselves() -> None:
    gold = gold_annotation()
    found = match(gold, gold.model_copy(update={"mentions": gold.mentions[:2], "events": (), "stances": ()}))
    (missed,) = found["mentions"].first_only
    assert (missed.offsets, missed.label) == ((46, 52), "DATE")


def test_ratios_of_nothing() -> None:
    assert math.isnan(Counts().f1)
    assert Counts(fn=2).precision == 0.0
    assert Counts(fp=2).recall == 0.0
    assert Counts(1, 1, 0).f1 == pytest.approx(2 / 3)


@pytest.mark.parametrize("side", ["first", "second", "both"])
def test_stances_without_the_mentions_they_join_are_not_scored(side: str) -> None:
    gold = gold_annotation()
    bare = gold.model_copy(update={"mentions": None})
    pair = {"first": (bare, gold), "second": (gold, bare), "both": (bare, bare)}[side]
    assert set(match(*pair)) == {"triggers_id", "triggers", "attributes"}


def test_the_articles_own_stances_on_events_need_no_mentions() -> None:
    bare = gold_annotation().model_copy(
        update={"mentions": None, "stances": (Stance(holder=None, target="e1", label="AGAINST"),)}
    )
    assert count_article_stances(bare, bare) == Counts(1, 0, 0, {"AGAINST": (1, 0, 0)})


def test_what_points_to_nothing_matches_nothing() -> None:
    """No file gets that far: whatever reads one refuses it."""
    gold = gold_annotation()
    lost = gold.model_copy(update={"mentions": (gold.mentions or ())[1:]})  # Tehran: actor of the accusation, holder
    found = match(lost, lost)
    assert {score: len(found[score].both) for score in ("mentions", "arguments_attached", "stances")} == {
        "mentions": 2,
        "arguments_attached": 2,
        "stances": 0,
    }
    assert count_matches(gold, lost)["stances"] == Counts(0, 0, 1, {"AGAINST": (0, 0, 1)})
    own = lost.model_copy(update={"stances": (Stance(holder=None, target="m1", label="FAVOR"),)})
    assert count_article_stances(own, own) == Counts()
