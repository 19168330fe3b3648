"""The plots and the table of a run's evaluations, out of the lines of its log."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .plots import BOTTOM, LEFT, RIGHT, TOP, Point, Tick, path_of, round_numbers, round_step, scale_of_f1

N_ROWS = 10
MAX_DOTS = 40  # more would be a band

Record = dict[str, Any]  # Any: a line of the log
Curve = Sequence[tuple[int, float | None]]  # step, value; None where there is none


@dataclass(frozen=True)
class Dot:
    """A point of a plot in its units, with its words."""

    x: float
    y: float
    words: str
    is_best: bool


@dataclass(frozen=True)
class Plot:
    """A plot in its own units.

    lines: kind ("main", "precision", "recall") and SVG path, the main one last. best: where the best evaluation is.
    last, at_best: the main line's values there, in words.
    """

    name: str
    note: str
    lines: Sequence[tuple[str, str]]
    dots: Sequence[Dot]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    best: float
    last: str
    at_best: str


@dataclass(frozen=True)
class Evaluation:
    """A row of the table: losses per step since the evaluation before, and the scores, None where there is none."""

    step: int
    epoch: int
    score: float
    scores: Mapping[str, float | None]
    losses: Mapping[str, float | None]


def best_of(records: Sequence[Record]) -> Record | None:
    """The evaluation whose model is kept: the latest of the best."""
    return max(records, key=lambda record: (record["score"], record["step"]), default=None)


def names_of(records: Sequence[Record], weights: Mapping[str, float | None]) -> tuple[list[str], list[str]]:
    """The scores with a weight and the components, in their order."""
    return [name for name, weight in weights.items() if weight], list(records[-1]["losses"]) if records else []


def evaluations(records: Sequence[Record]) -> list[Evaluation]:
    """The last ones, the latest first."""
    losses = list(_losses_per_step(records))
    rows = [
        Evaluation(r["step"], r["epoch"], r["score"], {name: _number(r, name) for name in r["scores"]}, own)
        for r, own in zip(records, losses, strict=True)
    ]
    return rows[: -N_ROWS - 1 : -1]


def score_plots(records: Sequence[Record], weights: Mapping[str, float | None]) -> tuple[list[Plot], list[Plot]]:
    """A plot of the score that chooses the model and of each part of it; and of each other F that the config names."""
    if not records:
        return [], []
    combined = _plot(
        "score", "chooses the model", [("main", [(r["step"], r["score"]) for r in records])], records, is_score=True
    )
    main, others = [combined], list[Plot]()
    for name, weight in weights.items():
        own = [(r["step"], _number(r, name)) for r in records]
        if all(value is None for _, value in own) or not (weight or name.endswith("_f")):
            continue
        stem = name.removesuffix("_f")
        curves: list[tuple[str, Curve]] = [("main", own)]
        if stem != name:
            sides = {"recall": f"{stem}_r", "precision": f"{stem}_p"}
            curves[:0] = [(kind, [(r["step"], _number(r, side)) for r in records]) for kind, side in sides.items()]
        note = f"weight {weight:g}" if weight else ""
        (main if weight else others).append(_plot(stem, note, curves, records, is_score=True))
    return main, others


def loss_plots(records: Sequence[Record]) -> list[Plot]:
    """A plot of each component's loss, a step's mean since the evaluation before: the first is of one step alone."""
    losses = list(_losses_per_step(records))
    plots = []
    for name in records[-1]["losses"] if records else ():
        curve = [(record["step"], own.get(name)) for record, own in zip(records, losses, strict=True)]
        plots.append(_plot(name, "", [("main", curve)], records, is_score=False))
    return plots


def _losses_per_step(records: Sequence[Record]) -> Iterator[dict[str, float | None]]:
    before = -1
    for record in records:
        n_steps = record["step"] - before
        yield {name: None if loss is None else loss / n_steps for name, loss in record["losses"].items()}
        before = record["step"]


def _number(record: Record, name: str) -> float | None:
    """None where the score is missing, or a text or a table."""
    value = record["scores"].get(name)
    return float(value) if isinstance(value, int | float) else None


def _plot(name: str, note: str, curves: Sequence[tuple[str, Curve]], records: Sequence[Record], *, is_score: bool) -> Plot:
    """curves: kind and points, the main one last."""
    values = [value for _, curve in curves for _, value in curve if value is not None] or [0.0]
    ticks = _ticks(min(values), max(values), is_score=is_score)
    end: int = max(records[-1]["step"], 1)
    best: int = (best_of(records) or records[-1])["step"]

    def x(step: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * step / end, 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (value - ticks[0]) / (ticks[-1] - ticks[0]), 1)

    def words(value: float | None) -> str:
        return "none" if value is None else f"{value:.3f}" if is_score else short(value)

    main = curves[-1][1]
    dots = [Dot(x(s), y(v), f"step {s:,}: {words(v)}", s == best) for s, v in main if v is not None]
    return Plot(
        name=name,
        note=note,
        lines=[(kind, _path([(x(s), None if v is None else y(v)) for s, v in curve])) for kind, curve in curves],
        dots=dots if len(dots) <= MAX_DOTS else [dot for dot in dots if dot.is_best],
        x_ticks=[(x(step), f"{step:,.0f}") for step in round_numbers(end)],
        y_ticks=[(y(tick), f"{tick:.2f}".rstrip("0").rstrip(".") if is_score else short(tick)) for tick in ticks],
        best=x(best),
        last=words(main[-1][1]),
        at_best=words(dict(main)[best]),
    )


def _ticks(low: float, high: float, *, is_score: bool) -> list[float]:
    """Round numbers from below the lowest value to above the highest. A loss begins at 0, unless it is below that."""
    if is_score and low >= 0 and high <= 1:
        start, stop, step = scale_of_f1(low, high)
        return [start + step * i for i in range(round((stop - start) / step) + 1)]
    low = min(low, 0.0)
    step = round_step(high - low)
    return [step * i for i in range(math.floor(low / step), max(math.ceil(high / step), 1) + 1)]


def _path(points: Sequence[tuple[float, float | None]]) -> str:
    """The points joined, with a gap where there is none."""
    pieces: list[list[Point]] = [[]]
    for x, y in points:
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append((x, y))
    return "".join(path_of(piece) for piece in pieces if piece)


def short(value: float) -> str:
    """A number in as few signs as an axis has room for."""
    if abs(value) >= 10_000:
        return f"{value / 1000:,.0f}k"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
