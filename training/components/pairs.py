"""The network behind attributes, arguments and stance: it classifies candidates by pooled token vectors and n-grams."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Config, Dropout, HashEmbed, LayerNorm, Linear, Model, chain, concatenate, glorot_uniform_init

from .candidates import N_SEGMENTS, Candidates, ngram_features
from .spans import Ints

Floats = NDArray[np.float32]
Classifier = Model[Candidates, Any]  # Any here and below: thinc's array types are not numpy's
CATEGORY_WIDTH, CATEGORY_ROWS = 24, 1000
N_PIECES = 3  # of the hidden layer's maxout

DEFAULT = Config().from_str(
    """
[model]
@architectures = "copydesk.SpanClassifier.v1"
hidden_width = 128
n_categories = 5
ngram_rows = 0
ngram_dropout = 0.5
ngram_scale = 2.0

[model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 96
upstream = "*"
"""
)["model"]


@registry.architectures("copydesk.SpanClassifier.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_span_classifier(
    tok2vec: Model[list[Doc], list[Floats]],
    hidden_width: int,
    *,
    n_categories: int,
    ngram_rows: int,
    ngram_dropout: float,
    ngram_scale: float,
    nO: int | None = None,  # noqa: N803 (thinc's name)
) -> Classifier:
    """One row of scores per candidate: mean vectors of its segments and embedded categories through one hidden layer,
    and, beside it, a linear part over hashed n-grams with `ngram_rows` rows of weights (0: none)."""
    embed: Model[Any, Any] = concatenate(
        *(HashEmbed(CATEGORY_WIDTH, CATEGORY_ROWS, column=i, seed=i + 1) for i in range(n_categories))
    )
    width = tok2vec.get_dim("nO") * N_SEGMENTS + CATEGORY_WIDTH * n_categories
    output: Model[Any, Any] = Linear(nO=nO, nI=hidden_width)
    rest: Model[Any, Any] = chain(Model("maxout", _maxout), LayerNorm(nI=hidden_width), Dropout(0.0), output)
    model: Classifier = Model(
        "span_classifier",
        forward=_forward,
        init=_initialize,
        layers=[tok2vec, embed, rest],
        refs={"tok2vec": tok2vec, "output": output},
        dims={"nO": nO, "nI": width, "n_hidden": hidden_width, "n_rows": ngram_rows},
        params={"W": None, "b": None, "ngrams": None},
        attrs={"dropout_rate": 0.0, "ngram_dropout": ngram_dropout, "ngram_scale": ngram_scale},
    )
    return model


def null_update(model: Classifier, docs: list[Doc]) -> None:
    """Sends zeros back to the shared layer: the last listener's callback is what makes it learn from the others."""
    vectors, backprop = model.get_ref("tok2vec").begin_update(docs)
    backprop([model.ops.alloc2f(*v.shape) for v in vectors])


def _initialize(model: Classifier, X: Any = None, Y: Any = None) -> None:  # noqa: N803 (thinc's names)
    ops, n_labels, n_hidden = model.ops, model.get_dim("nO"), model.get_dim("n_hidden")
    model.get_ref("output").set_dim("nO", n_labels, force=True)
    for layer in model.layers[1:]:
        layer.initialize()
    weights: Any = glorot_uniform_init(ops, (n_hidden, N_PIECES, model.get_dim("nI")))
    model.set_param("W", weights.reshape(n_hidden * N_PIECES, -1))
    model.set_param("b", ops.alloc1f(n_hidden * N_PIECES))
    model.set_param("ngrams", ops.alloc2f(model.get_dim("n_rows"), n_labels))


def _forward(model: Classifier, candidates: Candidates, is_train: bool) -> tuple[Floats, Callable[[Floats], Any]]:
    tok2vec, embed, rest = model.layers
    ops: Any = model.ops
    vectors, backprop_vectors = tok2vec(candidates.batch.docs, is_train)
    tokens = np.concatenate([ops.to_numpy(v) for v in vectors])  # (n_tokens, width)
    categories, backprop_categories = embed(candidates.categories, is_train)  # (n, n_categories * CATEGORY_WIDTH)
    pieces, backprop_pieces = _pieces(model, tokens, candidates.segments, ops.to_numpy(categories))
    scores, backprop_rest = rest(ops.asarray2f(pieces), is_train)  # (n, nO)
    ngrams, backprop_ngrams = _ngram_scores(model, candidates, is_train)

    def backprop(d_scores: Floats) -> list[Doc]:
        backprop_ngrams(d_scores)
        d_tokens, d_categories = backprop_pieces(ops.to_numpy(backprop_rest(d_scores)))
        backprop_categories(ops.asarray2f(d_categories))
        backprop_vectors(np.split(d_tokens, candidates.batch.doc_start[1:]))
        return candidates.batch.docs

    return scores + ngrams, backprop


def _pieces(
    model: Classifier, tokens: Floats, segments: Ints, categories: Floats
) -> tuple[Floats, Callable[[Floats], tuple[Floats, Floats]]]:
    """The hidden layer before its maxout, (n, n_hidden * N_PIECES), and what turns its gradient into its inputs'.

    Candidates share most of their segments, above all the sentence and each span: the layer is computed once for each.
    """
    ops: Any = model.ops
    weights, width = ops.to_numpy(model.get_param("W")), tokens.shape[1]
    *parts, last = np.split(weights, range(width, N_SEGMENTS * width + 1, width), axis=1)
    sums = np.zeros((len(tokens) + 1, width), dtype="d")
    sums[1:] = tokens
    np.add.accumulate(sums, axis=0, out=sums)  # in doubles: differences of long sums lose too much in floats
    result: Floats = categories @ last.T + ops.to_numpy(model.get_param("b"))  # (n, n_hidden * N_PIECES)
    shared = []
    for number, part in enumerate(parts):
        keys, places = np.unique(segments[:, number, 0] * len(sums) + segments[:, number, 1], return_inverse=True)
        start, end = np.divmod(keys, len(sums))  # (n_unique,) twice; empty segments: zeros
        lengths = np.maximum(end - start, 1)[:, None]  # (n_unique, 1)
        means = ((sums[np.maximum(end, start)] - sums[start]) / lengths).astype("f")  # (n_unique, width)
        result += (means @ part.T)[places]
        shared.append((start, end, means, places))

    def backprop(d_result: Floats) -> tuple[Floats, Floats]:
        d_weights = []
        steps = np.zeros((len(tokens) + 1, width), dtype="d")
        for part, (start, end, means, places) in zip(parts, shared, strict=True):
            order = np.argsort(places, kind="stable")
            firsts = np.searchsorted(places[order], np.arange(len(start)))  # (n_unique,)
            d_shared = np.add.reduceat(d_result[order], firsts)  # (n_unique, n_hidden * N_PIECES)
            d_weights.append(d_shared.T @ means)
            is_full = end > start
            d_means = (d_shared[is_full] @ part) / (end - start)[is_full, None]  # (n_full, width)
            np.add.at(steps, start[is_full], d_means)
            np.subtract.at(steps, end[is_full], d_means)
        model.inc_grad("W", ops.asarray2f(np.hstack([*d_weights, d_result.T @ categories])))
        model.inc_grad("b", ops.asarray1f(d_result.sum(axis=0)))
        d_tokens: Floats = np.cumsum(steps, axis=0)[:-1].astype("f")  # (n_tokens, width)
        return d_tokens, d_result @ last

    return result, backprop


def _maxout(model: Model[Any, Any], pieces: Any, is_train: bool) -> tuple[Any, Callable[[Any], Any]]:
    best, which = model.ops.maxout(pieces.reshape(len(pieces), -1, N_PIECES))

    def backprop(d_best: Any) -> Any:
        return model.ops.backprop_maxout(d_best, which, N_PIECES).reshape(pieces.shape)

    return best, backprop


def _ngram_scores(model: Classifier, candidates: Candidates, is_train: bool) -> tuple[Floats, Callable[[Floats], None]]:
    """Scores of the linear part, (n, nO), and what takes their gradient."""
    n_rows, n_labels = model.get_dim("n_rows"), model.get_dim("nO")
    if not n_rows:
        return np.zeros((len(candidates), n_labels), dtype="f"), _forget
    keys, n_keys = ngram_features(candidates, n_rows)
    values = np.full(len(keys), model.attrs["ngram_scale"], dtype="f")
    if is_train:
        rate = model.attrs["ngram_dropout"]
        values *= (model.ops.xp.random.uniform(0.0, 1.0, len(keys)) >= rate) / (1.0 - rate)
    values /= np.sqrt(np.maximum(np.repeat(n_keys, n_keys), 1))
    rows = np.repeat(np.arange(len(candidates)), n_keys)
    weights: Any = model.get_param("ngrams")  # (n_rows, nO)
    scores = np.zeros((len(candidates), n_labels), dtype="f")
    for label in range(n_labels):
        scores[:, label] = np.bincount(rows, weights[keys, label] * values, minlength=len(candidates))

    def backprop(d_scores: Floats) -> None:
        gradient: Any = np.zeros_like(weights)
        for label in range(n_labels):
            gradient[:, label] = np.bincount(keys.astype(np.int64), d_scores[rows, label] * values, minlength=n_rows)
        model.inc_grad("ngrams", gradient)

    return scores, backprop


def _forget(d_scores: Floats) -> None:
    """Takes a gradient that nothing learns from."""
