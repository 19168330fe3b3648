"""Tagging tokens with O, and B and I of each label: how triggers and entities are found."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IS_SPACE  # type: ignore[import-not-found]  # Cython, no types
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry
from spacy.vocab import Vocab
from thinc.api import Config, Linear, Maxout, Model, chain, expand_window, set_dropout_rate, with_array

from .confidence import confidence
from .sequence import chances, score_of
from .spans import OWN_SCORES, Ints, non_overlapping, on_tokens, without_edge_spaces

Floats = NDArray[np.float32]
Tagger = Model[list[Doc], Any]  # Any here and below: thinc's array types are not numpy's

OUTSIDE = 10  # an untrained tagger takes a token to be ten times as likely in no span as in one: most are in none

DEFAULT = Config().from_str(
    """
[model]
@architectures = "copydesk.TokenTagger.v1"
hidden_width = 128
window_size = 1

[model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 96
upstream = "*"
"""
)["model"]


@registry.architectures("copydesk.TokenTagger.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_token_tagger(
    tok2vec: Model[list[Doc], list[Floats]],
    hidden_width: int,
    window_size: int,
    nO: int | None = None,  # noqa: N803 (thinc's name)
) -> Tagger:
    """One row of scores per token, seen with `window_size` neighbours on each side through one hidden layer.

    It also holds, in its layer "follows", the score of each tag after each other one: (n_tags, n_tags).
    """
    width = tok2vec.get_dim("nO")
    hidden: Model[Any, Any] = Maxout(nO=hidden_width, nI=width * (2 * window_size + 1), nP=3, normalize=True, dropout=0.0)
    output: Model[Any, Any] = Linear(nO=nO, nI=hidden_width)
    head: Model[Any, Any] = with_array(chain(expand_window(window_size), hidden, output), pad=window_size)
    follows: Model[Any, Any] = Model("follows", _pass_on, params={"W": None})
    model: Tagger = chain(tok2vec, head, follows)
    model.set_ref("follows", follows)
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output", output)
    return model


def _pass_on(model: Model[Any, Any], scores: Any, is_train: bool) -> tuple[Any, Callable[[Any], Any]]:
    return scores, lambda gradient: gradient


class Found(NamedTuple):
    """A range of tokens with the number of its label, and the probability of range and label together."""

    start: int
    end: int
    label: int
    score: float


class SpanTagger(TrainablePipe):  # type: ignore[misc]  # spaCy gives no types for it
    """Finds labelled ranges that do not overlap; `threshold` is the probability from which range and label are believed.

    loss_weight: how much the shared network listens to this component; its own weights learn alike at any value.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Tagger,
        name: str,
        *,
        threshold: float = 0.5,
        loss_weight: float = 1.0,
        scorer: Callable[..., dict[str, Any]] | None = None,
    ) -> None:
        self.vocab, self.model, self.name, self.scorer = vocab, model, name, scorer
        self.cfg: dict[str, Any] = {"labels": [], "threshold": threshold, "loss_weight": loss_weight}  # Any: plain JSON

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> list[str]:
        return list(self.cfg["labels"])

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
    ) -> None:
        """Takes the labels from the examples, unless given, and sets up the network."""
        examples = list(get_examples())
        if labels is None:
            labels = sorted({s.label_ for eg in examples for s in self.gold_in(eg.reference) or ()})
        if not labels:
            raise ValueError(f"nothing to find in the training data: leave '{self.name}' out of the pipeline")
        self.cfg["labels"] = list(labels)
        n_tags = 1 + 2 * len(labels)
        self.model.get_ref("output").set_dim("nO", n_tags)
        self.model.get_ref("follows").set_param("W", self.model.ops.alloc2f(n_tags, n_tags))
        self.model.initialize(X=[eg.x for eg in examples[:10]])
        self.model.get_ref("output").get_param("b")[0] = np.log(OUTSIDE * n_tags)

    def predict(self, docs: Iterable[Doc]) -> list[Floats]:
        """The probability of each tag, one array (tokens, tags) per doc."""
        docs = list(docs)
        lengths = [len(doc) for doc in docs]
        if not sum(lengths):
            return [np.zeros((0, 1 + 2 * len(self.labels)), dtype="f") for _ in docs]
        ops: Any = self.model.ops
        scores = ops.to_numpy(ops.xp.concatenate(self.model.predict(docs)))  # (n_tokens, n_tags)
        follows = ops.to_numpy(self.model.get_ref("follows").get_param("W"))
        return np.split(chances(scores, lengths, follows).tags, np.cumsum(lengths)[:-1])

    def found_in(self, doc: Doc, tags: Floats, threshold: float) -> list[Found]:
        """The ranges that the tags' probabilities speak for with at least this probability."""
        return find_spans(tags, doc.to_array(IS_SPACE).astype(bool), threshold)

    def scores_of(self, ids: Sequence[str], found: Sequence[Found]) -> dict[str, dict[str, float]]:
        """What a group of spans tells of their scores: the chance that each is right, and the network's own probability."""
        own = {i: round(one.score, 4) for i, one in zip(ids, found, strict=True)}
        calibration = self.cfg.get("calibration")
        return {"scores": {i: confidence(score, calibration) for i, score in own.items()}, OWN_SCORES: own}

    def gold_in(self, reference: Doc) -> Iterable[Span] | None:
        """The spans to learn; None where they were not annotated."""
        raise NotImplementedError

    def update(
        self, examples: Iterable[Example], *, drop: float = 0.0, sgd: Any = None, losses: dict[str, float] | None = None
    ) -> dict[str, float]:
        """Learns from the docs whose reference has events; the gradient of the others is zero."""
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = [eg for eg in examples]
        docs = [eg.predicted for eg in examples]
        if not any(len(doc) for doc in docs):
            return losses
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update(docs)
        loss, d_scores = self.get_loss(examples, scores)
        backprop(d_scores)
        if sgd not in (None, False):
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(self, examples: Iterable[Example], scores: Sequence[Floats]) -> tuple[float, list[Floats]]:
        """How improbable the gold tags of whole docs are, and the gradient."""
        ops: Any = self.model.ops
        gold = [self._gold_tags(eg) for eg in examples]
        gradients = [ops.alloc2f(*own.shape) for own in scores]
        known = [i for i, tags in enumerate(gold) if tags is not None and len(tags)]
        if not known:
            return 0.0, gradients
        lengths = [len(scores[i]) for i in known]
        own = ops.to_numpy(ops.xp.concatenate([scores[i] for i in known]))  # (n_tokens, n_tags)
        tags = np.concatenate([t for t in gold if t is not None and len(t)])
        layer = self.model.get_ref("follows")
        follows = ops.to_numpy(layer.get_param("W"))
        found = chances(own, lengths, follows)
        score, counts = score_of(own, lengths, follows, tags)
        weight = np.float32(self.cfg["loss_weight"])
        layer.inc_grad("W", ops.asarray2f((found.pairs - counts) * weight))
        gradient = found.tags
        gradient[np.arange(len(tags)), tags] -= 1.0
        for i, part in zip(known, np.split(gradient * weight, np.cumsum(lengths)[:-1]), strict=True):
            gradients[i] = ops.asarray2f(part)
        return found.log_total - score, gradients

    def _gold_tags(self, eg: Example) -> NDArray[np.int64] | None:
        """The tag of each token; None where the layer was not annotated."""
        spans = self.gold_in(eg.reference)
        if spans is None:
            return None
        tags = np.zeros(len(eg.predicted), dtype=np.int64)
        number = {label: i for i, label in enumerate(self.labels)}
        trimmed = (without_edge_spaces(span) for span in on_tokens(eg.predicted, spans))
        for span in non_overlapping(s for s in trimmed if s is not None and s.label_ in number):
            tags[span.start : span.end] = 2 + 2 * number[span.label_]
            tags[span.start] -= 1
        return tags


