"""The trigger component: a token tagger that writes doc.spans["events"]."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from .registration import factory
from .spans import EVENTS, MENTIONS, fresh_ids
from .tagger import DEFAULT, Floats, SpanTagger, Tagger


@factory(
    "copydesk_triggers",
    assigns=["doc.spans"],
    default_config={
        "model": DEFAULT,
        "threshold": 0.5,
        "loss_weight": 1.0,
        "scorer": {"@scorers": "copydesk.trigger_scorer.v1"},
    },
    default_score_weights={"triggers_f": 1.0, "triggers_id_f": None, "triggers_per_type": None},
)
def make_triggers(
    nlp: Language, name: str, model: Tagger, threshold: float, loss_weight: float, scorer: Callable[..., dict[str, Any]] | None
) -> "Triggers":
    return Triggers(nlp.vocab, model, name, threshold=threshold, loss_weight=loss_weight, scorer=scorer)


class Triggers(SpanTagger):
    """Finds triggers and their event types. A place has one type at most: triggers do not overlap."""

    def gold_in(self, reference: Doc) -> Iterable[Span] | None:
        spans: Iterable[Span] | None = reference.spans.get(EVENTS)
        return spans

    def set_annotations(self, docs: Iterable[Doc], probabilities: Sequence[Floats]) -> None:
        for doc, tags in zip(docs, probabilities, strict=True):
            found = self.found_in(doc, tags, self.cfg["threshold"])
            ids = fresh_ids("e", len(found), {s.id_ for s in doc.spans.get(MENTIONS, ())})
            spans = [Span(doc, f.start, f.end, label=self.labels[f.label], span_id=i) for i, f in zip(ids, found, strict=True)]
            doc.spans[EVENTS] = SpanGroup(doc, name=EVENTS, spans=spans, attrs=self.scores_of(ids, found))
