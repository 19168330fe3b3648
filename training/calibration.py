"""Scores that mean a probability: learnt from what a model found in dev articles, and how far they can be believed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotate.counts import n_of
from annotate.records import Article, annotation_of

from .components.confidence import Calibration, confidence, logit
from .judged import LAYERS, Judged, judge
from .leaks import with_stories

if TYPE_CHECKING:
    from spacy.language import Language

_LAYER_OF = {"ner": "mentions", "triggers": "events", "attributes": "attributes", "arguments": "arguments", "stance": "stances"}
N_BINS = 10
N_FOLDS = 5
MIN_ITEMS = 30  # with fewer on dev, what is learnt is a guess, and said to be one
_SLOPE, _OFFSET = (1.0, 0.5), (0.0, 2.0)  # mean and standard deviation of what is held likely before any item is seen
_FLOOR = 0.05  # of the slope: a score must not fall where the network's rises

Floats = NDArray[np.float64]


class Bin(NamedTuple):
    """The items with scores from `low` up to `high`: how many, their mean score, and the share that is right."""

    low: float
    high: float
    n: int
    score: float
    right: float


@dataclass(frozen=True)
class Reliability:
    """How far scores are probabilities: the items in bins of equal width, empty ones left out."""

    bins: tuple[Bin, ...]

    @property
    def n_items(self) -> int:
        return sum(own.n for own in self.bins)

    @property
    def error(self) -> float:
        """The expected calibration error: how far score and share of right ones are apart, on average over the items.

        0.0 without an item. Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3.
        """
        return sum(own.n * abs(own.score - own.right) for own in self.bins) / max(self.n_items, 1)

    def mean(self, name: str) -> float:
        """The mean of "score" or of "right" over the items; 0.0 without one."""
        return float(sum(own.n * getattr(own, name) for own in self.bins) / max(self.n_items, 1))

    def to_json(self) -> dict[str, Any]:
        """Any: numbers, and the bins."""
        bins = [own._asdict() for own in self.bins]
        return {"n": self.n_items, "ece": self.error, "score": self.mean("score"), "right": self.mean("right"), "bins": bins}


class BeforeAfter(NamedTuple):
    """The reliability of the networks' own scores, and of those that the model gives."""

    before: Reliability
    after: Reliability

    def to_json(self) -> dict[str, Any]:
        """Any: as in `Reliability.to_json`."""
        return {**self.after.to_json(), "before": self.before.to_json()}


def reliability(scores: Sequence[float], is_right: Sequence[bool], *, n_bins: int = N_BINS) -> Reliability:
    """The items in `n_bins` bins of equal width; a score of 1 is in the last."""
    places = [min(int(score * n_bins), n_bins - 1) for score in scores]
    bins = []
    for place in sorted(set(places)):
        own = [(s, r) for s, r, p in zip(scores, is_right, places, strict=True) if p == place]
        n = len(own)
        share = sum(r for _, r in own) / n
        bins.append(Bin(place / n_bins, (place + 1) / n_bins, n, sum(s for s, _ in own) / n, share))
    return Reliability(tuple(bins))


def calibrated(item: Judged, fitted: Mapping[str, Calibration]) -> float:
    """The item's score by these calibrations, made from the networks' own scores of it and of what it joins."""
    return confidence(item.score, fitted.get(item.layer), *_ends(item, fitted))


def _ends(item: Judged, fitted: Mapping[str, Calibration]) -> list[float]:
    return [confidence(score, fitted.get(layer)) for layer, score in item.ends]


