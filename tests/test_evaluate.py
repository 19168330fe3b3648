"""Scores say what they claim: exact counts, an interval over stories, and nothing for layers that were not there."""

import json
from random import Random

import numpy as np
import pytest
import spacy
from conftest import gold_annotation, gold_article
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from annotate.matching import SCORES
from annotate.records import Annotation, Stance
from annotate.scores import MIN_STORIES, interval
from training.convert import to_doc
from training.evaluate import GIVEN, Pair, abilities, evaluate, score
from training.report import to_html

NUMBERS = {"p", "r", "f", "tp", "fp", "fn", "n_gold"}


def pair(number: int, *, found: Annotation | None = None, story: str | None = None) -> Pair:
    article = gold_article(f"a{number}", story=story)
    gold = article.annotations[0]
    return Pair(article, gold, gold if found is None else found, gold)


def half() -> Annotation:
    """The gold marks without the second event and the stance."""
    gold = gold_annotation()
    return gold.model_copy(update={"events": gold.events[:1], "stances": ()})


def test_json_has_the_agreed_keys_and_no_others() -> None:
    plain = score([pair(i) for i in range(12)]).to_json()
    assert set(plain) == {*SCORES, "given", "calibration"}
    assert set(plain["given"]) == set(GIVEN)
    for result in (*(plain[name] for name in SCORES), *plain["given"].values()):
        assert set(result) == NUMBERS | {"ci", "per_label"}
        assert all(set(row) == NUMBERS for row in result["per_label"].values())
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_perfect_predictions_score_one_with_a_closed_interval() -> None:
    scores = score([pair(i) for i in range(MIN_STORIES)])
    assert {result.counts.f1 for result in scores.results.values()} == {1.0}
    assert {result.ci for result in scores.results.values()} == {(1.0, 1.0)}


def test_counts_are_summed_before_ratios_are_taken() -> None:
    triggers = score([pair(0), pair(1, found=half())]).results["triggers"].counts
    assert (triggers.tp, triggers.fp, triggers.fn) == (3, 0, 1)
    assert triggers.recall == 0.75


def test_interval_is_drawn_over_stories_not_articles() -> None:
    mixed = [pair(i, found=half() if i % 2 else None, story=f"s{i // 20}") for i in range(200)]
    apart = [pair(i, found=half() if i % 2 else None) for i in range(200)]
    low, high = score(mixed).results["triggers"].ci or (0, 0)
    assert low == high  # every story is half right, so every draw gives the same
    low, high = score(apart).results["triggers"].ci or (0, 0)
    assert low < score(apart).results["triggers"].counts.f1 < high


def test_interval_covers_the_plain_percentiles_of_resampled_f1() -> None:
    rows = np.array(
        [[3, 1, 2], [0, 2, 1], [5, 0, 0], [1, 1, 1], [0, 0, 0], [2, 3, 0], [4, 1, 1], [0, 1, 3], [2, 2, 2], [6, 1, 0]]
    )
    random = Random(3)
    slow = []
    for _ in range(4000):
        tp, fp, fn = np.sum([random.choice(rows) for _ in rows], axis=0)
        slow.append(2 * tp / (2 * tp + fp + fn))
    assert interval(rows, n_resamples=4000) == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])), abs=0.02)


def test_too_few_stories_have_no_interval() -> None:
    scores = score([pair(i, story=f"s{i % 3}") for i in range(30)])
    assert scores.n_stories == 3
    assert {result.ci for result in scores.results.values()} == {None}


def test_nothing_to_count_has_no_interval() -> None:
    assert interval(np.zeros((20, 3), dtype=np.int64)) is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=10, max_size=20), st.randoms())
def test_order_of_articles_does_not_matter(right: list[bool], random: Random) -> None:
    pairs = [pair(i, found=None if good else half()) for i, good in enumerate(right)]
    assert score(pairs).to_json() == score(random.sample(pairs, len(pairs))).to_json()


def test_same_seed_same_interval_another_seed_another() -> None:
    pairs = [pair(i, found=half() if i % 3 else None) for i in range(15)]
    once, again, other = (score(pairs, seed=seed).results["triggers"].ci for seed in (1, 1, 2))
    assert once == again != other


