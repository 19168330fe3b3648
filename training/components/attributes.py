"""The attribute component: the modality, or whatever else the scheme asks, of each event."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from .candidates import Batch, Candidates, describe_singles
from .classifier import CandidatePipe, Found, Mask, Scorer
from .confidence import confidence
from .pairs import DEFAULT, Classifier, Floats
from .registration import factory
from .spans import EVENTS, events_of, on_tokens, ranges_of, set_attr


@factory(
    "copydesk_attributes",
    assigns=["doc.spans"],
    default_config={"model": DEFAULT, "scorer": {"@scorers": "copydesk.attribute_scorer.v1"}},
    default_score_weights={"attributes_f": 1.0, "attributes_per_type": None},
)
def make_attributes(nlp: Language, name: str, model: Classifier, scorer: Scorer | None) -> "Attributes":
    return Attributes(nlp.vocab, model, name, scorer=scorer)


class Attributes(CandidatePipe):
    """Gives every event one value of each attribute, in doc.spans["events"].attrs["attributes"]."""

    def __init__(self, vocab: Vocab, model: Classifier, name: str = "attributes", *, scorer: Scorer | None = None) -> None:
        super().__init__(vocab, model, name, scorer=scorer, values={})

    @property
    def values(self) -> dict[str, list[str]]:
        """Attribute -> its values."""
        values: dict[str, list[str]] = self.cfg["values"]
        return values

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{name}={value}" for name, value in self._classes())

    @property
    def label_data(self) -> dict[str, list[str]]:
        return self.values

    @property
    def groups(self) -> list[slice]:
        ends = np.cumsum([len(own) for own in self.values.values()]).tolist()
        return [slice(end - len(own), end) for end, own in zip(ends, self.values.values(), strict=True)]

    def _classes(self) -> list[tuple[str, str]]:
        return [(name, value) for name, own in self.values.items() for value in own]

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, list[str]] | None = None,
    ) -> None:
        """Takes attributes and their values from the examples unless given; sets up the network."""
        examples = list(get_examples())
        if labels is None:
            known: dict[str, set[str]] = {}
            for eg in examples:
                for name, value in _gold_values(eg).values():
                    known.setdefault(name, set()).add(value)
            labels = {name: sorted(own) for name, own in sorted(known.items())}
        self.cfg["values"] = dict(labels)
        if not self._classes():
            raise ValueError(f"no attribute in the training data: leave '{self.name}' out of the pipeline")
        self._set_up(len(self._classes()))

    def spans_in(self, doc: Doc) -> tuple[Sequence[Span], Sequence[Span]]:
        return list(events_of(doc)), ()

    def gold_in(self, eg: Example) -> tuple[Sequence[Span], Sequence[Span]] | None:
        if EVENTS not in eg.reference.spans:
            return None
        return on_tokens(eg.predicted, eg.reference.spans[EVENTS]), ()

    def candidates(
        self, docs: list[Doc], firsts: Sequence[Sequence[Span]], seconds: Sequence[Sequence[Span]], sources: Sequence[Doc]
    ) -> Candidates:
        batch = Batch(docs)
        return describe_singles(batch, ranges_of(firsts, batch.doc_start))

    def open_classes(self, candidates: Candidates, firsts: Any, seconds: Any) -> Mask:
        return np.ones((len(candidates), len(self._classes())), dtype=bool)

    def targets(self, examples: Sequence[Example], found: Found) -> Floats:
        numbers = {pair: i for i, pair in enumerate(self._classes())}
        truth = np.zeros_like(found.probabilities)
        row = 0
        for eg, own in zip(examples, found.firsts, strict=True):
            gold = _gold_values(eg)
            for span in own:
                for name in self.values:
                    if (span.id_, name) in gold and gold[span.id_, name] in numbers:
                        truth[row, numbers[gold[span.id_, name]]] = 1.0
                row += 1
        return truth

    def set_annotations(self, docs: Iterable[Doc], found: Found) -> None:
        classes, row = self._classes(), 0
        groups = self.groups
        best = [group.start + found.probabilities[:, group].argmax(axis=1) for group in groups]
        scores = [found.probabilities[np.arange(len(own)), own].tolist() for own in best]
        for doc, own in zip(docs, found.firsts, strict=True):
            attributes = []
            for span in own:
                for of_group, of_group_scores in zip(best, scores, strict=True):
                    name, value = classes[of_group[row]]
                    score = confidence(of_group_scores[row], self.cfg.get("calibration"))
                    attributes.append({"event": span.id_, "name": name, "value": value, "score": score})
                row += 1
            set_attr(events_of(doc), "attributes", attributes)


def _gold_values(eg: Example) -> dict[tuple[str, str], tuple[str, str]]:
    """(Event id, attribute) -> (attribute, value) of the reference."""
    if EVENTS not in eg.reference.spans:
        return {}
    attributes = eg.reference.spans[EVENTS].attrs.get("attributes", ())
    return {(a["event"], a["name"]): (a["name"], a["value"]) for a in attributes}
