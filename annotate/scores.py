"""Counts of matches added up over articles, with an interval over stories: the scores of a model and of two annotators."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .matching import Counts

MIN_STORIES = 10  # fewer, and a percentile bootstrap over whole stories covers far less than it claims
COVERAGE = 0.95
N_RESAMPLES = 1000

Name = TypeVar("Name", bound=str)


@dataclass(frozen=True)
class Result:
    """One score. `ci` is the interval of F; None where there are fewer than MIN_STORIES stories, or nothing to count."""

    counts: Counts
    ci: tuple[float, float] | None
    n_stories: int

    def to_json(self) -> dict[str, Any]:
        """The plain numbers. Any: numbers, null and a table per label."""
        interval = None if self.ci is None else list(self.ci)
        labels = {label: _numbers(self.counts.of_label(label)) for label in self.counts.per_label}
        return {**_numbers(self.counts), "ci": interval, "per_label": labels}


def add_up(
    articles: Iterable[tuple[str, Mapping[Name, Counts]]], *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> dict[Name, Result]:
    """Each score over the articles that have it, given as the story of an article and its counts."""
    stories: dict[Name, dict[str, Counts]] = {}
    for story, scores in articles:
        for name, counts in scores.items():
            per_story = stories.setdefault(name, {})
            per_story[story] = per_story.get(story, Counts()) + counts
    results = {}
    for name, per_story in stories.items():
        rows = np.array([(c.tp, c.fp, c.fn) for _, c in sorted(per_story.items())], dtype=np.int64)
        ci = interval(rows, n_resamples=n_resamples, seed=seed)
        results[name] = Result(reduce(add, per_story.values(), Counts()), ci, len(per_story))
    return results


def interval(rows: NDArray[np.int64], *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> tuple[float, float] | None:
    """The percentile bootstrap interval of F1, drawing stories with replacement.

    rows: (n_stories, 3), the tp, fp and fn of each story.
    None with fewer than MIN_STORIES stories, or where nothing is there to count.
    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3.
    """
    n_stories = len(rows)
    if n_stories < MIN_STORIES or not rows.any():
        return None
    random = np.random.default_rng(seed)
    even = np.full(n_stories, 1 / n_stories)
    draws = random.multinomial(n_stories, even, size=n_resamples)  # (n_resamples, n_stories): how often each is drawn
    tp, fp, fn = (draws @ rows).T
    whole = 2 * tp + fp + fn
    f1 = 2 * tp[whole > 0] / whole[whole > 0]  # a draw without anything to count has no F
    if not f1.size:
        return None
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(f1, [tail, 1 - tail])
    return float(low), float(high)


def in_words(result: Result) -> str:
    """The interval of a score, or why it has none."""
    if result.ci is not None:
        return f"{result.ci[0]:.3f} to {result.ci[1]:.3f}"
    return "too few stories" if result.n_stories < MIN_STORIES else "nothing there"


def _numbers(counts: Counts) -> dict[str, Any]:
    """Any: numbers. Ratios are 0.0 where nothing is there on either side; then n_gold and fp say so."""
    ratios = {"p": counts.precision, "r": counts.recall, "f": counts.f1}
    plain = {name: 0.0 if math.isnan(value) else value for name, value in ratios.items()}
    return {**plain, "tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "n_gold": counts.n_gold}
