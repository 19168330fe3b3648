"""What the plots on this room's pages have in common: their field, round numbers along its sides, paths, and templates."""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

SIZE = WIDTH, HEIGHT = 360, 230  # of a plot, in its own units
FIELD = LEFT, RIGHT, TOP, BOTTOM = 38, 352, 12, 198  # of the lines within it

Point = tuple[float, float]
Tick = tuple[float, str]  # place in the plot's units, words


@cache
def templates() -> "Environment":
    """The templates of this folder; whatever they show is escaped, and a name that they do not get is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)


def path_of(points: Sequence[Point]) -> str:
    """The points joined, as an SVG path. points: at least one."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def scale_of_f1(low: float, high: float) -> tuple[float, float, float]:
    """The ends of a scale of F1 that holds both, and its step."""
    step = next(step for step in (0.05, 0.1, 0.2) if (high - low) / step <= 5 or step == 0.2)
    start, stop = math.floor(low / step), math.ceil(high / step)
    start = min(start, stop - 3) if stop > 3 else 0
    stop = max(stop, start + 3)
    return max(0, start) * step, min(stop * step, 1.0) if stop * step > 1 else stop * step, step


def round_step(width: float, *, is_whole: bool = False) -> float:
    """A round number, a fifth of the width or somewhat more. is_whole: at least 1."""
    rough = max(width / 5, 1.0 if is_whole else 1e-9)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough or step == 10 * power)


def round_numbers(end: float) -> list[float]:
    """Up to six round whole numbers from 0 to the end or somewhat less."""
    step = round_step(end, is_whole=True)
    return [step * i for i in range(int(end / step) + 1)]
