"""The entity component: a token tagger that writes doc.ents and doc.spans["mentions"].

It learns faster than spaCy's transition-based recogniser where labelled articles are few, and tells scores; either can
be the pipeline's `ner`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from .registration import factory
from .spans import EVENTS, MENTIONS, SPARE, fresh_ids
from .tagger import DEFAULT, Floats, Found, SpanTagger, Tagger


@factory(
    "copydesk_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "doc.spans"],
    default_config={
        "model": DEFAULT,
        "threshold": 0.5,
        "spare": None,
        "loss_weight": 1.0,
        "scorer": {"@scorers": "spacy.ner_scorer.v1"},
    },
    default_score_weights={"ents_f": 1.0, "ents_p": None, "ents_r": None, "ents_per_type": None},
)
def make_entities(
    nlp: Language,
    name: str,
    model: Tagger,
    threshold: float,
    spare: float | None,
    loss_weight: float,
    scorer: Callable[..., dict[str, Any]] | None,
) -> "Entities":
    """spare: from this probability on, a range that does not reach the threshold is kept for arguments to choose from."""
    entities = Entities(nlp.vocab, model, name, threshold=threshold, loss_weight=loss_weight, scorer=scorer)
    entities.cfg["spare"] = spare
    return entities


class Entities(SpanTagger):
    """Finds entities; of overlapping ones it learns the longest."""

    def gold_in(self, reference: Doc) -> Iterable[Span] | None:
        spans: Iterable[Span] | None = reference.spans.get(MENTIONS)
        if spans is None and reference.has_annotation("ENT_IOB"):
            return reference.ents
        return spans

    def set_annotations(self, docs: Iterable[Doc], probabilities: Sequence[Floats]) -> None:
        threshold = self.cfg["threshold"]
        limit = min(threshold, self.cfg["spare"] or threshold)
        for doc, tags in zip(docs, probabilities, strict=True):
            all_found = self.found_in(doc, tags, limit)  # those that reach the threshold are the same at any lower limit
            ids = fresh_ids("m", len(all_found), {s.id_ for s in doc.spans.get(EVENTS, ())})
            found = [one for one in all_found if one.score >= threshold]
            spans = [Span(doc, f.start, f.end, label=self.labels[f.label], span_id=i) for i, f in zip(ids, found, strict=False)]
            attrs: dict[str, Any] = self.scores_of(ids[: len(found)], found)
            if limit < threshold:
                spare = [one for one in all_found if one.score < threshold]
                attrs[SPARE] = self._as_plain(ids[len(found) :], spare)
            doc.set_ents(spans)
            doc.spans[MENTIONS] = SpanGroup(doc, name=MENTIONS, spans=spans, attrs=attrs)

    def _as_plain(self, ids: Sequence[str], found: Sequence[Found]) -> list[dict[str, Any]]:
        """Any: text and numbers."""
        scores = self.scores_of(ids, found)
        return [
            {
                "id": i,
                "start": one.start,
                "end": one.end,
                "label": self.labels[one.label],
                **{key: by_id[i] for key, by_id in scores.items()},
            }
            for i, one in zip(ids, found, strict=True)
        ]
