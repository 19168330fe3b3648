"""Marks as Label Studio holds them, rows of a result, and the mentions and events they stand for."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, Literal

from ..schema import Schema
from ..words import bare_range, grow_to_words
from .ledger import Entry, Kind, Ledger, Outcome

ItemKind = Literal["mention", "event"]
MANUAL = ("manual", "prediction-changed")  # origins of what was drawn or changed on the page


@dataclasses.dataclass(slots=True)
class Row:
    """One row of a result, and what becomes of it while it is read.

    labels: (kinds of item it can stand for, label) of a region; of a relation or a choice see `names`.
    control: of a choice: the attribute's name, or None for the article's own stance.
    notes say how the row was repaired, faults why a part of it was dropped, remarks what to know where it was kept.
    """

    kind: Kind
    mark: str
    region: str = ""
    target: str = ""
    direction: str = "right"
    start: int = 0
    end: int = 0
    labels: list[tuple[tuple[ItemKind, ...], str]] = dataclasses.field(default_factory=list)
    names: list[str] = dataclasses.field(default_factory=list)
    control: str | None = None
    is_manual: bool = False
    score: float | None = None
    extras: dict[str, Any] = dataclasses.field(default_factory=dict)  # Any: free JSON of the user's
    n_used: int = 0
    notes: list[str] = dataclasses.field(default_factory=list)
    faults: list[str] = dataclasses.field(default_factory=list)
    remarks: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Item:
    """A mention or an event in the making."""

    kind: ItemKind
    id: str
    start: int
    end: int
    label: str
    score: float | None
    extras: dict[str, Any]  # Any: free JSON of the user's
    attributes: dict[str, str] = dataclasses.field(default_factory=dict)


def encode_id(item_id: str) -> str:
    """An id that the page leaves alone: it cuts ids at a `#`, and names styles by them, which take few characters."""
    return re.sub(r"[^A-Za-z0-9_-]|_(?=x)", lambda found: f"_x{ord(found[0]):x}_", item_id)


def decode_id(region_id: str) -> str:
    """What `encode_id` made the id of; an id that the page made comes back as it is, or nearly always."""
    return re.sub("_x([0-9a-f]{1,6})_", lambda found: _decoded(found[1]) or found[0], region_id)


def _decoded(digits: str) -> str:
    number = int(digits, 16)
    is_character = 0 < number < 0x110000 and not 0xD800 <= number < 0xE000
    return chr(number) if is_character and f"{number:x}" == digits else ""


def read_regions(rows: Iterable[Row], text: str, *, whole_words: bool) -> dict[str, list[Item]]:
    """Region id -> the items it stands for, mentions before events.

    Offsets of marks drawn by hand are repaired (whitespace at the edges, half words where `whole_words`), and a second
    mark of the same range and label is joined to the first. Marks that were uploaded are taken as they are.
    """
    rows = [row for row in rows if row.kind == "region" and row.labels]
    taken = {row.region for row in rows}
    for number, row in enumerate(rows, 1):
        if not row.region:
            row.region = next(name for n in count(number) if (name := f"row-{n}") not in taken)
            taken.add(row.region)
    items: dict[str, list[Item]] = {}
    first_of: dict[tuple[ItemKind, int, int, str], Item] = {}
    used: set[str] = set()
    wanted = [
        (kind, label, row) for kind in ("mention", "event") for row in rows for kinds, label in row.labels if kind in kinds
    ]
    sound = {id(row) for row in rows if _mend_range(row, text, whole_words=whole_words)}
    for kind, label, row in wanted:
        if id(row) not in sound:
            continue
        key = (kind, row.start, row.end, label)
        twin = first_of.get(key)
        if twin is not None and row.is_manual:
            row.notes.append("marks the same words with the same label again: joined to the first")
            row.n_used += 1
            items.setdefault(row.region, []).append(twin)
            continue
        item = Item(kind, _own_id(row.region, used, taken), row.start, row.end, label, row.score, row.extras)
        first_of.setdefault(key, item)
        row.n_used += 1
        items.setdefault(row.region, []).append(item)
    _note_several(rows, items)
    return items


def _own_id(region: str, used: set[str], taken: set[str]) -> str:
    """The region's id for its first item, else the id and a number that nothing else has."""
    name, number = region, 1
    while name in used or (name != region and name in taken):
        number += 1
        name = f"{region}-{number}"
    used.add(name)
    return name


