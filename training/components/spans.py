"""Where mentions, events and stances sit on a Doc, and their ranges as arrays."""

from collections.abc import Container, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span, SpanGroup

MENTIONS, EVENTS, STANCES = "mentions", "events", "stances"
SPARE = "spare"  # attribute of the mentions: ranges that are not believed unless something takes them for an argument
OWN_SCORES = "own_scores"  # attribute of mentions and events: id -> the network's probability, before calibration

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]


class Ranges(NamedTuple):
    """Spans of a batch of docs laid end to end, one row each; `doc` is the number of the doc in the batch."""

    doc: Ints  # (n,)
    start: Ints  # (n,) first token, counted over the whole batch
    end: Ints  # (n,) one past the last token
    label: Hashes  # (n,)
    place: Ints  # (n,) place in the doc's own list


def mentions_of(doc: Doc) -> SpanGroup:
    """The doc's mentions; made from doc.ents, with ids m1, m2, … in text order, where no group is there yet."""
    if MENTIONS not in doc.spans:
        taken = {span.id_ for span in doc.spans.get(EVENTS, ())}
        ids = fresh_ids("m", len(doc.ents), taken)
        spans = [Span(doc, e.start, e.end, label=e.label, span_id=i) for e, i in zip(doc.ents, ids, strict=True)]
        doc.spans[MENTIONS] = SpanGroup(doc, name=MENTIONS, spans=spans)
    group: SpanGroup = doc.spans[MENTIONS]
    return group


def events_of(doc: Doc) -> SpanGroup:
    """The doc's triggers; an empty group where nothing has looked for them."""
    if EVENTS not in doc.spans:
        doc.spans[EVENTS] = SpanGroup(doc, name=EVENTS)
    group: SpanGroup = doc.spans[EVENTS]
    return group


def spare_of(doc: Doc) -> list[Span]:
    """Spans of the ranges that were nearly taken for mentions."""
    group = doc.spans.get(MENTIONS)
    spare = () if group is None else group.attrs.get(SPARE, ())
    return [Span(doc, own["start"], own["end"], label=own["label"], span_id=own["id"]) for own in spare]


def fresh_ids(prefix: str, n_ids: int, taken: Container[str]) -> list[str]:
    """`n_ids` ids made of prefix and number, none of them taken."""
    ids: list[str] = []
    number = 0
    while len(ids) < n_ids:
        number += 1
        if f"{prefix}{number}" not in taken:
            ids.append(f"{prefix}{number}")
    return ids


def set_attr(group: SpanGroup, key: str, value: Any) -> None:
    """Puts one entry into the group's attrs, leaving the others. Any: plain JSON."""
    group.attrs = {**group.attrs, key: value}


def on_tokens(doc: Doc, spans: Iterable[Span]) -> list[Span]:
    """The spans of another tokenisation of the same text as spans of `doc`, grown to whole tokens where they must be."""
    ours = list(spans)
    if not ours or ours[0].doc is doc:
        return ours
    moved = []
    for span in ours:
        found = doc.char_span(span.start_char, span.end_char, label=span.label, span_id=span.id, alignment_mode="expand")
        if found is None:  # a text that is not the same: spaCy has refused it before
            raise ValueError(f"no tokens at {span.start_char} to {span.end_char}")
        moved.append(found)
    return moved


def ranges_of(spans: Sequence[Sequence[Span]], doc_starts: Ints) -> Ranges:
    """One row per span; doc_starts: where each doc begins in the batch."""
    rows = [(d, s.start, s.end, i) for d, own in enumerate(spans) for i, s in enumerate(own)]
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 4)
    label = np.asarray([s.label for own in spans for s in own], dtype=np.uint64)
    first = doc_starts[table[:, 0]]
    return Ranges(table[:, 0], table[:, 1] + first, table[:, 2] + first, label, table[:, 3])


def non_overlapping(spans: Iterable[Span]) -> list[Span]:
    """The spans that a flat component can hold: the longest first, then the earliest; in text order."""
    kept: list[Span] = []
    used: set[int] = set()
    for span in sorted(spans, key=lambda s: (s.start - s.end, s.start)):
        if used.isdisjoint(range(span.start, span.end)):
            used.update(range(span.start, span.end))
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


def without_edge_spaces(span: Span) -> Span | None:
    """The span less white-space tokens at its ends; None where nothing else is in it."""
    start, end = span.start, span.end
    while start < end and span.doc[start].is_space:
        start += 1
    while end > start and span.doc[end - 1].is_space:
        end -= 1
    if start == end:
        return None
    return Span(span.doc, start, end, label=span.label, span_id=span.id)