def find_spans(tags: Floats, is_space: NDArray[np.bool_], threshold: float) -> list[Found]:
    """Ranges out of tag probabilities (tokens, 1 + 2 * labels), in text order.

    A range is as probable as that its first token begins one, each other goes on from the one before, and the token
    after it does not; white space tokens are not looked at. It has the label with the largest sum over its tokens; its
    score is its probability times that label's share. Of those that reach the threshold and overlap, the one with the
    highest score is kept.
    """
    words = np.flatnonzero(~is_space)
    begin, inside = tags[words, 1::2], tags[words, 2::2]  # (n_words, n_labels) twice
    in_any = 1.0 - tags[words, 0]
    goes_on = np.clip(inside.sum(axis=1) / np.maximum(np.concatenate((in_any[:1], in_any[:-1])), 1e-6), 0.0, 1.0)
    limit = max(threshold, 0.01)
    starts, ends, probabilities = _ranges(begin.sum(axis=1), goes_on, limit)  # (n_ranges,) each
    sums = np.zeros((len(words) + 1, begin.shape[1]))
    np.cumsum(begin + inside, axis=0, out=sums[1:])
    mass = sums[ends] - sums[starts]  # (n_ranges, n_labels)
    labels = mass.argmax(axis=1)
    scores = probabilities * mass.max(axis=1, initial=0.0) / np.maximum(mass.sum(axis=1), 1e-6)
    used = np.zeros(len(words), dtype=bool)
    found = []
    for i in np.lexsort((ends, starts, -scores)).tolist():
        start, end = int(starts[i]), int(ends[i])
        if scores[i] >= limit and not used[start:end].any():
            used[start:end] = True
            found.append(Found(int(words[start]), int(words[end - 1]) + 1, int(labels[i]), float(scores[i])))
    return sorted(found)


def _ranges(begins: Floats, goes_on: Floats, limit: float) -> tuple[Ints, Ints, Floats]:
    """Start, end and probability of the ranges that reach the limit."""
    goes_on = np.append(goes_on, np.float32(0.0))
    starts = np.flatnonzero(begins >= limit)
    ends, reached = starts + 1, begins[starts]  # reached: the probability of beginning there and lasting to the end
    found = [(starts[:0], ends[:0], reached[:0])]
    while len(starts):
        whole = reached * (1.0 - goes_on[ends])
        sure = whole >= limit
        found.append((starts[sure], ends[sure], whole[sure]))
        reached = reached * goes_on[ends]
        lasts = reached >= limit
        starts, ends, reached = starts[lasts], ends[lasts] + 1, reached[lasts]
    all_starts, all_ends, probabilities = (np.concatenate(part) for part in zip(*found, strict=True))
    return all_starts, all_ends, probabilities
