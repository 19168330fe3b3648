"""What a model found with too little a score is left out, and so is whatever would point to it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from annotate.errors import DataError
from annotate.records import Annotation, Event

if TYPE_CHECKING:
    from spacy.language import Language

Key = tuple[str, str]  # layer and label


@dataclass(frozen=True)
class Cutoffs:
    """The least score of what stays: of anything, of a label, and of the other labels of a layer; infinite: nothing stays."""

    least: float = 0.0
    labels: Mapping[Key, float] = field(default_factory=dict)
    rest: Mapping[str, float] = field(default_factory=dict)

    def keep(self, layer: str, label: str, score: float | None) -> bool:
        """Whether an item stays. One without a score does, unless nothing of its label does."""
        limit = max(self.least, self.labels.get((layer, label), self.rest.get(layer, 0.0)))
        return limit < inf if score is None else score >= limit


def left_in(annotation: Annotation, cutoffs: Cutoffs) -> Annotation:
    """What stays of an annotation; an event goes with its arguments, and a mention or event with all that points to it."""
    mentions = None
    if annotation.mentions is not None:
        mentions = tuple(m for m in annotation.mentions if cutoffs.keep("mentions", m.label, m.score))
    known = {mention.id for mention in mentions or ()}
    events = None
    if annotation.events is not None:
        events = tuple(
            _with_arguments(e, known, cutoffs) for e in annotation.events if cutoffs.keep("events", e.label, e.score)
        )
    known |= {event.id for event in events or ()}
    stances = None
    if annotation.stances is not None:
        stances = tuple(
            s
            for s in annotation.stances
            if {s.target, s.target if s.holder is None else s.holder} <= known and cutoffs.keep("stances", s.label, s.score)
        )
    layers = {"mentions": mentions, "events": events, "stances": stances}
    return annotation.model_copy(update={name: items for name, items in layers.items() if items is not None})


def _with_arguments(event: Event, mentions: set[str], cutoffs: Cutoffs) -> Event:
    """The event with the arguments that stay."""
    own = (a for a in event.arguments if a.mention in mentions and cutoffs.keep("arguments", a.role, a.score))
    return event.model_copy(update={"arguments": tuple(own)})


def cutoffs_of(nlp: "Language", *, min_score: float | None = None, precision: float | None = None) -> Cutoffs | None:
    """The cut-offs that keep what scores at least `min_score` and, label by label, a precision promised on dev.

    A label that dev cannot promise it for is left out. None where neither is wanted.
    Raises DataError where a precision is wanted of a model that has learnt none.
    """
    if precision is None:
        return None if min_score is None else Cutoffs(min_score)
    labels: dict[Key, float] = {}
    rest: dict[str, float] = {}
    for layer, own in _learnt(nlp):
        labels |= {(layer, label): _first(steps, precision) for label, steps in own["labels"].items()}
        rest[layer] = _first(own["rest"], precision)
    if not rest:
        remedy = "train it again with dev articles, or give --min-score"
        raise DataError(f"model '{nlp.meta['name']}'", "has no cut-offs for a precision", remedy)
    return Cutoffs(min_score or 0.0, labels, rest)


def remarks(nlp: "Language", cutoffs: Cutoffs | None) -> Iterator[str]:
    """What to know about these cut-offs on this model: labels left out, labels that share one, scores that mean little."""
    from training.calibration import settings_of

    if cutoffs is None:
        return
    without = [layer for layer, cfg in settings_of(nlp) if not cfg.get("calibration") and layer != "attributes"]
    if without:
        yield f"scores not calibrated on dev, so no probabilities: {', '.join(without)}"
    if any(nlp.get_pipe_meta(name).factory == "ner" for name in nlp.pipe_names):
        yield "spaCy's own ner gives mentions no score: none is left out for it"
    keys = [(layer, label) for layer, cfg in settings_of(nlp) if layer in cutoffs.rest for label in sorted(cfg["labels"])]
    shared = [key for key in keys if key not in cutoffs.labels and cutoffs.rest[key[0]] < inf]
    if shared:
        yield f"found too rarely on dev for a cut-off of their own, so by one for all such: {_listed(shared)}"
    gone = [key for key in keys if cutoffs.labels.get(key, cutoffs.rest[key[0]]) == inf]
    if gone:
        yield f"left out, as dev cannot promise that precision: {_listed(gone)}"


def _learnt(nlp: "Language") -> Iterator[tuple[str, dict[str, Any]]]:
    """Layer and cut-offs: {"labels": {label: steps}, "rest": steps}. Any: plain JSON."""
    from training.calibration import settings_of

    for layer, cfg in settings_of(nlp):
        if cfg.get("cutoffs"):
            yield layer, cfg["cutoffs"]


def _first(steps: Iterable[tuple[float, float]], precision: float) -> float:
    """The lowest score that promises the precision; steps: precision and score, rising."""
    return next((score for promised, score in steps if promised >= precision), inf)


def _listed(keys: Iterable[Key]) -> str:
    by_layer: dict[str, list[str]] = {}
    for layer, label in keys:
        by_layer.setdefault(layer, []).append(label)
    return "; ".join(f"{layer} {', '.join(labels)}" for layer, labels in by_layer.items())
