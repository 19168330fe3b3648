"""The probabilities from which something found is believed, chosen on the dev articles once a model is trained."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from annotate.records import Article

from .calibration import calibrate, judge_model, remarks, settings_of, uncalibrated
from .components import scoring
from .components.arguments import Arguments
from .components.entities import Entities
from .components.spans import EVENTS, MENTIONS, STANCES
from .components.stance import StancePipe
from .components.triggers import Triggers
from .judged import Judged

GRID = (0.03, 0.05, 0.07, 0.1, 0.125, 0.15, *(step / 20 for step in range(4, 19)))
MIN_GOLD = 30  # with fewer items on dev the best threshold is mostly luck
MIN_FOUND = 20  # items of a label found on dev, from which on it has cut-offs of its own
BATCH = 64  # docs
Steps = list[tuple[float, float]]
Items = Callable[[Doc], Iterable[Any]]  # Any: labels, offsets


def _mentions(doc: Doc) -> Iterator[Any]:
    yield from ((s.start_char, s.end_char, s.label_) for s in doc.spans.get(MENTIONS, ()))


# component -> the groups that show that its layer was annotated, and what it finds
CHOSEN_BY: dict[type, tuple[set[str], Items]] = {
    Entities: ({MENTIONS}, _mentions),
    Triggers: ({EVENTS}, scoring.triggers_of),
    Arguments: ({EVENTS, MENTIONS}, scoring.arguments_of),
    StancePipe: ({STANCES, MENTIONS}, scoring.stances_of),
}


def choose_thresholds(nlp: Language, examples: Iterable[Example]) -> dict[str, dict[str, float]]:
    """Gives each component that has thresholds those with the best F1 on these examples; returns those chosen.

    Few training articles leave a model unsure, and half a probability then finds too little. `threshold` of arguments and
    stances is chosen with the gold spans given, their `joint_threshold`, as everything else, on what the components before
    find with theirs. A component with fewer than MIN_GOLD gold items keeps those of its config. Equal scores: the one nearest
    to that. What stands on the examples' predicted docs already is taken as known.
    """
    examples = list(examples)
    given = [Example(_given(eg.reference), eg.reference) for eg in examples]
    chosen: dict[str, dict[str, float]] = {}
    for name, pipe in nlp.pipeline:
        if type(pipe) in CHOSEN_BY:
            thresholds = {}
            if "joint_threshold" in pipe.cfg:  # type: ignore[attr-defined]  # a pipe, not just a function
                thresholds["threshold"] = _best(pipe, "threshold", given)
            last = "joint_threshold" if thresholds else "threshold"
            thresholds[last] = _best(pipe, last, examples)
            chosen[name] = {key: value for key, value in thresholds.items() if value is not None}
        else:
            for docs in ([eg.predicted for eg in examples], [eg.predicted for eg in given]):
                for _ in pipe.pipe(docs, batch_size=BATCH) if hasattr(pipe, "pipe") else map(pipe, docs):
                    pass  # they annotate the docs in place
    return {name: own for name, own in chosen.items() if own}


def _given(reference: Doc) -> Doc:
    """The text with its gold mentions and triggers."""
    doc = reference.copy()
    doc.spans.pop(STANCES, None)
    if EVENTS in doc.spans:
        doc.spans[EVENTS].attrs = {}
    return doc


def _best(pipe: Any, setting: str, examples: list[Example]) -> float | None:
    """Sets the threshold that is best, None where there is too little to choose by, and what the component finds with it."""
    groups, items = CHOSEN_BY[type(pipe)]
    known = [eg for eg in examples if groups <= eg.reference.spans.keys()]
    gold = [set(items(eg.reference)) for eg in known]
    usual: float = pipe.cfg[setting]
    docs = [eg.predicted for eg in examples]
    found = [(own, pipe.predict(own)) for own in (docs[i : i + BATCH] for i in range(0, len(docs), BATCH))]

    def f1(threshold: float) -> float:
        pipe.cfg[setting] = threshold
        for own, predictions in found:
            pipe.set_annotations(own, predictions)
        both = [(set(items(eg.predicted)), wanted) for eg, wanted in zip(known, gold, strict=True)]
        n_all = sum(len(one) + len(wanted) for one, wanted in both)
        return 2 * sum(len(one & wanted) for one, wanted in both) / n_all if n_all else 0.0

    is_enough = sum(map(len, gold)) >= MIN_GOLD
    best = max(sorted(GRID, key=lambda t: abs(t - usual)), key=f1) if is_enough else usual
    f1(best)
    return best if is_enough else None


def give_scores_meaning(nlp: Language, articles: Iterable[Article], *, annotator: str | None = None) -> list[str]:
    """Calibrates the model's scores on these dev articles and learns its cut-offs; returns what is to be said of it."""
    with uncalibrated(nlp):
        items = judge_model(nlp, articles, annotator=annotator)
    choose_cutoffs(nlp, calibrate(nlp, items))
    return list(remarks(items))


def choose_cutoffs(nlp: Language, items: Iterable[Judged]) -> None:
    """Gives each component, in its cfg, the scores from which its items keep a promised precision.

    items: of dev articles, with the scores that the model gives. `cutoffs` is {"labels": {label: steps}, "rest": steps}:
    labels found MIN_FOUND times have steps of their own; the others share those of "rest", made of all of them together,
    which are none where even that is too little.
    """
    by_layer: dict[str, dict[str, list[Judged]]] = {}
    for item in items:
        by_layer.setdefault(item.layer, {}).setdefault(item.label, []).append(item)
    for layer, cfg in settings_of(nlp):
        if layer != "attributes":
            labels = by_layer.get(layer, {})
            often = {label: own for label, own in sorted(labels.items()) if len(own) >= MIN_FOUND}
            rest = [item for label, own in labels.items() if label not in often for item in own]
            steps = {label: steps_of(own) for label, own in often.items()}
            cfg["cutoffs"] = {
                "labels": steps,
                "rest": steps_of(rest) if len(rest) >= MIN_FOUND else [],
            }


def steps_of(items: Iterable[Judged]) -> Steps:
    """Precision and lowest score that promises it, both rising: for a wanted precision the first step that reaches it.

    Promised is (right + 1) / (found + 2) of the items from that score on, so that a few right ones promise little.
    Source: Laplace's rule of succession.
    """
    n_right = n_found = 0
    steps: Steps = []
    for score, tied in groupby(sorted(items, key=lambda i: -i.score), key=lambda i: i.score):
        for item in tied:
            n_found += 1
            n_right += item.is_right
        promised = round((n_right + 1) / (n_found + 2), 4)
        while steps and steps[-1][0] <= promised:
            steps.pop()
        steps.append((promised, score))
    return steps[::-1]
