"""What attributes, arguments and stance have in common: they make candidates, and a network gives each its label."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import set_dropout_rate

from .candidates import Candidates
from .confidence import confidence, scores_on
from .pairs import Classifier, Floats, null_update
from .spans import OWN_SCORES

Scorer = Callable[..., dict[str, Any]]  # Any: numbers, None, tables per label
Mask = NDArray[np.bool_]


class Found(NamedTuple):
    """Candidates of a batch of docs with what the network says of them."""

    candidates: Candidates
    firsts: Sequence[Sequence[Span]]  # the spans of each doc that candidates count from
    seconds: Sequence[Sequence[Span]]
    probabilities: Floats  # (n, n_classes)


class Believed(NamedTuple):
    """A pair that is one of the things looked for: what, by the number of its class, and the chance that it is right."""

    doc: int  # its place in the batch
    first: Span
    second: Span
    number: int
    score: float


class CandidatePipe(TrainablePipe):  # type: ignore[misc]  # spaCy gives no types for it
    """A component that classifies candidates. Classes fall into groups; in each group one is right (see `groups`)."""

    def __init__(self, vocab: Vocab, model: Classifier, name: str, *, scorer: Scorer | None = None, **cfg: Any) -> None:
        self.vocab, self.model, self.name, self.scorer = vocab, model, name, scorer
        self.cfg: dict[str, Any] = cfg  # Any: plain JSON, saved with the model

    @property
    def _ops(self) -> Any:  # Any: thinc's array types are not numpy's
        return self.model.ops

    @property
    def groups(self) -> list[slice]:
        """Classes among which exactly one is right."""
        raise NotImplementedError

    def spans_in(self, doc: Doc) -> tuple[Sequence[Span], Sequence[Span]]:
        """The spans that candidates are made of, at prediction."""
        raise NotImplementedError

    def gold_in(self, eg: Example) -> tuple[Sequence[Span], Sequence[Span]] | None:
        """The same of the reference, on the tokens of the predicted doc; None where the layer was not annotated."""
        raise NotImplementedError

    def candidates(
        self, docs: list[Doc], firsts: Sequence[Sequence[Span]], seconds: Sequence[Sequence[Span]], sources: Sequence[Doc]
    ) -> Candidates:
        """The candidates made of these spans; sources: the docs that hold what is known of them, in training the references."""
        raise NotImplementedError

    def open_classes(self, candidates: Candidates, firsts: Any, seconds: Any) -> Mask:
        """Which classes each candidate can have, (n, n_classes)."""
        raise NotImplementedError

    def targets(self, examples: Sequence[Example], found: Found) -> Floats:
        """1 at the right classes, (n, n_classes); a group without a 1 is not learnt from."""
        raise NotImplementedError

    def predict(self, docs: Iterable[Doc]) -> Found:
        """All candidates of the docs with the probability of each class."""
        docs = list(docs)
        spans = [self.spans_in(doc) for doc in docs]
        return self._classify(docs, [first for first, _ in spans], [second for _, second in spans])

    def _classify(self, docs: list[Doc], firsts: Sequence[Sequence[Span]], seconds: Sequence[Sequence[Span]]) -> Found:
        candidates = self.candidates(docs, firsts, seconds, docs)
        if not len(candidates):
            return Found(candidates, firsts, seconds, np.zeros((0, self.groups[-1].stop), dtype="f"))
        scores = self._ops.to_numpy(self.model.predict(candidates))
        mask = self.open_classes(candidates, firsts, seconds)
        return Found(candidates, firsts, seconds, self._probabilities(scores, mask))

    def _probabilities(self, scores: Floats, mask: Mask) -> Floats:
        masked = np.where(mask, scores, np.float32(-1e9))
        result = np.zeros_like(scores)
        for group in self.groups:
            own = np.exp(masked[:, group] - masked[:, group].max(axis=1, keepdims=True))
            result[:, group] = own / own.sum(axis=1, keepdims=True)
        return result

    def update(
        self, examples: Iterable[Example], *, drop: float = 0.0, sgd: Any = None, losses: dict[str, float] | None = None
    ) -> dict[str, float]:
        """Learns from the reference's own spans; the shared layer gets its gradient in every batch, be it zero."""
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        docs = [eg.predicted for eg in examples]
        if not any(len(doc) for doc in docs):
            return losses
        gold: list[tuple[Sequence[Span], Sequence[Span]]] = [self.gold_in(eg) or ((), ()) for eg in examples]
        firsts, seconds = [first for first, _ in gold], [second for _, second in gold]
        candidates = self.candidates(docs, firsts, seconds, [eg.reference for eg in examples])
        if not len(candidates):
            null_update(self.model, docs)
        else:
            set_dropout_rate(self.model, drop)
            scores, backprop = self.model.begin_update(candidates)
            mask = self.open_classes(candidates, firsts, seconds)
            found = Found(candidates, firsts, seconds, self._probabilities(self._ops.to_numpy(scores), mask))
            loss, gradient = self._gradient(examples, found)
            backprop(self._ops.asarray2f(gradient))
            losses[self.name] += loss
        if sgd not in (None, False):
            self.finish_update(sgd)
        return losses

    def _gradient(self, examples: Sequence[Example], found: Found) -> tuple[float, Floats]:
        """Cross-entropy summed over candidates, and its gradient, (n, n_classes)."""
        truth = self.targets(examples, found)
        gradient = found.probabilities - truth
        loss = 0.0
        for group in self.groups:
            is_known = truth[:, group].sum(axis=1) > 0
            gradient[~is_known, group] = 0.0
            right = (found.probabilities[:, group] * truth[:, group]).sum(axis=1)
            loss -= float(np.log(right[is_known] + 1e-9).sum())
        return loss, gradient

    def believed(self, docs: Sequence[Doc], found: Found) -> Iterator[Believed]:
        """The pairs that reach both thresholds; of their classes, number 0 is none.

        `threshold` is for the probability of not being none, given that both spans are right; `joint_threshold` for that of
        the likeliest class times the networks' own probabilities of both spans, where they are not given.
        """
        known, own = [scores_on(doc) for doc in docs], [scores_on(doc, OWN_SCORES) for doc in docs]
        rows = rows_of(found)
        for row in np.flatnonzero(1.0 - found.probabilities[:, 0] >= self.cfg["threshold"]).tolist():
            d, i, j = rows[row]
            first, second = found.firsts[d][i], found.seconds[d][j]
            number = 1 + int(found.probabilities[row, 1:].argmax())
            chance = float(found.probabilities[row, number])
            ids = first.id_, second.id_
            if chance * prod(own[d].get(end, 1.0) for end in ids) >= self.cfg["joint_threshold"]:
                score = confidence(chance, self.cfg.get("calibration"), *(known[d].get(end, 1.0) for end in ids))
                yield Believed(d, first, second, number, score)

    def _set_up(self, n_classes: int) -> None:
        """Sets up the network for this many classes."""
        self.model.set_dim("nO", n_classes)
        self.model.initialize(X=None)


def label_ids(vocab: Vocab, labels: Iterable[str]) -> NDArray[np.uint64]:
    """The hashes that spans carry as labels."""
    return np.asarray([vocab.strings.add(label) for label in labels], dtype=np.uint64)


def numbers_of(values: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The place of each value in `known`, or -1."""
    if not len(known):
        return np.full(len(values), -1, dtype=np.int64)
    order = np.argsort(known)
    places = np.minimum(np.searchsorted(known[order], values), len(known) - 1)
    result: NDArray[np.int64] = np.where(known[order][places] == values, order[places], -1)
    return result


def rows_of(found: Found) -> list[tuple[int, int, int]]:
    """Doc, place of the first and place of the second span of each candidate, each place counted in its doc."""
    first_counts = np.cumsum([0] + [len(own) for own in found.firsts])
    second_counts = np.cumsum([0] + [len(own) for own in found.seconds])
    doc = np.searchsorted(first_counts, found.candidates.first, side="right") - 1
    i, j = found.candidates.first - first_counts[doc], found.candidates.second - second_counts[doc]
    return list(zip(doc.tolist(), i.tolist(), j.tolist(), strict=True))