def fit(items: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """Layer -> slope and offset, learnt from items with the networks' own scores; for the layers that have items.

    Mentions and events come first: what joins them builds on their calibrated scores.
    """
    fitted: dict[str, dict[str, float]] = {}
    for layer in LAYERS:
        own = [item for item in items if item.layer == layer]
        if own:
            whole = [item.score * float(np.prod(_ends(item, fitted))) for item in own]
            slope, offset = fit_line([logit(p) for p in whole], [item.is_right for item in own])
            fitted[layer] = {"slope": slope, "offset": offset}
    return fitted


def fit_line(logits: Sequence[float], is_right: Sequence[bool]) -> tuple[float, float]:
    """Slope and offset of the most probable sigmoid, where 1 and 0 are held likely until items speak against them.

    So a handful of items changes little, and many decide alone. The slope is at least _FLOOR.
    """
    x, y = np.asarray(logits, dtype="d"), np.asarray(is_right, dtype="d")
    line = _descend(x, y, np.array([1.0, 1.0]))
    if line[0] < _FLOOR:
        line = _descend(x, y, np.array([0.0, 1.0]))
    return round(float(line[0]), 6), round(float(line[1]), 6)


def _descend(x: Floats, y: Floats, free: Floats) -> Floats:
    """Newton's method with halved steps on the penalised log loss, which is convex; free: 0 fixes the slope at _FLOOR."""
    mean, weight = np.array([_SLOPE[0], _OFFSET[0]]), np.array([_SLOPE[1], _OFFSET[1]]) ** -2
    inputs = np.stack([x, np.ones_like(x)], axis=1)  # (n_items, 2)
    line = np.where(free > 0, mean, _FLOOR)

    def loss(at: Floats) -> float:
        scaled = inputs @ at
        return float((np.logaddexp(0.0, scaled) - y * scaled).sum() + (weight * (at - mean) ** 2).sum() / 2)

    for _ in range(100):
        p = np.exp(-np.logaddexp(0.0, -(inputs @ line)))
        slope = (inputs.T @ (p - y) + weight * (line - mean)) * free
        bend = inputs.T @ (inputs * (p * (1.0 - p))[:, None]) * np.outer(free, free) + np.diag(weight)
        step = np.linalg.solve(bend, slope)
        while loss(line - step) > loss(line) and abs(step).max() > 1e-9:
            step /= 2
        line = line - step
        if abs(step).max() < 1e-9:
            break
    return line


def before_after(own: Iterable[Judged], given: Iterable[Judged]) -> dict[str, BeforeAfter]:
    """Layer -> reliability of the items with the networks' own scores and with those that the model gives."""
    sides = [list(own), list(given)]
    found = {}
    for layer in LAYERS:
        both = [[item for item in side if item.layer == layer] for side in sides]
        if both[1]:
            before, after = ([i.score for i in side] for side in both)
            rights = [[i.is_right for i in side] for side in both]
            found[layer] = BeforeAfter(reliability(before, rights[0]), reliability(after, rights[1]))
    return found


def held_out(items: Sequence[Judged]) -> dict[str, BeforeAfter]:
    """The same where each item's score is learnt without its story; empty with fewer than two stories."""
    stories = sorted({item.story for item in items})
    if len(stories) < 2:
        return {}
    fold = {story: number % N_FOLDS for number, story in enumerate(stories)}
    given = []
    for number in range(min(N_FOLDS, len(stories))):
        fitted = fit([item for item in items if fold[item.story] != number])
        given += [item._replace(score=calibrated(item, fitted)) for item in items if fold[item.story] == number]
    return before_after(items, given)


@contextmanager
def uncalibrated(nlp: "Language") -> Iterator[bool]:
    """Within the block the components give the networks' own scores. Whether that is a difference."""
    kept = [(cfg, cfg["calibration"]) for _, cfg in settings_of(nlp) if cfg.get("calibration")]
    for cfg, _ in kept:
        cfg["calibration"] = None
    try:
        yield bool(kept)
    finally:
        for cfg, calibration in kept:
            cfg["calibration"] = calibration


def judge_model(nlp: "Language", articles: Iterable[Article], *, annotator: str | None = None) -> list[Judged]:
    """What the pipeline finds in the articles that somebody annotated, judged by these annotations."""
    from .convert import from_doc

    both = ((article, annotation_of(article, annotator)) for article in with_stories(list(articles)))
    pairs = [(article, gold) for article, gold in both if gold is not None]
    items: list[Judged] = []
    for doc, (article, gold) in zip(nlp.pipe(article.text for article, _ in pairs), pairs, strict=True):
        bare = article.model_copy(update={"annotations": ()})
        items += judge(gold, from_doc(doc, bare, annotator="model").annotations[0], article.story_or_id)
    return items


def calibrate(nlp: "Language", items: Sequence[Judged]) -> list[Judged]:
    """Gives each component its slope and offset, in its cfg, and returns the items with the scores they get by them.

    items: of dev articles, with the networks' own scores. What the components find does not change, nor its labels.
    A component that found nothing there gets slope 1 and offset 0: its items are then as sure as all they join.
    """
    fitted = fit(items)
    for layer, cfg in settings_of(nlp):
        cfg["calibration"] = fitted.setdefault(layer, {"slope": 1.0, "offset": 0.0})
    return [item._replace(score=calibrated(item, fitted)) for item in items]


def settings_of(nlp: "Language") -> Iterator[tuple[str, dict[str, Any]]]:
    """The layer and the cfg of each component that gives its items a score; spaCy's own `ner` gives none.

    The last word of the factory tells: the words before it differ where a packaged model brought the code.
    Any: plain JSON, saved with the model.
    """
    for name, pipe in nlp.pipeline:
        first, _, last = nlp.get_pipe_meta(name).factory.rpartition("_")
        cfg: dict[str, Any] | None = getattr(pipe, "cfg", None)
        if first and last in _LAYER_OF and cfg is not None:
            yield _LAYER_OF[last], cfg


def lines(found: Mapping[str, BeforeAfter]) -> list[str]:
    """A table of the expected calibration error of each layer, before and after."""
    rows = [f"{'calibration':<22}{'error':>7}{'before':>8}{'score':>7}{'right':>7}{'n':>8}"]
    for layer, (before, after) in found.items():
        means = f"{after.mean('score'):>7.3f}{after.mean('right'):>7.3f}"
        rows.append(f"{layer:<22}{after.error:>7.3f}{before.error:>8.3f}{means}{after.n_items:>8,}")
    return rows


def remarks(items: Sequence[Judged]) -> Iterator[str]:
    """What to say once a model is calibrated on these items: the error on stories left out, and what dev is too small for."""
    tested = held_out(items)
    if tested:
        gains = (f"{layer} {own.before.error:.3f} to {own.after.error:.3f}" for layer, own in tested.items())
        yield f"expected calibration error on dev stories left out: {', '.join(gains)}"
    few = {layer: n for layer in LAYERS if 0 < (n := sum(item.layer == layer for item in items)) < MIN_ITEMS}
    if few:
        listed = ", ".join(f"{layer} {n}" for layer, n in few.items())
        yield f"few found on dev ({listed}): their scores are hardly calibrated (from {n_of(MIN_ITEMS, 'item')} on they are)"
