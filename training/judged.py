"""What a model found, item by item: with its score, and whether gold has it too."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from annotate.matching import Item, Matches, Score, match
from annotate.records import Annotation, Event, Mention

LAYERS = ("mentions", "events", "attributes", "arguments", "stances")
LAYER: Mapping[Score, str] = {"triggers": "events", "arguments_attached": "arguments"}  # where the score has another name


class Judged(NamedTuple):
    """One item that a model found: its score, those of what it joins (with their layers), and whether gold has it."""

    layer: str
    label: str
    score: float
    ends: tuple[tuple[str, float], ...]
    is_right: bool
    story: str = ""


def judge(gold: Annotation, found: Annotation, story: str = "") -> Iterator[Judged]:
    """Every item found that has a score, in the layers that gold has too; right is what counts in evaluation.

    An argument is right with its trigger (the score `arguments_attached`); attributes are those of right triggers.
    """
    matches = match(gold, found)
    mentions = {m.id: m for m in found.mentions or ()}
    events = {e.id: e for e in found.events or ()}
    for mention in mentions.values():
        yield from _judged(matches, "mentions", (mention,), (mention.label,), mention.score, (), story)
    for event in events.values():
        yield from _judged(matches, "triggers", (event,), (event.label,), event.score, (), story)
        for argument in event.arguments:
            if argument.mention not in mentions:
                continue
            pair = (mentions[argument.mention], event)
            labels = (event.label, argument.role)
            yield from _judged(matches, "arguments_attached", pair, labels, argument.score, pair, story)
        if "triggers" in matches and _item((event,), (event.label,)) in matches["triggers"].both:
            for name, value in event.attributes.items():
                labels = (event.label, f"{name}={value}")
                score = (event.attribute_scores or {}).get(name)
                yield from _judged(matches, "attributes", (event,), labels, score, (), story)
    known: dict[str, Mention | Event] = {**mentions, **events}
    for stance in found.stances or ():
        if stance.holder in known and stance.target in known:
            ends = (known[stance.holder], known[stance.target])
            yield from _judged(matches, "stances", ends, (stance.label,), stance.score, ends, story)


def _item(spans: Sequence[Mention | Event], labels: tuple[str, ...]) -> Item:
    return Item(tuple(offset for span in spans for offset in (span.start, span.end)), labels)


def _judged(
    matches: Mapping[Score, Matches],
    name: Score,
    spans: Sequence[Mention | Event],
    labels: tuple[str, ...],
    score: float | None,
    joined: Sequence[Mention | Event],
    story: str,
) -> Iterator[Judged]:
    """The item as it is judged; nothing where it has no score, or gold has no such layer."""
    if score is not None and name in matches:
        ends = tuple(("mentions" if isinstance(s, Mention) else "events", s.score) for s in joined if s.score is not None)
        is_right = _item(spans, labels) in matches[name].both
        yield Judged(LAYER.get(name, name), labels[-1], score, ends, is_right, story)
