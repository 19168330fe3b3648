"""The trigger component: a BIO tagger over tokens that writes doc.spans["events"]."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IS_SPACE  # type: ignore[import-not-found]  # Cython, no types
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example
from spacy.util import registry
from spacy.vocab import Vocab
from thinc.api import Config, Linear, Maxout, Model, chain, expand_window, set_dropout_rate, with_array

from .registration import factory
from .spans import EVENTS, MENTIONS, fresh_ids, non_overlapping, on_tokens, without_edge_spaces

Floats = NDArray[np.float32]
Tagger = Model[list[Doc], Any]  # Any here and below: thinc's array types are not numpy's

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
    """One row of scores per token, seen with `window_size` neighbours on each side through one hidden layer."""
    width = tok2vec.get_dim("nO")
    hidden: Model[Any, Any] = Maxout(nO=hidden_width, nI=width * (2 * window_size + 1), nP=3, normalize=True, dropout=0.0)
    output: Model[Any, Any] = Linear(nO=nO, nI=hidden_width)
    head: Model[Any, Any] = with_array(chain(expand_window(window_size), hidden, output), pad=window_size)
    model: Tagger = chain(tok2vec, head)
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output", output)
    return model


@factory(
    "copydesk_triggers",
    assigns=["doc.spans"],
    default_config={"model": DEFAULT, "threshold": 0.5, "scorer": {"@scorers": "copydesk.trigger_scorer.v1"}},
    default_score_weights={"triggers_f": 1.0, "triggers_id_f": None, "triggers_per_type": None},
)
def make_triggers(
    nlp: Language, name: str, model: Tagger, threshold: float, scorer: Callable[..., dict[str, Any]] | None
) -> "Triggers":
    return Triggers(nlp.vocab, model, name, threshold=threshold, scorer=scorer)


class Triggers(TrainablePipe):  # type: ignore[misc]  # spaCy gives no types for it
    """Finds triggers and their event types; `threshold` is the probability from which a token belongs to one.

    The tags are O, then B and I of each label. A text and type can be found once per place: triggers do not overlap.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Tagger,
        name: str = "triggers",
        *,
        threshold: float = 0.5,
        scorer: Callable[..., dict[str, Any]] | None = None,
    ) -> None:
        self.vocab, self.model, self.name, self.scorer = vocab, model, name, scorer
        self.cfg: dict[str, Any] = {"labels": [], "threshold": threshold}  # Any: plain JSON

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
            labels = sorted({s.label_ for eg in examples for s in eg.reference.spans.get(EVENTS, ())})
        if not labels:
            raise ValueError(f"no event in the training data: leave '{self.name}' out of the pipeline")
        self.cfg["labels"] = list(labels)
        self.model.get_ref("output").set_dim("nO", 1 + 2 * len(labels))
        self.model.initialize(X=[eg.x for eg in examples[:10]])

    def predict(self, docs: Iterable[Doc]) -> list[Floats]:
        """The probability of each tag, one array (tokens, tags) per doc."""
        docs = list(docs)
        lengths = [len(doc) for doc in docs]
        if not sum(lengths):
            return [np.zeros((0, 1 + 2 * len(self.labels)), dtype="f") for _ in docs]
        ops: Any = self.model.ops
        scores = ops.to_numpy(ops.xp.concatenate(self.model.predict(docs)))  # (n_tokens, n_tags)
        return np.split(_softmax(scores), np.cumsum(lengths)[:-1])

    def set_annotations(self, docs: Iterable[Doc], probabilities: Sequence[Floats]) -> None:
        for doc, tags in zip(docs, probabilities, strict=True):
            found = find_triggers(tags, doc.to_array(IS_SPACE).astype(bool), self.cfg["threshold"])
            ids = fresh_ids("e", len(found), {s.id_ for s in doc.spans.get(MENTIONS, ())})
            spans = [
                Span(doc, start, end, label=self.labels[label], span_id=event_id)
                for event_id, (start, end, label, _) in zip(ids, found, strict=True)
            ]
            scores = {event_id: round(score, 4) for event_id, (_, _, _, score) in zip(ids, found, strict=True)}
            doc.spans[EVENTS] = SpanGroup(doc, name=EVENTS, spans=spans, attrs={"scores": scores})

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
        """Cross-entropy summed over tokens, and its gradient."""
        loss, gradients = 0.0, []
        ops: Any = self.model.ops
        for eg, own in zip(examples, scores, strict=True):
            tags = self._gold_tags(eg)
            if tags is None or not len(tags):
                gradients.append(ops.alloc2f(*own.shape))
                continue
            gradient = _softmax(ops.to_numpy(own))  # (n_tokens, n_tags)
            rows = np.arange(len(tags))
            loss -= float(np.log(gradient[rows, tags] + 1e-9).sum())
            gradient[rows, tags] -= 1.0
            gradients.append(ops.asarray2f(gradient))
        return loss, gradients

    def _gold_tags(self, eg: Example) -> NDArray[np.int64] | None:
        """The tag of each token; None where the events were not annotated."""
        if EVENTS not in eg.reference.spans:
            return None
        tags = np.zeros(len(eg.predicted), dtype=np.int64)
        number = {label: i for i, label in enumerate(self.labels)}
        trimmed = (without_edge_spaces(span) for span in on_tokens(eg.predicted, eg.reference.spans[EVENTS]))
        for span in non_overlapping(s for s in trimmed if s is not None and s.label_ in number):
            tags[span.start : span.end] = 2 + 2 * number[span.label_]
            tags[span.start] -= 1
        return tags


def find_triggers(tags: Floats, is_space: NDArray[np.bool_], threshold: float) -> list[tuple[int, int, int, float]]:
    """Triggers out of tag probabilities (tokens, 1 + 2 * labels): start, end, label and score of each, in text order.

    A token is in a trigger where its probability of not being O reaches the threshold. A trigger begins there after a
    token that is in none, or where beginning is likelier than going on. It has the label with the largest sum over its
    tokens; its score is the mean probability of that label.
    """
    outside, begin, inside = tags[:, 0], tags[:, 1::2], tags[:, 2::2]  # (n_tokens,), (n_tokens, n_labels) twice
    is_in = (1.0 - outside >= threshold) & ~is_space
    if not is_in.any():
        return []
    after = np.concatenate(([False], is_in[:-1]))
    starts = np.flatnonzero(is_in & (~after | (begin.sum(axis=1) > inside.sum(axis=1))))
    first_after = np.flatnonzero(~is_in & after)
    stops = np.append(first_after, len(tags))[np.searchsorted(first_after, starts)]
    ends = np.minimum(stops, np.append(starts[1:], len(tags)))
    per_label = np.concatenate(([np.zeros(begin.shape[1])], np.cumsum(begin + inside, axis=0, dtype="d")))
    mass = per_label[ends] - per_label[starts]  # (n_triggers, n_labels)
    labels = mass.argmax(axis=1)
    scores = mass[np.arange(len(starts)), labels] / (ends - starts)
    return list(zip(starts.tolist(), ends.tolist(), labels.tolist(), scores.tolist(), strict=True))


def _softmax(scores: Floats) -> Floats:
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Floats = exponents / exponents.sum(axis=-1, keepdims=True)
    return result
