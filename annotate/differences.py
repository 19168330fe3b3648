"""What only one of two annotations of an article has, mark by mark, for people to read."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .matching import Item, Score, match
from .records import Annotation

NOUNS: Mapping[Score, str] = {  # the scores that together show every mark once, and what a mark of theirs is called
    "mentions": "mention",
    "triggers": "trigger",
    "arguments_attached": "argument",
    "attributes": "attribute",
    "stances": "stance",
}


class Difference(NamedTuple):
    """One mark that only one side has; start: where its first words begin in the text."""

    noun: str
    label: str
    words: str
    is_missed: bool
    start: int


def differences(text: str, first: Annotation, second: Annotation) -> Iterator[Difference]:
    """The marks that only the first annotation has (is_missed) or only the second, layer by layer, in the order of the text."""
    found = match(first, second)
    for name, noun in NOUNS.items():
        if name in found:
            sides = ((found[name].first_only, True), (found[name].second_only, False))
            for item, missed in sorted((item, missed) for items, missed in sides for item in items):
                yield Difference(noun, item.label or "", words_of(text, item), missed, item.offsets[0])


def words_of(text: str, item: Item) -> str:
    """The words of an item: mention → trigger for an argument, holder → target for a stance."""
    spans = zip(item.offsets[::2], item.offsets[1::2], strict=True)
    return " → ".join(" ".join(text[start:end].split()) for start, end in spans)
