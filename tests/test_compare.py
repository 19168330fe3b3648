"""Two models compared: both see the same draws of stories, and nothing is claimed without evidence."""

from collections.abc import Sequence
from random import Random

import pytest
from conftest import gold_annotation, gold_article

from annotate.matching import Counts
from annotate.records import Annotation
from annotate.scores import MIN_STORIES
from training.compare import MIN_LABELS, Gap, compare, gap, to_text
from training.evaluate import Pair, Scores, score


def model(misses: Sequence[bool]) -> Scores:
    """A model on one article for each of the stories, which misses the second event where it is told to."""
    pairs = []
    for number, is_missed in enumerate(misses):
        article = gold_article(f"a{number:03}", story=f"s{number:03}")
        gold = article.annotations[0]
        found = gold.model_copy(update={"events": (gold.events or ())[:1]}) if is_missed else gold
        pairs.append(Pair(article, gold, found, gold))
    return score(pairs, n_resamples=1)


def test_a_model_compared_with_itself_shows_nothing() -> None:
    same = model([i % 3 == 0 for i in range(30)])
    gaps = compare(same, same)
    assert {gap.ci for gap in gaps.values()} == {(0.0, 0.0)}
    assert {gap.p for gap in gaps.values()} == {1.0}
    assert to_text(gaps, ("a", "b")).endswith("no difference shown")


def test_a_clear_gain_is_shown_with_its_direction() -> None:
    gaps = compare(model([True] * 30), model([False] * 30))
    assert gaps["triggers"] == Gap(pytest.approx(2 / 3), 1.0, pytest.approx((1 / 3, 1 / 3)), pytest.approx(2 / 10_001), 60)
    assert "the second is better: triggers_id, triggers" in to_text(gaps, ("a", "b"))
    assert "the first is better: triggers_id, triggers" in to_text(compare(model([False] * 30), model([True] * 30)), ("a", "b"))


def test_draws_are_paired() -> None:
    """Both miss the same half of the stories, the second one more: unpaired, the spread would swallow the gain."""
    misses = [i % 2 == 0 for i in range(60)]
    worse = [i % 2 == 0 or i < 12 for i in range(60)]
    ci = compare(model(worse), model(misses))["triggers"].ci
    assert ci is not None and 0 < ci[0] < ci[1] < 0.1


def test_chance_is_called_a_difference_about_as_often_as_promised() -> None:
    """Two models that miss at random, alike: the 95 % interval leaves 0 out in about one comparison of twenty."""
    random = Random(1)
    shown = 0
    for _ in range(100):
        sides = [[Counts(tp=1, fn=int(random.random() < 0.4)) for _ in range(40)] for _ in range(2)]
        shown += gap(*sides, seed=0).is_shown
    assert 1 <= shown <= 12


def test_few_stories_have_no_interval_and_no_claim() -> None:
    gaps = compare(model([True] * (MIN_STORIES - 1)), model([False] * (MIN_STORIES - 1)))
    assert (gaps["triggers"].ci, gaps["triggers"].p) == (None, None)
    assert "too few stories" in to_text(gaps, ("a", "b")) and "no difference shown" in to_text(gaps, ("a", "b"))


def test_labels_have_lines_from_enough_examples_on() -> None:
    gaps = compare(model([False] * MIN_LABELS), model([True] * MIN_LABELS))
    assert gaps["triggers CONSULT"].second == 0.0 and gaps["triggers ACCUSE"].second == 1.0
    assert "triggers ACCUSE" not in compare(model([False] * (MIN_LABELS - 1)), model([True] * (MIN_LABELS - 1)))


def test_attributes_are_compared_on_the_same_triggers_only() -> None:
    gaps = compare(model([True] * 12), model([False] * 12))
    assert "given attributes" in gaps and "attributes" not in gaps


def test_scores_that_one_model_lacks_are_left_out() -> None:
    whole = model([False] * 12)
    article, gold = gold_article("a"), gold_annotation()
    events = score([Pair(article, gold, Annotation(annotator="model", events=gold.events), None)], n_resamples=1)
    assert set(compare(whole, events)) == {"triggers_id", "triggers"}
