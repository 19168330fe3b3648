"""The argument component: which mention of a sentence has which role in which event."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example
from spacy.vocab import Vocab

from .candidates import Batch, Candidates, describe_pairs, pairs_within_sentences
from .classifier import CandidatePipe, Found, Mask, Scorer, label_ids, numbers_of, rows_of
from .confidence import scores_on
from .pairs import DEFAULT, Classifier, Floats
from .registration import factory
from .spans import EVENTS, MENTIONS, OWN_SCORES, SPARE, events_of, mentions_of, on_tokens, ranges_of, set_attr, spare_of


@factory(
    "copydesk_arguments",
    assigns=["doc.spans"],
    default_config={
        "model": DEFAULT,
        "max_distance": 60,
        "threshold": 0.5,
        "joint_threshold": 0.15,
        "scorer": {"@scorers": "copydesk.argument_scorer.v1"},
    },
    default_score_weights={"arguments_attached_f": 1.0, "arguments_f": None, "arguments_id_f": None},
)
def make_arguments(
    nlp: Language,
    name: str,
    model: Classifier,
    max_distance: int,
    threshold: float,
    joint_threshold: float,
    scorer: Scorer | None,
) -> "Arguments":
    cfg = {"max_distance": max_distance, "threshold": threshold, "joint_threshold": joint_threshold}
    return Arguments(nlp.vocab, model, name, **cfg, scorer=scorer)


class Arguments(CandidatePipe):
    """Gives roles to mentions, in doc.spans["events"].attrs["arguments"]; trained on the reference's own spans.

    Candidates are pairs of a trigger and a mention of its sentence, at most `max_distance` tokens apart, whose labels
    occurred together in training. A role is given where the probability of having one, event and mention being right, reaches
    `threshold`, and that of event, mention and role being right, all three, `joint_threshold`: a range that alone is not
    believed to be a mention can become one by it.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Classifier,
        name: str = "arguments",
        *,
        scorer: Scorer | None = None,
        **cfg: float,
    ) -> None:
        super().__init__(vocab, model, name, scorer=scorer, labels=[], allowed={}, **cfg)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> dict[str, Any]:
        return {"labels": self.cfg["labels"], "allowed": self.cfg["allowed"]}

    @property
    def groups(self) -> list[slice]:
        return [slice(0, 1 + len(self.labels))]  # class 0: no role

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, Any] | None = None,
    ) -> None:
        """Takes the roles, and which labels they join, from the examples unless given; sets up the network.

        labels: {"labels": roles, "allowed": {event type: {entity label: roles}}}.
        """
        examples = list(get_examples())
        self.cfg.update(_allowed_roles(examples) if labels is None else labels)
        if not self.labels:
            raise ValueError(f"no argument in the training data: leave '{self.name}' out of the pipeline")
        self._set_up(1 + len(self.labels))

    def spans_in(self, doc: Doc) -> tuple[Sequence[Span], Sequence[Span]]:
        spare = spare_of(doc)
        taken = {span.id_ for span in spare}
        return list(events_of(doc)), [*(span for span in mentions_of(doc) if span.id_ not in taken), *spare]

    def gold_in(self, eg: Example) -> tuple[Sequence[Span], Sequence[Span]] | None:
        if not {EVENTS, MENTIONS} <= eg.reference.spans.keys():
            return None
        events, mentions = (on_tokens(eg.predicted, eg.reference.spans[key]) for key in (EVENTS, MENTIONS))
        return events, [*mentions, *self._mistaken(eg.predicted, mentions)]

    def _mistaken(self, doc: Doc, gold: Sequence[Span]) -> Iterator[Span]:
        """What the model, as it is now, takes for mentions or nearly does, and is none: arguments learn to leave it alone.

        Of use where `ner` annotates during training. The most probable ones, no more than there are mentions: an untrained one
        takes nearly every token for a mention.
        """
        known = {(span.start, span.end) for span in gold}
        scores = scores_on(doc, OWN_SCORES)
        found = (span for span in (*doc.spans.get(MENTIONS, ()), *spare_of(doc)) if (span.start, span.end) not in known)
        for span in sorted(found, key=lambda s: (-scores.get(s.id_, 1.0), s.start))[: len(gold)]:
            yield Span(doc, span.start, span.end, label=span.label, span_id=f"mistaken {span.id_}")

    def candidates(
        self, docs: list[Doc], firsts: Sequence[Sequence[Span]], seconds: Sequence[Sequence[Span]], sources: Sequence[Doc]
    ) -> Candidates:
        batch = Batch(docs)
        events, mentions = ranges_of(firsts, batch.doc_start), ranges_of(seconds, batch.doc_start)
        a, b = pairs_within_sentences(batch, events, mentions, max_distance=self.cfg["max_distance"])
        keep = self._mask(events.label[a], mentions.label[b])[:, 1:].any(axis=1)
        return describe_pairs(batch, events, mentions, a[keep], b[keep])

    def open_classes(self, candidates: Candidates, firsts: Any, seconds: Any) -> Mask:
        return self._mask(candidates.categories[:, 0], candidates.categories[:, 1])

    def _mask(self, events: Any, mentions: Any) -> Mask:
        """Classes open to pairs of an event type and an entity label (hashes), (n, 1 + n_roles)."""
        allowed: dict[str, dict[str, list[str]]] = self.cfg["allowed"]
        event_labels = sorted(allowed)
        mention_labels = sorted({label for roles in allowed.values() for label in roles})
        table = np.zeros((len(event_labels) + 1, len(mention_labels) + 1, 1 + len(self.labels)), dtype=bool)
        table[:, :, 0] = True
        for i, event in enumerate(event_labels):
            for mention, roles in allowed[event].items():
                table[i, mention_labels.index(mention), [1 + self.labels.index(role) for role in roles]] = True
        rows = numbers_of(events, label_ids(self.vocab, event_labels))
        columns = numbers_of(mentions, label_ids(self.vocab, mention_labels))
        mask: Mask = table[rows, columns]  # an unknown label is row or column -1, the empty one
        return mask

    def targets(self, examples: Sequence[Example], found: Found) -> Floats:
        numbers = {role: 1 + i for i, role in enumerate(self.labels)}
        wanted: dict[tuple[int, int, int], int] = {}
        for d, eg in enumerate(examples):
            if EVENTS not in eg.reference.spans:
                continue
            events = {s.id_: i for i, s in enumerate(found.firsts[d])}
            mentions = {s.id_: i for i, s in enumerate(found.seconds[d])}
            for argument in eg.reference.spans[EVENTS].attrs.get("arguments", ()):
                if argument["event"] in events and argument["mention"] in mentions and argument["role"] in numbers:
                    pair = (d, events[argument["event"]], mentions[argument["mention"]])
                    wanted.setdefault(pair, numbers[argument["role"]])  # a second role of one pair cannot be learnt
        truth = np.zeros_like(found.probabilities)
        keys = rows_of(found)
        truth[np.arange(len(keys)), [wanted.get(key, 0) for key in keys]] = 1.0
        return truth

    def set_annotations(self, docs: Iterable[Doc], found: Found) -> None:
        docs = list(docs)
        arguments: list[list[dict[str, Any]]] = [[] for _ in found.firsts]
        for one in self.believed(docs, found):
            pair = {"event": one.first.id_, "mention": one.second.id_}
            arguments[one.doc].append({**pair, "role": self.labels[one.number - 1], "score": one.score})
        for doc, mentions, own in zip(docs, found.seconds, arguments, strict=True):
            set_attr(events_of(doc), "arguments", own)
            _believe(doc, mentions, {argument["mention"] for argument in own})


