"""The stance component: which mention is for or against which mention or event of its sentence."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example
from spacy.vocab import Vocab

from .candidates import Batch, Candidates, describe_pairs, pairs_within_sentences, with_category
from .classifier import CandidatePipe, Found, Mask, Scorer, label_ids, numbers_of, rows_of
from .pairs import DEFAULT, Classifier, Floats
from .registration import factory
from .spans import EVENTS, MENTIONS, STANCES, mentions_of, on_tokens, ranges_of


@factory(
    "copydesk_stance",
    assigns=["doc.spans"],
    default_config={
        "model": {**DEFAULT, "n_categories": 6, "ngram_rows": 65536},
        "max_distance": 60,
        "threshold": 0.5,
        "joint_threshold": 0.15,
        "scorer": {"@scorers": "copydesk.stance_scorer.v1"},
    },
    default_score_weights={"stances_f": 1.0, "stances_per_type": None},
)
def make_stance(
    nlp: Language,
    name: str,
    model: Classifier,
    max_distance: int,
    threshold: float,
    joint_threshold: float,
    scorer: Scorer | None,
) -> "StancePipe":
    cfg = {"max_distance": max_distance, "threshold": threshold, "joint_threshold": joint_threshold}
    return StancePipe(nlp.vocab, model, name, **cfg, scorer=scorer)


class StancePipe(CandidatePipe):
    """Finds stances that a mention holds, in doc.spans["stances"].attrs["stances"].

    Candidates are ordered pairs within one sentence: a holder mention, and a target that is another mention or a
    trigger, both with labels that held or suffered a stance in training. One is believed where the probability that there is
    a stance, holder and target being right, reaches `threshold`, and that of all three being right `joint_threshold`. The
    article's own stances are not predicted.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Classifier,
        name: str = "stance",
        *,
        scorer: Scorer | None = None,
        **cfg: float,
    ) -> None:
        super().__init__(vocab, model, name, scorer=scorer, labels=[], holders=[], targets=[], **cfg)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> dict[str, list[str]]:
        return {key: self.cfg[key] for key in ("labels", "holders", "targets")}

    @property
    def groups(self) -> list[slice]:
        return [slice(0, 1 + len(self.labels))]  # class 0: no stance

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, list[str]] | None = None,
    ) -> None:
        """Takes the stance labels, and the labels of holders and targets, from the examples unless given."""
        examples = list(get_examples())
        self.cfg.update(_seen_labels(examples) if labels is None else labels)
        if not self.labels:
            raise ValueError(f"no stance in the training data: leave '{self.name}' out of the pipeline")
        self._set_up(1 + len(self.labels))

    def spans_in(self, doc: Doc) -> tuple[Sequence[Span], Sequence[Span]]:
        mentions = list(mentions_of(doc))
        return mentions, [*mentions, *doc.spans.get(EVENTS, ())]

    def gold_in(self, eg: Example) -> tuple[Sequence[Span], Sequence[Span]] | None:
        if not {STANCES, MENTIONS} <= eg.reference.spans.keys():
            return None
        mentions = on_tokens(eg.predicted, eg.reference.spans[MENTIONS])
        return mentions, [*mentions, *on_tokens(eg.predicted, eg.reference.spans.get(EVENTS, ()))]

    def candidates(
        self, docs: list[Doc], firsts: Sequence[Sequence[Span]], seconds: Sequence[Sequence[Span]], sources: Sequence[Doc]
    ) -> Candidates:
        batch = Batch(docs)
        holders, targets = ranges_of(firsts, batch.doc_start), ranges_of(seconds, batch.doc_start)
        a, b = pairs_within_sentences(batch, holders, targets, max_distance=self.cfg["max_distance"])
        can_hold = numbers_of(holders.label, label_ids(self.vocab, self.cfg["holders"])) >= 0
        can_suffer = numbers_of(targets.label, label_ids(self.vocab, self.cfg["targets"])) >= 0
        same = (holders.doc[a] == targets.doc[b]) & (holders.place[a] == targets.place[b])  # mentions lead both lists
        keep = can_hold[a] & can_suffer[b] & ~same
        a, b = a[keep], b[keep]
        events = self._events_between(sources, firsts, seconds)
        places = [
            events.get(key, 0)
            for key in zip(holders.doc[a].tolist(), holders.place[a].tolist(), targets.place[b].tolist(), strict=True)
        ]
        return with_category(describe_pairs(batch, holders, targets, a, b), np.asarray(places, dtype=np.uint64))

    def _events_between(
        self, sources: Sequence[Doc], firsts: Sequence[Sequence[Span]], seconds: Sequence[Sequence[Span]]
    ) -> dict[tuple[int, int, int], int]:
        """What joins a holder and a target: doc and places of both -> a hash of event type and roles.

        Either both are arguments of one event, or the holder is an argument of the target. Who accuses is against.
        """
        joined: dict[tuple[int, int, int], int] = {}
        names: dict[tuple[str, str, str], int] = {}
        for d, source in enumerate(sources):
            group = source.spans.get(EVENTS)
            if group is None or not group.attrs.get("arguments"):
                continue
            labels = {span.id_: span.label_ for span in group}
            holder_at = {span.id_: i for i, span in enumerate(firsts[d])}
            target_at = {span.id_: i for i, span in enumerate(seconds[d])}
            roles: dict[str, list[tuple[str, str]]] = {}
            for argument in group.attrs["arguments"]:
                roles.setdefault(argument["event"], []).append((argument["mention"], argument["role"]))
            for event, own in roles.items():
                for (holder, role), (target, other) in product(own, [*own, (event, "")]):
                    if holder in holder_at and target in target_at:
                        name = (labels[event], role, other)
                        if name not in names:
                            names[name] = self.vocab.strings.add(" ".join(name))
                        joined.setdefault((d, holder_at[holder], target_at[target]), names[name])
        return joined

    def open_classes(self, candidates: Candidates, firsts: Any, seconds: Any) -> Mask:
        return np.ones((len(candidates), 1 + len(self.labels)), dtype=bool)

    def targets(self, examples: Sequence[Example], found: Found) -> Floats:
        numbers = {label: 1 + i for i, label in enumerate(self.labels)}
        wanted: dict[tuple[int, str, str], int] = {}
        for d, eg in enumerate(examples):
            for stance in _gold_stances(eg):
                wanted[d, stance["holder"], stance["target"]] = numbers.get(stance["label"], 0)
        truth = np.zeros_like(found.probabilities)
        ids = [(d, found.firsts[d][i].id_, found.seconds[d][j].id_) for d, i, j in rows_of(found)]
        truth[np.arange(len(ids)), [wanted.get(key, 0) for key in ids]] = 1.0
        return truth

    def set_annotations(self, docs: Iterable[Doc], found: Found) -> None:
        stances: list[list[dict[str, Any]]] = [[] for _ in found.firsts]
        targets: list[list[Span]] = [[] for _ in found.firsts]
        docs = list(docs)
        for one in self.believed(docs, found):
            pair = {"holder": one.first.id_, "target": one.second.id_}
            stances[one.doc].append({**pair, "label": self.labels[one.number - 1], "score": one.score})
            targets[one.doc].append(one.second)
        for doc, own, spans in zip(docs, stances, targets, strict=True):
            doc.spans[STANCES] = SpanGroup(doc, name=STANCES, spans=spans, attrs={"stances": own})


def _gold_stances(eg: Example) -> list[dict[str, Any]]:
    """The reference's stances that a mention holds."""
    if STANCES not in eg.reference.spans:
        return []
    return [s for s in eg.reference.spans[STANCES].attrs.get("stances", ()) if s["holder"] is not None]


def _seen_labels(examples: Iterable[Example]) -> dict[str, list[str]]:
    """The stance labels that occur, and the labels of their holders and targets."""
    labels: set[str] = set()
    holders: set[str] = set()
    targets: set[str] = set()
    for eg in examples:
        of = {s.id_: s.label_ for key in (MENTIONS, EVENTS) for s in eg.reference.spans.get(key, ())}
        for stance in _gold_stances(eg):
            labels.add(stance["label"])
            holders.add(of[stance["holder"]])
            targets.add(of[stance["target"]])
    return {"labels": sorted(labels), "holders": sorted(holders), "targets": sorted(targets)}
