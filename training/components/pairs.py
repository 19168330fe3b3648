"""The network behind attributes, arguments and stance: it classifies candidates by pooled token vectors and n-grams."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Config, HashEmbed, Linear, Maxout, Model, chain, concatenate

from .candidates import N_SEGMENTS, Candidates, ngram_features
from .spans import Ints

Floats = NDArray[np.float32]
Classifier = Model[Candidates, Any]  # Any here and below: thinc's array types are not numpy's
CATEGORY_WIDTH, CATEGORY_ROWS = 24, 1000

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
    hidden: Model[Any, Any] = Maxout(nO=hidden_width, nI=width, nP=3, normalize=True, dropout=0.0)
    output: Model[Any, Any] = Linear(nO=nO, nI=hidden_width)
    model: Classifier = Model(
        "span_classifier",
        forward=_forward,
        init=_initialize,
        layers=[tok2vec, embed, chain(hidden, output)],
        refs={"tok2vec": tok2vec, "output": output},
        dims={"nO": nO, "n_rows": ngram_rows},
        params={"W": None},
        attrs={"dropout_rate": 0.0, "ngram_dropout": ngram_dropout, "ngram_scale": ngram_scale},
    )
    return model


def null_update(model: Classifier, docs: list[Doc]) -> None:
    """Sends zeros back to the shared layer: the last listener's callback is what makes it learn from the others."""
    vectors, backprop = model.get_ref("tok2vec").begin_update(docs)
    backprop([model.ops.alloc2f(*v.shape) for v in vectors])


def _initialize(model: Classifier, X: Any = None, Y: Any = None) -> None:  # noqa: N803 (thinc's names)
    n_labels, n_rows = model.get_dim("nO"), model.get_dim("n_rows")
    model.get_ref("output").set_dim("nO", n_labels, force=True)
    for layer in model.layers[1:]:
        layer.initialize()
    model.set_param("W", model.ops.alloc2f(n_rows, n_labels))


def _forward(model: Classifier, candidates: Candidates, is_train: bool) -> tuple[Floats, Callable[[Floats], Any]]:
    tok2vec, embed, head = model.layers
    ops: Any = model.ops
    vectors, backprop_vectors = tok2vec(candidates.batch.docs, is_train)
    tokens = np.concatenate([ops.to_numpy(v) for v in vectors])  # (n_tokens, width)
    pooled = _pool(tokens, candidates.segments)  # (n, N_SEGMENTS * width)
    categories, backprop_categories = embed(candidates.categories, is_train)  # (n, n_categories * CATEGORY_WIDTH)
    scores, backprop_head = head(ops.asarray2f(np.hstack([pooled, categories])), is_train)  # (n, nO)
    ngrams, backprop_ngrams = _ngram_scores(model, candidates, is_train)

    def backprop(d_scores: Floats) -> list[Doc]:
        backprop_ngrams(d_scores)
        d_input = backprop_head(d_scores)
        backprop_categories(ops.as_contig(d_input[:, pooled.shape[1] :]))
        d_tokens = _unpool(d_input[:, : pooled.shape[1]], candidates.segments, tokens.shape)
        backprop_vectors(np.split(d_tokens, candidates.batch.doc_start[1:]))
        return candidates.batch.docs

    return scores + ngrams, backprop


def _pool(tokens: Floats, segments: Ints) -> Floats:
    """The mean vector of each segment; zeros for an empty one."""
    sums = np.zeros((len(tokens) + 1, tokens.shape[1]), dtype="d")
    sums[1:] = tokens
    np.add.accumulate(sums, axis=0, out=sums)  # in doubles: differences of long sums lose too much in floats
    # candidates share most of their segments: the sentence, each span and what is beside it
    keys, places = np.unique(segments[:, :, 0] * len(sums) + segments[:, :, 1], return_inverse=True)
    start, end = np.divmod(keys, len(sums))  # (n_unique,) twice
    means = (sums[np.maximum(end, start)] - sums[start]) / np.maximum(end - start, 1)[:, None]  # (n_unique, width)
    result: Floats = means.astype("f")[places.ravel()].reshape(len(segments), -1)
    return result


def _unpool(d_pooled: Floats, segments: Ints, shape: tuple[int, ...]) -> Floats:
    """The gradient of the token vectors from that of the means."""
    start, end = segments[:, :, 0].ravel(), segments[:, :, 1].ravel()
    d_means = d_pooled.reshape(len(start), shape[1]) / np.maximum(end - start, 1)[:, None]
    is_full = end > start
    steps = np.zeros((shape[0] + 1, shape[1]), dtype="d")
    np.add.at(steps, start[is_full], d_means[is_full])
    np.subtract.at(steps, end[is_full], d_means[is_full])
    return np.cumsum(steps, axis=0)[:-1].astype("f")  # (n_tokens, width)


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
    weights: Any = model.get_param("W")  # (n_rows, nO)
    scores = np.zeros((len(candidates), n_labels), dtype="f")
    for label in range(n_labels):
        scores[:, label] = np.bincount(rows, weights[keys, label] * values, minlength=len(candidates))

    def backprop(d_scores: Floats) -> None:
        gradient: Any = np.zeros_like(weights)
        for label in range(n_labels):
            gradient[:, label] = np.bincount(keys.astype(np.int64), d_scores[rows, label] * values, minlength=n_rows)
        model.inc_grad("W", gradient)

    return scores, backprop


def _forget(d_scores: Floats) -> None:
    """Takes a gradient that nothing learns from."""
