"""The sentences around some words of a text, cut so that the words can be marked."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

MAX_AROUND = 240  # characters shown before and after the words, however long the sentence is
_FULL_WIDTH = "\u3002\uff01\uff1f"  # no space follows
_TITLES = r"(?<!\b[A-Z])(?<!\b(?:Mr|Ms|Dr|St|Lt))(?<!\b(?:Mrs|Gen|Sen|Rep|Gov|Col))"  # and initials: no sentence ends there
_END = re.compile(rf"{_TITLES}[.!?…]+[\"'”\u2019»)\]]*\s+(?![a-z])|[{_FULL_WIDTH}]|\s*\n\s*")
Span = tuple[int, int]


class Piece(NamedTuple):
    """A stretch of text, the sides that have marked it, and whether it only says that text is left out."""

    text: str
    sides: tuple[str, ...] = ()
    is_gap: bool = False


def passage(text: str, marks: Iterable[tuple[str, Span]]) -> list[Piece]:
    """The sentences that hold the marks (side, character offsets), in pieces; what is left out before and between is a gap."""
    known = sorted(set(marks))
    spans = [span for _, span in known]
    shown = _merged(_around(text, span, spans) for span in spans)
    pieces: list[Piece] = []
    for start, end in shown:
        if pieces or not _begins(text, start):
            pieces.append(Piece(" … " if pieces else "…", is_gap=True))
        pieces += _cut(text, start, end, known)
    if shown and shown[-1][1] < len(text) and not _begins(text, shown[-1][1]):
        pieces.append(Piece(" …", is_gap=True))
    return pieces


def _around(text: str, span: Span, spans: Sequence[Span]) -> Span:
    """The sentence of a span, about MAX_AROUND beyond it at most; a full stop within one of `spans` ends no sentence."""
    start, end = span
    low, high = max(0, start - MAX_AROUND), min(len(text), end + MAX_AROUND)
    ends = [m.end() for m in _END.finditer(text, low, high) if not any(a < m.end() < b for a, b in spans)]
    before, after = [e for e in ends if e <= start], [e for e in ends if e >= end]
    while not before and 0 < low < start and not text[low].isspace():  # no half words
        low += 1
    while not after and end < high < len(text) and not text[high].isspace():
        high -= 1
    return max([low, *before]), min([high, *after])


def _begins(text: str, offset: int) -> bool:
    """Whether a sentence begins here, rather than that a long one is cut."""
    return offset == 0 or text[offset - 1].isspace() or text[offset - 1] in _FULL_WIDTH


def _merged(ranges: Iterable[Span]) -> list[Span]:
    """The ranges sorted, those that touch made one."""
    merged: list[Span] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _cut(text: str, start: int, end: int, marks: Sequence[tuple[str, Span]]) -> Iterator[Piece]:
    edges = sorted({start, end, *(edge for _, span in marks for edge in span if start < edge < end)})
    for a, b in pairwise(edges):
        yield Piece(text[a:b], tuple(sorted({side for side, (low, high) in marks if low <= a and b <= high})))
