"""Two annotations of one article, aligned: the one comparison behind both agreement and evaluation.

Every layer becomes sets of items, and two items match when they are equal. So the order of spans never matters, a
match is one-to-one, and an item that is there twice counts once, as in TextEE (arXiv 2311.09562, its scorer).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .records import Annotation

Score = Literal[
    "mentions", "triggers_id", "triggers", "arguments_id", "arguments", "arguments_attached", "attributes", "stances"
]
SCORES: tuple[Score, ...] = (
    "mentions",
    "triggers_id",
    "triggers",
    "arguments_id",
    "arguments",
    "arguments_attached",
    "attributes",
    "stances",
)
_ARGUMENTS: tuple[Score, ...] = ("arguments_id", "arguments", "arguments_attached")
Row = tuple[int, int, int]  # tp, fp, fn


class Item(NamedTuple):
    """What is compared: character offsets (start, end, start, end, …) and labels, the last of which names the item."""

    offsets: tuple[int, ...]
    labels: tuple[str, ...] = ()

    @property
    def label(self) -> str | None:
        """The label it is counted under; None where the score asks for offsets alone."""
        return self.labels[-1] if self.labels else None


class Matches(NamedTuple):
    """The items of one score: found by both, by the first alone, by the second alone."""

    both: frozenset[Item]
    first_only: frozenset[Item]
    second_only: frozenset[Item]


@dataclass(frozen=True)
class Counts:
    """True positives, false positives, false negatives; they add up, so ratios are taken last.

    per_label: label -> (tp, fp, fn); empty where the score has no label.
    The first annotation is the truth: what only the second has is a false positive.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    per_label: Mapping[str, Row] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        labels = sorted({*self.per_label, *other.per_label})
        return Counts(
            self.tp + other.tp,
            self.fp + other.fp,
            self.fn + other.fn,
            {name: _plus(self.per_label.get(name), other.per_label.get(name)) for name in labels},
        )

    @property
    def n_gold(self) -> int:
        return self.tp + self.fn

    @property
    def precision(self) -> float:
        """tp / (tp + fp): 0.0 where nothing was found though there was something; NaN where there is nothing on either side."""
        return self._ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """tp / (tp + fn), with the same two exceptions as `precision`."""
        return self._ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; NaN where there is nothing on either side."""
        return self._ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def of_label(self, label: str) -> "Counts":
        """The counts of one label alone."""
        return Counts(*self.per_label.get(label, (0, 0, 0)))

    def _ratio(self, part: int, whole: int) -> float:
        if not (self.tp or self.fp or self.fn):
            return math.nan
        return part / whole if whole else 0.0


def count_matches(first: Annotation, second: Annotation) -> dict[Score, Counts]:
    """The counts of every score that both annotations have a say in, `first` being the truth.

    A layer that either side did not annotate is not scored: its scores are missing. Arguments and stances join mentions,
    so they are not scored without these either. What points to nothing, as `check` reports, matches nothing, in no count.
    Stances of the article itself (holder null) are not counted here: see `count_article_stances`.
    """
    return {score: _count(matches) for score, matches in match(first, second).items()}


def match(first: Annotation, second: Annotation) -> dict[Score, Matches]:
    """The same comparison with the items themselves."""
    found: dict[Score, Matches] = {}
    both = (first, second)
    if all(a.mentions is not None for a in both):
        found["mentions"] = _match(*({Item((m.start, m.end), (m.label,)) for m in a.mentions or ()} for a in both))
    if all(a.events is not None for a in both):
        found["triggers_id"] = _match(*({Item((e.start, e.end)) for e in a.events or ()} for a in both))
        found["triggers"] = _match(*(_triggers(a) for a in both))
    if all(a.events is not None and a.mentions is not None for a in both):  # arguments are mentions: both are needed
        for score in _ARGUMENTS:
            found[score] = _match(*(set(_arguments(a, score)) for a in both))
    if all(a.events is not None for a in both):
        shared = found["triggers"].both
        found["attributes"] = _match(*({i for i in _attributes(a) if Item(i.offsets, i.labels[:1]) in shared} for a in both))
    if all(a.stances is not None and a.mentions is not None for a in both):  # holders are mentions
        found["stances"] = _match(*({i for i in _stances(a) if len(i.offsets) == 4} for a in both))
    return found


def count_article_stances(first: Annotation, second: Annotation) -> Counts:
    """The counts of the stances of the article itself (holder null): target offsets and label.

    All zero where either side did not annotate stances.
    """
    if first.stances is None or second.stances is None:
        return Counts()
    return _count(_match(*({i for i in _stances(a) if len(i.offsets) == 2} for a in (first, second))))


def _triggers(annotation: Annotation) -> set[Item]:
    return {Item((e.start, e.end), (e.label,)) for e in annotation.events or ()}


def _arguments(annotation: Annotation, score: Score) -> Iterator[Item]:
    mentions = {m.id: (m.start, m.end) for m in annotation.mentions or ()}
    for event in annotation.events or ():
        for argument in event.arguments:
            offsets: tuple[int, ...] | None = mentions.get(argument.mention)
            if offsets is None:
                continue
            if score == "arguments_attached":
                offsets = (*offsets, event.start, event.end)
            yield Item(offsets, (event.label,) if score == "arguments_id" else (event.label, argument.role))


def _attributes(annotation: Annotation) -> Iterator[Item]:
    for event in annotation.events or ():
        for name, value in event.attributes.items():
            yield Item((event.start, event.end), (event.label, f"{name}={value}"))


def _stances(annotation: Annotation) -> Iterator[Item]:
    spans: dict[str, tuple[int, int]] = {m.id: (m.start, m.end) for m in annotation.mentions or ()}
    spans |= {e.id: (e.start, e.end) for e in annotation.events or ()}
    for stance in annotation.stances or ():
        ends = [spans.get(end) for end in (stance.holder, stance.target) if end is not None]
        if None not in ends:
            yield Item(tuple(offset for end in ends if end is not None for offset in end), (stance.label,))


def _match(first: set[Item], second: set[Item]) -> Matches:
    return Matches(frozenset(first & second), frozenset(first - second), frozenset(second - first))


def _count(matches: Matches) -> Counts:
    per_label: dict[str, list[int]] = {}
    for column, items in enumerate((matches.both, matches.second_only, matches.first_only)):
        for item in items:
            if item.label is not None:
                per_label.setdefault(item.label, [0, 0, 0])[column] += 1
    rows = {label: (row[0], row[1], row[2]) for label, row in sorted(per_label.items())}
    return Counts(len(matches.both), len(matches.second_only), len(matches.first_only), rows)


def _plus(one: Row | None, other: Row | None) -> Row:
    a, b = one or (0, 0, 0), other or (0, 0, 0)
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])
