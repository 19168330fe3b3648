"""What is wrong with an article in itself: its text, offsets, ids and what they point to."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .records import Annotation, Article, Event, Stance

MAX_TEXT_CHARS = 1_000_000  # what a spaCy pipeline takes in one piece


class Fault(NamedTuple):
    """One thing wrong with one article."""

    finding: str
    remedy: str
    is_warning: bool = False


def integrity_faults(article: "Article") -> Iterator[Fault]:
    """What is wrong with an article whatever its scheme: text, offsets, ids and what they point to."""
    yield from text_faults(article.text)
    if not article.id.strip():
        yield Fault("has an empty id", "give each article an id")
    names = [a.annotator for a in article.annotations]
    if "" in names:
        yield Fault("has an annotation by nobody", "name its annotator")
    for name in sorted(name for name, n in Counter(names).items() if n > 1):
        yield Fault(f"has two annotations by '{name}'", "keep one of them, or rename one annotator")
    for annotation in article.annotations:
        yield from _annotation_faults(annotation, len(article.text))


def text_faults(text: str) -> Iterator[Fault]:
    """What makes a text unfit for labelling and training."""
    if not text.strip():
        yield Fault("has an empty text", "remove it")
    if len(text) > MAX_TEXT_CHARS:
        yield Fault(f"has {len(text):,} characters, more than {MAX_TEXT_CHARS:,}", "cut it into parts")
    if "\0" in text:
        yield Fault(f"has a NUL character at {text.index(chr(0))}", "remove it: Label Studio cannot hold it")
    surrogate = next((i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff"), None)
    if surrogate is not None:
        yield Fault(f"has half a character (a lone surrogate) at {surrogate}", "export the text again as UTF-8")


def _annotation_faults(annotation: "Annotation", n_chars: int) -> Iterator[Fault]:
    mentions, events = annotation.mentions or (), annotation.events or ()
    ids = [m.id for m in mentions] + [e.id for e in events]
    for twice in sorted(item_id for item_id, n in Counter(ids).items() if n > 1):
        yield Fault(f"uses the id '{twice}' twice", "give each mention and event its own id")
    for noun, items in (("mention", mentions), ("event", events)):
        for item in items:
            yield from _range_faults(f"{noun} '{item.id}'", item.start, item.end, n_chars)
    mention_ids, event_ids = {m.id for m in mentions}, {e.id for e in events}
    for event in events:
        yield from _argument_faults(event, mention_ids, event_ids)
    yield from _stance_faults(annotation.stances or (), mention_ids, event_ids)


def _range_faults(name: str, start: int, end: int, n_chars: int) -> Iterator[Fault]:
    if start < 0:
        yield Fault(f"{name} starts at {start}", "count characters from 0")
    elif end > n_chars:
        yield Fault(f"{name} ends at {end} but the text has {n_chars} characters", "export it again")
    elif start >= end:
        yield Fault(f"{name} is empty ({start} to {end})", "remove it, or mark at least one character")


def _argument_faults(event: "Event", mention_ids: set[str], event_ids: set[str]) -> Iterator[Fault]:
    pairs = [(a.role, a.mention) for a in event.arguments]
    for role, mention in sorted(pair for pair, n in Counter(pairs).items() if n > 1):
        yield Fault(f"event '{event.id}' has the argument {role} '{mention}' twice", "keep one")
    for role, mention in pairs:
        if mention in event_ids:
            yield Fault(f"event '{event.id}' has an event, '{mention}', as its {role}", "an argument is a mention")
        elif mention not in mention_ids:
            yield Fault(
                f"event '{event.id}' has {role} '{mention}', which is no mention", "add the mention or drop the argument"
            )


def _stance_faults(stances: "tuple[Stance, ...]", mention_ids: set[str], event_ids: set[str]) -> Iterator[Fault]:
    labels: dict[tuple[str | None, str], set[str]] = {}
    for stance in stances:
        pair = f"{stance.holder or 'the article'} -> {stance.target}"
        if stance.holder is not None and stance.holder not in mention_ids:
            yield Fault(f"stance {pair} has the holder '{stance.holder}', which is no mention", "a holder is a mention or null")
        if stance.target not in mention_ids and stance.target not in event_ids:
            yield Fault(
                f"stance {pair} has the target '{stance.target}', which is no mention or event", "add it or drop the stance"
            )
        known = labels.setdefault((stance.holder, stance.target), set())
        if stance.label in known:
            yield Fault(f"stance {pair} is there twice as {stance.label}", "keep one")
        elif known:
            yield Fault(f"stance {pair} is both {min(known)} and {stance.label}", "keep one of them")
        known.add(stance.label)
