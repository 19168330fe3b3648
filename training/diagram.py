"""Reliability diagrams: how often scores come true, as pictures for a page without scripts."""

from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from .calibration import Reliability
from .evaluate import Scores
from .judged import LAYER, LAYERS

SIZE, LEFT, TOP, SIDE = 190, 26, 10, 152  # in units of the view box: the whole, and where its square of 0 to 1 lies


class Panel(NamedTuple):
    """One diagram with what stands below it. error: the expected calibration error; svg: one element, escaped."""

    name: str
    error: float
    svg: str


class Figure(NamedTuple):
    """The diagrams of a layer: of the network's own scores and, where the model is calibrated, of those it gives."""

    layer: str
    n_items: int
    panels: tuple[Panel, ...]


def figures(scores: Scores) -> Iterator[Figure]:
    """The diagrams of each layer in which something was found that has a score."""
    for layer, (before, after) in scores.calibration.items():
        sides = {"before": before, "after": after} if scores.is_calibrated else {"not calibrated": after}
        panels = tuple(Panel(name, own.error, _titled(layer, name, own)) for name, own in sides.items())
        yield Figure(layer, after.n_items, panels)


def without_figure(scores: Scores) -> list[str]:
    """The layers that are scored, in which nothing was found that has a score."""
    scored = {LAYER.get(name, name) for name in scores.results}
    return [layer for layer in LAYERS if layer in scored and layer not in scores.calibration]


def _titled(layer: str, name: str, own: Reliability) -> str:
    return reliability_svg(own, title=f"{layer}, {name}: calibration error {own.error:.3f}, {own.n_items:,} found")


def reliability_svg(own: Reliability, *, title: str) -> str:
    """A reliability diagram as one <svg> element: a dot for each bin, the diagonal, and how far each dot is from it.

    The area of a dot goes with its number of items. title: escaped here. Its ink is `currentColor`, so that it fits a
    light page and a dark one; dots and distances have the classes `dot` and `off` for a style sheet to colour.
    """
    most = max((part.n for part in own.bins), default=1)
    dots, gaps = [], []
    for part in own.bins:
        x, y = _at(part.score, part.right)
        radius = max(2.0, 9.0 * (part.n / most) ** 0.5)
        said = f"{part.low:.1f} to {part.high:.1f}: {part.n:,} found, mean score {part.score:.2f}, {part.right:.2f} right"
        gaps.append(f'<path class="off" d="M{x:.1f} {y:.1f}V{_at(0, part.score)[1]:.1f}" stroke="currentColor"/>')
        dots.append(
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill-opacity=".6"><title>{said}</title></circle>'
        )
    name = escape(title)
    head = f'<svg class="reliability" role="img" viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}"'
    style = 'fill="currentColor" font-size="12" font-family="sans-serif"'
    return f'{head} aria-label="{name}" {style}><title>{name}</title>{_axes()}{"".join(gaps + dots)}</svg>'


def _at(score: float, right: float) -> tuple[float, float]:
    """Where a point of the square lies in the view box."""
    return LEFT + score * SIDE, TOP + (1 - right) * SIDE


def _axes() -> str:
    bottom, end = TOP + SIDE, LEFT + SIDE
    lines = (
        f'<path d="M{LEFT} {TOP}V{bottom}H{end}" fill="none" stroke="currentColor"/>'
        f'<path d="M{LEFT} {bottom}L{end} {TOP}" stroke="currentColor" stroke-dasharray="3 3" opacity=".6"/>'
    )
    words = (
        (LEFT - 5, TOP + 8, "end", "1"),
        (LEFT - 5, bottom, "end", "0"),
        (LEFT, bottom + 21, "start", "0"),
        (end, bottom + 21, "end", "1"),
        (LEFT + SIDE / 2, bottom + 21, "middle", "score"),
    )
    upright = f'<text transform="translate({LEFT - 8} {TOP + SIDE / 2}) rotate(-90)" text-anchor="middle">share right</text>'
    return (
        lines + upright + "".join(f'<text x="{x}" y="{y}" text-anchor="{anchor}">{word}</text>' for x, y, anchor, word in words)
    )