def _note_several(rows: Iterable[Row], items: Mapping[str, list[Item]]) -> None:
    for row in rows:
        kinds = list({item.id: item.kind for item in items.get(row.region, ())}.values())
        if row.n_used and len(set(kinds)) > 1:
            row.notes.append("is labelled as a mention and as an event: became one of each")
        elif row.n_used and len(kinds) > 1:
            row.notes.append(f"has several labels: became several {kinds[0]}s")


def _mend_range(row: Row, text: str, *, whole_words: bool) -> bool:
    """Puts the row's range in order; False, with a fault, where nothing is left of it."""
    if row.start >= len(text) or row.end <= 0 or row.start >= row.end:
        row.faults.append("is empty" if row.start >= row.end else "lies outside the text")
        return False
    if row.start < 0 or row.end > len(text):
        row.start, row.end = max(row.start, 0), min(row.end, len(text))
        row.notes.append("reached beyond the text: cut to the text")
    if not row.is_manual:
        return True
    if not text[row.start : row.end].strip():
        row.faults.append("marks only whitespace")
        return False
    if (row.start, row.end) != (bare := bare_range(text, row.start, row.end)):
        row.start, row.end = bare
        row.notes.append("had whitespace at its edges: removed")
    if whole_words and (row.start, row.end) != (grown := grow_to_words(text, row.start, row.end)):
        row.start, row.end = grown
        row.notes.append("cut a word: grown to the whole word")
    return True


def read_choices(rows: Sequence[Row], items: Mapping[str, list[Item]], schema: Schema) -> None:
    """Gives each event the attributes chosen for it; the article's own stances are left to the relations' reader."""
    for row in rows:
        if row.kind == "choice" and row.control is not None and not row.faults:
            _read_attribute(row, [i for i in items.get(row.region, ()) if i.kind == "event"], items, schema)


def _read_attribute(row: Row, events: list[Item], items: Mapping[str, list[Item]], schema: Schema) -> None:
    name = row.control or ""
    known = [value for value in row.names if value in schema.attributes[name].values]
    if not events:
        row.faults.append(f"'{name}' is chosen on a mention" if items.get(row.region) else "its region is gone")
    elif not known:
        row.faults.append(f"{row.names[0]!r} is no value of '{name}' in the scheme" if row.names else "nothing is chosen")
    elif all(name in event.attributes for event in events):
        row.faults.append(f"'{name}' is chosen twice")
    else:
        row.n_used += 1
        if len(row.names) > 1:
            row.notes.append("several values are chosen: the first one was taken")
        for event in events:
            event.attributes.setdefault(name, known[0])


def drop_rows(rows: Iterable[Row], reason: str) -> None:
    """Marks rows as lost with the annotation they belong to."""
    for row in rows:
        row.n_used, row.faults = 0, [reason]


def enter_rows(rows: Iterable[Row], article: str, annotator: str, ledger: Ledger) -> None:
    """One entry in the ledger for each row that was read."""
    for row in rows:
        outcome: Outcome = "dropped" if not row.n_used else "repaired" if row.notes or row.faults else "kept"
        notes = [] if outcome == "dropped" else row.notes + row.remarks
        parts = [f"a part was dropped: {fault}" for fault in row.faults] if row.n_used else row.faults
        reason = "; ".join(dict.fromkeys([*notes, *parts]))
        ledger.add(Entry(article, annotator, row.kind, row.mark, outcome, reason))