def test_a_layer_nobody_annotated_is_not_scored_and_named() -> None:
    article = gold_article("a")
    gold = article.annotations[0].model_copy(update={"stances": None})
    scores = score([Pair(article, gold, gold, gold)])
    assert "stances" not in scores.results
    assert scores.unscored == {"stances": "nobody annotated it"}


def test_a_layer_the_model_lacks_is_not_scored_and_named() -> None:
    able = [name for name in SCORES if name != "stances"]
    scores = score([pair(0)], can=able)
    assert "stances" not in {**scores.results, **scores.given}
    assert scores.unscored == {"stances": "the model does not predict it"}


def test_the_articles_own_stances_are_in_no_score() -> None:
    article = gold_article("a")
    gold = article.annotations[0]
    own = gold.model_copy(update={"stances": (*gold.stances, Stance(holder=None, target="m2", label="AGAINST"))})
    scores = score([Pair(article, own, gold, gold)])
    assert scores.results["stances"].counts.f1 == 1.0
    assert scores.n_article_stances == 1


def altered(step: int) -> Annotation:
    """The gold marks with one thing after another made wrong."""
    gold = gold_annotation()
    first, second = gold.events
    changes: list[dict[str, object]] = [
        {},
        {"events": (first, second.model_copy(update={"label": "AGREE"}))},
        {"events": (first.model_copy(update={"attributes": {"modality": "NEGATED"}}), second)},
        {"events": (first.model_copy(update={"arguments": first.arguments[:1]}), second.model_copy(update={"start": 54}))},
        {"mentions": (gold.mentions[0].model_copy(update={"label": "ORG"}), *gold.mentions[1:]), "stances": ()},
        {"stances": (Stance(holder="m2", target="m1", label="FAVOR"), Stance(holder=None, target="e1", label="FAVOR"))},
    ]
    return gold.model_copy(update=changes[step % len(changes)])


def test_components_count_as_we_do() -> None:
    import spacy
    from spacy.scorer import Scorer
    from spacy.training import Example

    from training.components import scoring
    from training.convert import to_doc

    nlp = spacy.blank("en")
    pairs = [pair(i, found=altered(i)) for i in range(12)]
    examples = [Example(to_doc(p.article, p.found, nlp)[0], to_doc(p.article, p.gold, nlp)[0]) for p in pairs]
    theirs = dict(Scorer.score_spans(examples, "ents"))
    for count in (scoring.score_triggers, scoring.score_arguments, scoring.score_attributes, scoring.score_stances):
        theirs |= count(examples)
    ours = score(pairs).to_json()
    for name in SCORES:
        prefix = "ents" if name == "mentions" else name
        assert 0 < ours[name]["f"] < 1, name
        for ratio in "prf":
            assert ours[name][ratio] == pytest.approx(theirs[f"{prefix}_{ratio}"]), (name, ratio)
        for label, row in ours[name]["per_label"].items():
            if name != "arguments_id":
                assert row["f"] == pytest.approx(theirs[f"{prefix}_per_type"][label]["f"]), (name, label)


def test_entities_of_any_component_are_mentions() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "GPE", "pattern": "Tehran"}])  # type: ignore[attr-defined]
    assert abilities(nlp) == ("mentions",)
    scores = evaluate(nlp, [gold_article("a")])
    assert (scores.results["mentions"].counts.tp, scores.results["mentions"].counts.fn) == (1, 2)


@Language.component("tests_stance")
def add_stance(doc: Doc) -> Doc:
    """A stance between mentions that no component says it finds."""
    marked, _ = to_doc(gold_article("a"), gold_annotation(), spacy.blank("en"))
    for name in ("mentions", "stances"):
        group = marked.spans[name]
        spans = [Span(doc, s.start, s.end, label=s.label_, span_id=s.id_) for s in group]
        doc.spans[name] = SpanGroup(doc, name=name, spans=spans, attrs=dict(group.attrs))
    return doc


def test_stances_on_marks_that_the_model_does_not_predict_are_not_scored() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("tests_stance")
    scores = evaluate(nlp, [gold_article("a")])
    assert scores.results == {}
    assert scores.unscored["stances"] == "the model does not predict what it builds on"
    assert scores.pairs[0].found.stances == ()
    assert "stances: not scored" in to_html(scores, title="t")
    bare = gold_annotation().model_copy(update={"stances": None})
    unmarked = evaluate(nlp, [gold_article("a").model_copy(update={"annotations": (bare,)})])
    assert unmarked.unscored["stances"] == "nobody annotated it"
