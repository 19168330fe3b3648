"""What makes the pipeline fast changes nothing that it says, and the benchmark of its speed runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from test_components import articles, train_small
from test_train import corpus
from thinc.api import Model, get_current_ops, use_ops

from annotate.records import write_records
from benchmarks.speed import ratio, shares, words_per_cpu_second
from benchmarks.training_cost import training_cost
from training.components.pairs import _pieces
from training.pipeline import load_model

TEXTS = [" ".join(article.text for article in articles()[i : i + 9]) for i in range(0, 36, 9)]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    train_small(folder, articles(), 60).to_disk(folder / "model")
    return folder / "model"


def rounded(nlp: Language) -> list[object]:
    """All that the pipeline says of the texts, and apart from it the scores."""
    said, scores = [], []
    for doc in nlp.pipe(TEXTS):
        for key, group in doc.spans.items():
            said += [(key, s.start, s.end, s.label_, s.id_) for s in group]
            for name in ("arguments", "attributes", "stances"):
                for item in group.attrs.get(name, ()):
                    said.append(tuple(value for field, value in item.items() if field != "score"))
                    scores.append(item["score"])
            scores += group.attrs.get("scores", {}).values()
    return [said, scores]


def test_either_matrix_product_gives_the_same_predictions(saved: Path) -> None:
    with use_ops("numpy", use_blis=True):
        slow = spacy.load(saved)
    fast = load_model(saved)
    assert (slow.get_pipe("ner").model.ops.use_blis, fast.get_pipe("ner").model.ops.use_blis) == (True, False)
    (said, scores), (fast_said, fast_scores) = rounded(slow), rounded(fast)
    assert len(scores) > 100
    assert said == fast_said
    assert np.allclose(scores, fast_scores, rtol=0, atol=1.5e-4)  # 1e-4, and they are rounded to that


def test_loading_leaves_the_matrix_product_of_others_alone(saved: Path) -> None:
    before = get_current_ops()
    load_model(saved)
    assert get_current_ops() is before


def test_a_layer_computed_once_for_each_segment_is_that_of_the_segments_means() -> None:
    random = np.random.default_rng(0)
    tokens = random.normal(size=(40, 6)).astype("f")
    categories = random.normal(size=(50, 7)).astype("f")
    segments = np.sort(random.integers(0, 41, size=(50, 8, 2)), axis=2)  # empty ones and repeated ones among them
    segments[25:, 0] = segments[0, 0]
    averages = np.zeros((50, 8, 40), dtype="f")
    for (row, number), (start, end) in ((place, segments[place]) for place in np.ndindex(50, 8)):
        averages[row, number, start:end] = 1 / max(end - start, 1)
    model: Any = Model("layer", lambda *_: None, params={"W": random.normal(size=(12, 55)).astype("f"), "b": np.ones(12, "f")})
    weights = model.get_param("W")
    pieces, backprop = _pieces(model, tokens, segments, categories)
    inputs = np.hstack([(averages @ tokens).reshape(50, 48), categories])
    assert np.allclose(pieces, inputs @ weights.T + 1, atol=1e-4)

    d_pieces = random.normal(size=(50, 12)).astype("f")
    d_tokens, d_categories = backprop(d_pieces)
    d_inputs = d_pieces @ weights
    assert np.allclose(d_tokens, np.einsum("rst,rsw->tw", averages, d_inputs[:, :48].reshape(50, 8, 6)), atol=1e-4)
    assert np.allclose(d_categories, d_inputs[:, 48:], atol=1e-4)
    assert np.allclose(model.get_grad("W"), d_pieces.T @ inputs, atol=1e-4)
    assert np.allclose(model.get_grad("b"), d_pieces.sum(axis=0), atol=1e-4)


def test_the_benchmark_compares_the_pipeline_with_entities_alone(saved: Path) -> None:
    nlp = load_model(saved)
    assert 0.1 < ratio(nlp, TEXTS, n_rounds=2) < 1.2
    assert nlp.pipe_names == [name for name in shares(nlp, TEXTS) if name != "tokenizer"]
    assert words_per_cpu_second(nlp, TEXTS, n_words=500) > 0


def test_the_benchmark_compares_training_with_spacys_own_command(tmp_path: Path) -> None:
    for part, made in (("train", corpus(6)), ("dev", corpus(7)[6:])):
        write_records(tmp_path / f"{part}.jsonl", made)
    cost = training_cost(tmp_path, None, n_steps=2)
    assert cost.keys() == {"ours", "spacys"}
    assert 0 < cost["spacys"] < 60 and 0 < cost["ours"] < 60