def _believe(doc: Doc, mentions: Sequence[Span], arguments: Set[str]) -> None:
    """Makes mentions, and entities, of the spare ones that are arguments, and spare ones of those that were and are not."""
    group = mentions_of(doc)
    spare = {own["id"] for own in group.attrs.get(SPARE, ())}
    if {span.id_ for span in group} & spare == arguments & spare:
        return
    spans = sorted((s for s in mentions if s.id_ not in spare or s.id_ in arguments), key=lambda span: span.start)
    attrs = dict(group.attrs)
    for kind in ("scores", OWN_SCORES):
        known = scores_on(doc, kind)
        attrs[kind] = {span.id_: known[span.id_] for span in spans if span.id_ in known}
    doc.spans[MENTIONS] = SpanGroup(doc, name=MENTIONS, spans=spans, attrs=attrs)
    ranges = {(span.start, span.end) for span in mentions if span.id_ in spare}
    others = [entity for entity in doc.ents if (entity.start, entity.end) not in ranges]
    taken = {i for entity in others for i in range(entity.start, entity.end)}  # another component may have added some
    believed = [span for span in spans if span.id_ in spare and taken.isdisjoint(range(span.start, span.end))]
    doc.set_ents([*others, *believed])


def _allowed_roles(examples: Iterable[Example]) -> dict[str, Any]:
    """The roles that occur, and between which event types and entity labels."""
    allowed: dict[str, dict[str, set[str]]] = {}
    for eg in examples:
        if {EVENTS, MENTIONS} <= eg.reference.spans.keys():
            events = {s.id_: s.label_ for s in eg.reference.spans[EVENTS]}
            mentions = {s.id_: s.label_ for s in eg.reference.spans[MENTIONS]}
            for argument in eg.reference.spans[EVENTS].attrs.get("arguments", ()):
                by_mention = allowed.setdefault(events[argument["event"]], {})
                by_mention.setdefault(mentions[argument["mention"]], set()).add(argument["role"])
    ordered = {e: {m: sorted(roles) for m, roles in sorted(own.items())} for e, own in sorted(allowed.items())}
    labels = sorted({role for own in ordered.values() for roles in own.values() for role in roles})
    return {"labels": labels, "allowed": ordered}
