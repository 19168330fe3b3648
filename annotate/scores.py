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
    results = {}
    for name, stories in by_story(articles).items():
        ci = interval(rows_of(stories.values()), n_resamples=n_resamples, seed=seed)
        results[name] = Result(reduce(add, stories.values(), Counts()), ci, len(stories))
    return results


def by_story(articles: Iterable[tuple[str, Mapping[Name, Counts]]]) -> dict[Name, dict[str, Counts]]:
    """Score -> story -> the counts of its articles, stories sorted."""
    found: dict[Name, dict[str, Counts]] = {}
    for story, scores in sorted(articles, key=lambda pair: pair[0]):
        for name, counts in scores.items():
            stories = found.setdefault(name, {})
            stories[story] = stories.get(story, Counts()) + counts
    return found


def rows_of(counts: Iterable[Counts]) -> NDArray[np.int64]:
    """(n, 3): tp, fp and fn of each."""
    return np.array([(c.tp, c.fp, c.fn) for c in counts], dtype=np.int64).reshape(-1, 3)


def interval(rows: NDArray[np.int64], *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> tuple[float, float] | None:
    """The percentile bootstrap interval of F1, drawing stories with replacement.

    rows: (n_stories, 3), the tp, fp and fn of each story.
    None with fewer than MIN_STORIES stories, or where nothing is there to count.
    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3.
    """
    n_stories = len(rows)
    if n_stories < MIN_STORIES or not rows.any():
        return None
    f1 = drawn_f1(rows, n_resamples=n_resamples, seed=seed)
    f1 = f1[~np.isnan(f1)]
    return middle(f1) if f1.size else None


def drawn_f1(rows: NDArray[np.int64], *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> NDArray[np.float64]:
    """F1 of each draw of as many stories with replacement, (n_resamples,); NaN where a draw has nothing to count.

    rows: (n_stories, 3). Equal seeds draw the same stories, so that two sets of rows can be compared draw by draw.
    """
    random = np.random.default_rng(seed)
    even = np.full(len(rows), 1 / len(rows))
    draws = random.multinomial(len(rows), even, size=n_resamples)  # (n_resamples, n_stories): how often each is drawn
    tp, fp, fn = (draws @ rows).T
    whole = (2 * tp + fp + fn).astype(float)
    whole[whole == 0] = np.nan
    found: NDArray[np.float64] = 2 * tp / whole
    return found


def middle(values: NDArray[np.float64]) -> tuple[float, float]:
    """The two values between which COVERAGE of all lie."""
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
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
