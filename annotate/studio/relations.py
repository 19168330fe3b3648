"""What the relations of a result stand for: arguments of events, and stances."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ..schema import Schema
from .regions import Item, Row

Items = Mapping[str, list[Item]]


@dataclasses.dataclass(frozen=True, slots=True)
class RoleLink:
    """A mention's role in an event."""

    event: str
    mention: str
    role: str


@dataclasses.dataclass(frozen=True, slots=True)
class StanceLink:
    """A stance of a mention, or of the article itself (None), on a mention or event."""

    holder: str | None
    target: str
    label: str


Link = RoleLink | StanceLink


def read_relations(rows: Sequence[Row], items: Items, schema: Schema) -> list[Link]:
    """The arguments and stances of a result, each once; every row gets its notes and faults.

    Two opposite stances on one pair are both dropped: nothing tells which one was meant.
    """
    proposals: list[tuple[Row, Link]] = []
    for row in rows:
        if not row.faults and row.kind == "relation":
            proposals += ((row, link) for link in _read_relation(row, items, schema))
        elif not row.faults and row.kind == "choice" and row.control is None:
            proposals += ((row, link) for link in _read_article_stance(row, items, schema))
    labels = defaultdict(set)
    for _, link in proposals:
        if isinstance(link, StanceLink):
            labels[link.holder, link.target].add(link.label)
    links: dict[Link, None] = {}
    for row, link in proposals:
        if isinstance(link, StanceLink) and len(labels[link.holder, link.target]) > 1:
            both = " and ".join(sorted(labels[link.holder, link.target]))
            row.faults.append(f"the stance on this pair is {both}: neither can be taken")
        elif link in links:
            row.faults.append("is there twice")
        else:
            links[link] = None
            row.n_used += 1
    return list(links)


def _read_relation(row: Row, items: Items, schema: Schema) -> Iterator[Link]:
    sources, targets = items.get(row.region, []), items.get(row.target, [])
    if not sources or not targets:
        row.faults.append("one of its ends is no region, or was dropped")
        return
    if row.direction == "left":
        sources, targets = targets, sources
        row.remarks.append("its arrow points left: read from the second mark to the first")
    if not row.names:
        yield from _read_unnamed(row, sources, targets, schema)
    for name in dict.fromkeys(row.names):
        if name not in schema.roles and name not in schema.stances.labels:
            row.faults.append(f"{name!r} is no role or stance of the scheme")
            continue
        link = _link(name, sources, targets, schema)
        back = _link(name, targets, sources, schema)
        if link is None and back is not None and (name in schema.roles or row.direction == "bi"):
            row.notes.append("was drawn from the mention to the event: turned round" if name in schema.roles else _BOTH_WAYS)
            yield back
        elif link is None:
            row.faults.append(f"{name} does not go from {_labels(sources)} to {_labels(targets)}")
        else:
            yield link
            if row.direction == "bi":
                row.notes.append(_BOTH_WAYS)
                if isinstance(link, StanceLink) and back is not None and back != link:
                    yield back


_BOTH_WAYS = "has arrows at both ends: read in each direction that the scheme allows"


def _read_unnamed(row: Row, sources: list[Item], targets: list[Item], schema: Schema) -> Iterator[Link]:
    """The one role or stance that is possible between the two, if it is one."""
    if row.region == row.target:
        row.faults.append("relates a mark to itself and has no name")
        return
    names = [*schema.roles, *schema.stances.labels]
    possible = [link for name in names if (link := _link(name, sources, targets, schema))]
    if not possible:
        possible = [link for name in schema.roles if (link := _link(name, targets, sources, schema))]
    if len(possible) == 1:
        link = possible[0]
        row.notes.append(f"has no name: {link.role if isinstance(link, RoleLink) else link.label} is the only one possible")
        yield link
    else:
        few = "none fits" if not possible else "several would fit"
        row.faults.append(f"has no name, and {few} from {_labels(sources)} to {_labels(targets)}")


def _link(name: str, sources: list[Item], targets: list[Item], schema: Schema) -> Link | None:
    """The argument or stance of this name from a source to a target, where the scheme allows one."""
    if name in schema.roles:
        pairs = ((e, m) for e in sources if e.kind == "event" for m in targets if m.kind == "mention")
        return next((RoleLink(e.id, m.id, name) for e, m in pairs if name in schema.roles_between(e.label, m.label)), None)
    holders = (m for m in sources if m.kind == "mention" and schema.can_hold_stance(m.label))
    pairs = ((h, t) for h in holders for t in targets if t.kind == "event" or schema.can_be_target(t.label))
    return next((StanceLink(holder.id, target.id, name) for holder, target in pairs), None)


def _read_article_stance(row: Row, items: Items, schema: Schema) -> Iterator[Link]:
    found = items.get(row.region, [])
    targets = [item for item in found if item.kind == "event" or schema.can_be_target(item.label)]
    if not found:
        row.faults.append("its region is gone")
    elif not targets:
        row.faults.append(f"the scheme has no stance on {_labels(found)}")
    elif not row.names:
        row.faults.append("nothing is chosen")
    for name in row.names if targets else ():
        if name in schema.stances.labels:
            yield StanceLink(None, targets[0].id, name)
        else:
            row.faults.append(f"{name!r} is no stance of the scheme")


def _labels(items: list[Item]) -> str:
    return " and ".join(dict.fromkeys(f"{item.kind} {item.label}" for item in items))
