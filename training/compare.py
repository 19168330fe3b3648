"""Is one model better than another? Both on the same articles, the difference of each score with an interval over stories."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from annotate.counts import n_of
from annotate.errors import DataError
from annotate.matching import SCORES, Counts, count_matches
from annotate.scores import COVERAGE, MIN_STORIES, by_story, drawn_f1, middle, rows_of
from annotate.sources import read_articles

from .evaluate import GIVEN, Scores, evaluate, flattering

N_RESAMPLES = 10_000
# Attributes count on triggers that a model has found: each has items of its own there, and the same ones only when given.
PAIRED = tuple(score for score in SCORES if score != "attributes")
MIN_LABELS = 20  # gold items of a label, below which its difference is not worth a line


class Gap(NamedTuple):
    """F1 of both models, and what the second has more than the first.

    ci: its interval, p: how often chance alone makes one as large (two-sided); both None with fewer than MIN_STORIES stories.
    """

    first: float
    second: float
    ci: tuple[float, float] | None
    p: float | None
    n_gold: int

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.ci is not None and (self.ci[0] > 0 or self.ci[1] < 0)

    def to_json(self) -> dict[str, Any]:
        """The plain numbers. Any: numbers, null and a list of numbers."""
        ci = None if self.ci is None else list(self.ci)
        return {"first": self.first, "second": self.second, "gain": self.second - self.first, "ci": ci, "p": self.p}


def compare_models(
    first: str, second: str, records: Path, *, say: Callable[[str], None], annotator: str | None = None, seed: int = 0
) -> dict[str, Gap]:
    """The difference of two models on annotated articles: name of the score, or score and label -> its gap.

    say: is told where a model knows these articles, lacks labels that they have, or a score that the other has.
    Raises DataError where a model or the articles cannot be used, or the models have no score in common.
    """
    from .pipeline import load_model, schema_of

    pipelines = [load_model(model) for model in (first, second)]
    articles = list(read_articles([str(records)], schema=schema_of(pipelines[0])))
    one, other = (evaluate(nlp, articles, annotator=annotator, n_resamples=1) for nlp in pipelines)
    for model, scores, against in ((first, one, other), (second, other, one)):
        for line in flattering(scores):
            say(f"{model}: {line}")
        lacking = [name for name in against.results if name not in scores.results]
        if lacking:
            say(f"{model}: no {', '.join(lacking)}, so there is nothing to compare")
    gaps = compare(one, other, seed=seed)
    if not gaps:
        raise DataError(f"{first} and {second}", "have no score in common", "compare models that predict the same layers")
    return gaps


def compare(one: Scores, other: Scores, *, seed: int = 0) -> dict[str, Gap]:
    """The gap of each score that both have, with gold spans given too, and of each label with MIN_LABELS in gold."""
    gaps: dict[str, Gap] = {}
    pairs = (_own(one), _own(other)), (_given(one), _given(other))
    for first, second in pairs:
        for name in first:
            if name in second:
                gaps[name] = gap(list(first[name].values()), list(second[name].values()), seed)
                for label in _labels(first[name].values()):
                    sides = [[counts.of_label(label) for counts in side[name].values()] for side in (first, second)]
                    gaps[f"{name} {label}"] = gap(sides[0], sides[1], seed)
    return gaps


def _own(scores: Scores) -> dict[str, dict[str, Counts]]:
    found = by_story((pair.article.story_or_id, count_matches(pair.gold, pair.found)) for pair in scores.pairs)
    return {str(name): found[name] for name in PAIRED if name in found and name in scores.results}


def _given(scores: Scores) -> dict[str, dict[str, Counts]]:
    found = by_story(
        (pair.article.story_or_id, count_matches(pair.gold, pair.given)) for pair in scores.pairs if pair.given is not None
    )
    return {f"given {name}": found[name] for name in GIVEN if name in found and name in scores.given}


def _labels(counts: Iterable[Counts]) -> list[str]:
    n_gold: dict[str, int] = {}
    for own in counts:
        for label in own.per_label:
            n_gold[label] = n_gold.get(label, 0) + own.of_label(label).n_gold
    return sorted(label for label, n in n_gold.items() if n >= MIN_LABELS)


def gap(first: Sequence[Counts], second: Sequence[Counts], seed: int) -> Gap:
    """Paired bootstrap: both sides see the same draw of stories.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapters 13 and 16; p is the achieved
    significance level of the interval, twice the share of draws on the other side of 0.
    """
    rows, others = rows_of(first), rows_of(second)
    one, other = _f1(first), _f1(second)
    n_gold = sum(counts.n_gold for counts in first)
    if len(rows) < MIN_STORIES:
        return Gap(one, other, None, None, n_gold)
    draws = [np.nan_to_num(drawn_f1(side, n_resamples=N_RESAMPLES, seed=seed)) for side in (rows, others)]
    gains = draws[1] - draws[0]
    tail = min(int((gains <= 0).sum()), int((gains >= 0).sum()))
    return Gap(one, other, middle(gains), min(1.0, 2 * (tail + 1) / (N_RESAMPLES + 1)), n_gold)


def _f1(counts: Sequence[Counts]) -> float:
    f1 = reduce(add, counts, Counts()).f1
    return 0.0 if math.isnan(f1) else f1


def to_text(gaps: Mapping[str, Gap], names: tuple[str, str]) -> str:
    """The gaps as a table, and what they show in a sentence."""
    lines = [f"first   {names[0]}", f"second  {names[1]}", ""]
    lines.append(f"{'score':<32}{'first':>8}{'second':>8}{'gain':>8}  {f'{COVERAGE:.0%} interval':<18}{'p':>6}{'n':>8}")
    lines += [_line(name, gap) for name, gap in gaps.items()]
    return "\n".join([*lines, "", *_verdict(gaps)])


def _line(name: str, gap: Gap) -> str:
    ci = "too few stories" if gap.ci is None else f"{gap.ci[0]:+.3f} to {gap.ci[1]:+.3f}"
    p = "-" if gap.p is None else f"{gap.p:.3f}"
    gain = gap.second - gap.first
    return f"{name:<32}{gap.first:>8.3f}{gap.second:>8.3f}{gain:>+8.3f}  {ci:<18}{p:>6}{gap.n_gold:>8,}"


def _verdict(gaps: Mapping[str, Gap]) -> Iterator[str]:
    shown = [(name, gap) for name, gap in gaps.items() if gap.is_shown]
    if not shown:
        yield "no difference shown"
        return
    for side, sign in (("second", 1), ("first", -1)):
        better = [name for name, gap in shown if (gap.second - gap.first) * sign > 0]
        if better:
            yield f"the {side} is better: {', '.join(better)}"
    by_chance = (1 - COVERAGE) * len(gaps)
    yield f"of {n_of(len(gaps), 'line')}, chance alone shows a difference in about {by_chance:.0f}"
