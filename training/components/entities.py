"""The entity component: a token tagger that writes doc.ents and doc.spans["mentions"].

It learns faster than spaCy's transition-based recogniser where labelled articles are few, and tells scores; either can
be the pipeline's `ner`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from .registration import factory
from .spans import EVENTS, MENTIONS, fresh_ids
from .tagger import DEFAULT, Floats, SpanTagger, Tagger


@factory(
    "copydesk_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "doc.spans"],
    default_config={"model": DEFAULT, "threshold": 0.5, "loss_weight": 1.0, "scorer": {"@scorers": "spacy.ner_scorer.v1"}},
    default_score_weights={"ents_f": 1.0, "ents_p": None, "ents_r": None, "ents_per_type": None},
)
def make_entities(
    nlp: Language, name: str, model: Tagger, threshold: float, loss_weight: float, scorer: Callable[..., dict[str, Any]] | None
) -> "Entities":
    return Entities(nlp.vocab, model, name, threshold=threshold, loss_weight=loss_weight, scorer=scorer)


class Entities(SpanTagger):
    """Finds entities; of overlapping ones it learns the longest."""

    def gold_in(self, reference: Doc) -> Iterable[Span] | None:
        spans: Iterable[Span] | None = reference.spans.get(MENTIONS)
        if spans is None and reference.has_annotation("ENT_IOB"):
            return reference.ents
        return spans

    def set_annotations(self, docs: Iterable[Doc], probabilities: Sequence[Floats]) -> None:
        for doc, tags in zip(docs, probabilities, strict=True):
            found = self.found_in(doc, tags)
            ids = fresh_ids("m", len(found), {s.id_ for s in doc.spans.get(EVENTS, ())})
            spans = [Span(doc, f.start, f.end, label=self.labels[f.label], span_id=i) for i, f in zip(ids, found, strict=True)]
            scores = {i: round(f.score, 4) for i, f in zip(ids, found, strict=True)}
            doc.set_ents(spans)
            doc.spans[MENTIONS] = SpanGroup(doc, name=MENTIONS, spans=spans, attrs={"scores": scores})
