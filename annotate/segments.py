"""Marks over a text cut into stretches, so that nested and crossing ones can be drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

Kind = Literal["entity", "event", "stance"]


class Label(NamedTuple):
    """A label as the page shows it.

    key: a name for it in the style sheet, where its own could be anything. hue: an angle of the colour circle.
    """

    name: str
    kind: Kind
    hue: int
    key: str
    definition: str = ""
    n: int = 0


@dataclass
class Mark:
    """A mention or an event as it is drawn; is_alone: another annotation of the article lacks it."""

    start: int
    end: int
    label: Label
    id: str
    anchor: str = ""
    lane: int = 0  # which line under the text it draws; 0 is the nearest
    is_alone: bool = False


class Layer(NamedTuple):
    """One mark in one stretch of text without a boundary in it."""

    mark: Mark
    is_first: bool
    is_last: bool


class Segment(NamedTuple):
    """A stretch of text and the marks over it, outermost first."""

    text: str
    layers: tuple[Layer, ...]


def set_lanes(marks: Sequence[Mark]) -> int:
    """Gives marks that overlap lanes of their own, inner ones nearer to the text, and returns how many lanes there are.

    marks: in the order of the text, longer ones first.
    """
    deepest, group_end, group = 0, 0, list[Mark]()
    for mark in (*marks, None):
        if mark is None or mark.start >= group_end:  # the overlapping group is complete: turn its lanes upside down
            top = max((m.lane for m in group), default=-1)
            deepest = max(deepest, top + 1)
            for member in group:
                member.lane = top - member.lane
            group = []
        if mark is not None:
            used = {m.lane for m in group if m.end > mark.start}
            mark.lane = next(lane for lane in range(len(used) + 1) if lane not in used)
            group.append(mark)
            group_end = max(group_end, mark.end)
    return deepest


def segments(text: str, marks: Sequence[Mark]) -> Iterator[Segment]:
    """The text cut at every edge of a mark, so that crossing marks can be shown too."""
    starts: dict[int, list[Mark]] = {}
    for mark in marks:
        starts.setdefault(mark.start, []).append(mark)
    edges = sorted({0, len(text), *starts, *(mark.end for mark in marks)})
    active: list[Mark] = []
    for start, end in pairwise(edges):
        active = [mark for mark in active if mark.end > start] + starts.get(start, [])
        outermost_first = sorted(active, key=lambda mark: -mark.lane)
        layers = tuple(Layer(m, m.start == start, m.end == end) for m in outermost_first)
        yield Segment(text[start:end], layers)
