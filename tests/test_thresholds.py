"""Thresholds are chosen where there is enough to choose by."""

import pytest
from spacy.language import Language
from spacy.tokens import Doc
from test_components import articles, train_small

from training.components.tagger import SpanTagger
from training.convert import to_doc
from training.thresholds import GRID, choose_thresholds


@pytest.fixture(scope="module")
def nlp(tmp_path_factory: pytest.TempPathFactory) -> Language:
    return train_small(tmp_path_factory.mktemp("small"), articles(), 12)  # half learnt: sure of little


def gold_docs(nlp: Language, n_docs: int) -> list[Doc]:
    return [to_doc(a, a.annotations[0], nlp)[0] for a in articles()[:n_docs]]


def _keys(doc: Doc) -> set[tuple[int, int, str]]:
    return {(s.start, s.end, s.label_) for s in doc.spans["events"]}


def test_the_threshold_with_the_best_score_is_chosen(nlp: Language) -> None:
    docs = gold_docs(nlp, 36)
    chosen = choose_thresholds(nlp, docs)
    assert set(chosen) == {"ner", "triggers"}
    pipe = nlp.get_pipe("triggers")
    assert isinstance(pipe, SpanTagger)
    assert pipe.cfg["threshold"] == chosen["triggers"]
    scores = {}
    for threshold in GRID:
        pipe.cfg["threshold"] = threshold
        found = [_keys(nlp(doc.text)) for doc in docs]
        gold = [_keys(doc) for doc in docs]
        n_both = sum(len(f & g) for f, g in zip(found, gold, strict=True))
        scores[threshold] = 2 * n_both / sum(len(f) + len(g) for f, g in zip(found, gold, strict=True))
    assert scores[chosen["triggers"]] == max(scores.values())


def test_few_spans_change_nothing(nlp: Language) -> None:
    assert choose_thresholds(nlp, gold_docs(nlp, 3)) == {}


def test_absent_layers_change_nothing(nlp: Language) -> None:
    assert choose_thresholds(nlp, [nlp.make_doc(a.text) for a in articles()]) == {}
