"""Thresholds are chosen where there is enough to choose by."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from test_components import articles, train_small

from annotate.records import Article
from training.components.tagger import SpanTagger
from training.convert import to_doc
from training.judged import Judged
from training.thresholds import GRID, MIN_FOUND, choose_cutoffs, choose_thresholds, steps_of


@pytest.fixture(scope="module")
def nlp(tmp_path_factory: pytest.TempPathFactory) -> Language:
    return train_small(tmp_path_factory.mktemp("small"), doubtful(), 12)  # half learnt: sure of little


def doubtful() -> list[Article]:
    """The articles three times; of a third of them all, arguments and stances are missing."""
    made = []
    for number, article in enumerate(articles() * 3):
        gold = article.annotations[0]
        if number % 3 == 0:
            events = tuple(event.model_copy(update={"arguments": ()}) for event in gold.events or ())
            gold = gold.model_copy(update={"events": events, "stances": ()})
        made.append(article.model_copy(update={"annotations": (gold,)}))
    return made


def gold_docs(nlp: Language, n_docs: int) -> list[Doc]:
    return [to_doc(a, a.annotations[0], nlp)[0] for a in doubtful()[:n_docs]]


def examples(nlp: Language, n_docs: int) -> list[Example]:
    return [Example(nlp.make_doc(doc.text), doc) for doc in gold_docs(nlp, n_docs)]


def gold_only(reference: Doc) -> Doc:
    """The text with its gold mentions and triggers, and nothing that joins them."""
    doc = reference.copy()
    del doc.spans["stances"]
    doc.spans["events"].attrs = {}
    return doc


def _keys(doc: Doc) -> set[tuple[int, int, str]]:
    return {(s.start, s.end, s.label_) for s in doc.spans["events"]}


def test_the_threshold_with_the_best_score_is_chosen(nlp: Language) -> None:
    docs = gold_docs(nlp, 108)
    chosen = choose_thresholds(nlp, examples(nlp, 108))
    assert set(chosen) == {"ner", "triggers", "arguments", "stance"}
    pipe = nlp.get_pipe("triggers")
    assert isinstance(pipe, SpanTagger)
    assert chosen["triggers"] == {"threshold": pipe.cfg["threshold"]}
    scores = {}
    for threshold in GRID:
        pipe.cfg["threshold"] = threshold
        found = [_keys(nlp(doc.text)) for doc in docs]
        gold = [_keys(doc) for doc in docs]
        n_both = sum(len(f & g) for f, g in zip(found, gold, strict=True))
        scores[threshold] = 2 * n_both / sum(len(f) + len(g) for f, g in zip(found, gold, strict=True))
    pipe.cfg |= chosen["triggers"]
    assert scores[pipe.cfg["threshold"]] == max(scores.values())


@pytest.mark.parametrize(("name", "score"), [("arguments", "arguments_attached_f"), ("stance", "stances_f")])
def test_arguments_and_stances_have_the_threshold_that_is_best_after_those_before(nlp: Language, name: str, score: str) -> None:
    chosen = choose_thresholds(nlp, examples(nlp, 108))
    pipe: Any = nlp.get_pipe(name)
    scores = {}
    for threshold in GRID:
        pipe.cfg["joint_threshold"] = threshold
        scores[threshold] = nlp.evaluate(examples(nlp, 108))[score]
    pipe.cfg |= chosen[name]
    assert min(scores.values()) < max(scores.values())
    assert scores[chosen[name]["joint_threshold"]] == max(scores.values())


@pytest.mark.parametrize(("name", "score"), [("arguments", "arguments_attached_f"), ("stance", "stances_f")])
def test_a_role_and_a_label_have_the_threshold_that_is_best_where_spans_are_given(nlp: Language, name: str, score: str) -> None:
    for component in ("arguments", "stance"):  # so that the one chosen end to end takes nothing away from the other
        nlp.get_pipe(component).cfg["joint_threshold"] = 0.01  # type: ignore[attr-defined]
    chosen = choose_thresholds(nlp, examples(nlp, 108))
    pipe: Any = nlp.get_pipe(name)
    scores = {}
    for threshold in GRID:
        pipe.cfg |= {"threshold": threshold, "joint_threshold": 0.01}
        given = [Example(gold_only(eg.reference), eg.reference) for eg in examples(nlp, 108)]
        with nlp.select_pipes(disable=["ner", "triggers", "attributes"]):
            scores[threshold] = nlp.evaluate(given)[score]
    pipe.cfg |= chosen[name]
    assert min(scores.values()) < max(scores.values())
    assert scores[chosen[name]["threshold"]] == max(scores.values())


def test_few_spans_change_nothing(nlp: Language) -> None:
    before = {name: dict(nlp.get_pipe(name).cfg) for name in ("ner", "triggers", "arguments", "stance")}  # type: ignore[attr-defined]
    assert choose_thresholds(nlp, examples(nlp, 3)) == {}
    assert before == {name: nlp.get_pipe(name).cfg for name in before}  # type: ignore[attr-defined]


def test_absent_layers_change_nothing(nlp: Language) -> None:
    bare = [nlp.make_doc(article.text) for article in articles()]
    assert choose_thresholds(nlp, [Example(doc.copy(), doc) for doc in bare]) == {}


def judged(found: list[tuple[float, bool]], label: str = "GPE") -> list[Judged]:
    return [Judged("mentions", label, score, (), is_right) for score, is_right in found]


def test_steps_name_the_lowest_score_that_promises_a_precision() -> None:
    found = [(0.9, True), (0.8, True), (0.8, True), (0.7, False), (0.6, True), (0.6, True), (0.5, False)]
    # promised from 0.9 on: 2/3; 0.8: 4/5; 0.7: 4/6; 0.6: 6/8; 0.5: 6/9
    assert steps_of(judged(found)) == [(0.6667, 0.5), (0.75, 0.6), (0.8, 0.8)]
    assert steps_of([]) == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([i / 10 for i in range(11)]), st.booleans()), max_size=60))
def test_steps_rise_and_keep_what_they_promise(found: list[tuple[float, bool]]) -> None:
    steps = steps_of(judged(found))
    assert steps == sorted(steps)
    assert len({promised for promised, _ in steps}) == len({score for _, score in steps}) == len(steps)
    for promised, cutoff in steps:
        kept = [is_right for score, is_right in found if score >= cutoff]
        assert promised == round((sum(kept) + 1) / (len(kept) + 2), 4)


def test_rare_labels_share_a_cutoff_and_very_rare_ones_have_none(nlp: Language) -> None:
    often = judged([(0.9, True)] * MIN_FOUND)
    few = [*judged([(0.7, True)] * 12, "ORG"), *judged([(0.6, False)] * 12, "LAW")]
    pipe = nlp.get_pipe("ner")
    assert isinstance(pipe, SpanTagger)
    choose_cutoffs(nlp, [*often, *few])
    assert set(pipe.cfg["cutoffs"]["labels"]) == {"GPE"}
    assert pipe.cfg["cutoffs"]["rest"] == steps_of(few)
    choose_cutoffs(nlp, [*often, *few[:3]])
    assert pipe.cfg["cutoffs"]["rest"] == []
