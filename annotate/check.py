"""Every fault of articles against their scheme: what must be mended before labelling and training."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .counts import n_of
from .errors import RecordError
from .records import Annotation, Article, Event, Fault, Mention, Stance, integrity_faults
from .schema import Schema
from .sources import Scanned, repeated, scan_articles
from .words import character_edges, is_inside_word


@dataclass
class Tally:
    """What a check has seen so far."""

    n_articles: int = 0
    n_annotations: int = 0
    n_faults: int = 0
    n_warnings: int = 0

    def count(self, fault: Fault) -> None:
        self.n_faults += not fault.is_warning
        self.n_warnings += fault.is_warning

    def __str__(self) -> str:
        counts = {
            "article": self.n_articles,
            "annotation": self.n_annotations,
            "fault": self.n_faults,
            "warning": self.n_warnings,
        }
        return ", ".join(n_of(n, noun) for noun, n in counts.items())


def check_article(article: Article, schema: Schema) -> Iterator[Fault]:
    """What is wrong with an article, in itself and against the scheme; faults first to last, warnings marked as such."""
    yield from integrity_faults(article)
    edges = character_edges(article.text) if article.annotations else None
    for annotation in article.annotations:
        whose = "" if len(article.annotations) == 1 else f" (annotation by {annotation.annotator})"
        for fault in _annotation_faults(annotation, article.text, schema, edges):
            yield fault._replace(finding=fault.finding + whose)


def check_file(path: Path, schema: Schema) -> Iterator[tuple[str, Fault]]:
    """Every fault of one file, with its place (file, line, article); goes on behind each fault."""
    return check_scanned(scan_articles([str(path)], schema=schema), schema, Tally())


def check_scanned(scanned: Scanned, schema: Schema, tally: Tally, *, name: str = "the input") -> Iterator[tuple[str, Fault]]:
    """Every fault of what `scan_articles` gives, with its place; counts what went by in `tally`.

    name: the place of the fault that there is nothing at all.
    """
    seen: dict[str, str] = {}
    for place, article in scanned:
        for fault_place, fault in _faults_at(place, article, schema, seen):
            tally.count(fault)
            yield fault_place, fault
        if not isinstance(article, RecordError):
            tally.n_articles += 1
            tally.n_annotations += len(article.annotations)
    if not tally.n_articles and not tally.n_faults:
        nothing = Fault("has no articles", "give at least one")
        tally.count(nothing)
        yield name, nothing


def _faults_at(place: str, article: Article | RecordError, schema: Schema, seen: dict[str, str]) -> Iterator[tuple[str, Fault]]:
    if isinstance(article, RecordError):
        for error in (article, *article.others):
            yield error.place, Fault(error.finding, error.remedy)
        return
    if article.id in seen:
        error = repeated(place, seen[article.id])
        yield place, Fault(error.finding, error.remedy)
    seen.setdefault(article.id, place)
    for fault in check_article(article, schema):
        yield place, fault


def sound_articles(articles: Iterable[Article], schema: Schema) -> Iterator[Article]:
    """The articles as they come; raises RecordError at the first that has a fault (warnings pass)."""
    for article in articles:
        for fault in check_article(article, schema):
            if not fault.is_warning:
                raise RecordError(f"article '{article.id}'", fault.finding, fault.remedy)
        yield article


def _annotation_faults(annotation: Annotation, text: str, schema: Schema, edges: set[int] | None) -> Iterator[Fault]:
    labels = {m.id: m.label for m in annotation.mentions or ()} | {e.id: e.label for e in annotation.events or ()}
    for mention in annotation.mentions or ():
        name = f"mention '{mention.id}'"
        if mention.label not in schema.entities:
            yield Fault(f"{name} has the unknown label {mention.label}", _one_of("entity labels", schema.entities))
        yield from _edge_faults(name, mention, text, edges)
    for event in annotation.events or ():
        name = f"event '{event.id}'"
        if event.label not in schema.events:
            yield Fault(f"{name} has the unknown type {event.label}", _one_of("event types", schema.events))
        yield from _edge_faults(name, event, text, edges)
        yield from _argument_faults(event, labels, schema)
        yield from _attribute_faults(event, schema)
    for stance in annotation.stances or ():
        yield from _stance_faults(stance, labels, schema)


def _argument_faults(event: Event, labels: dict[str, str], schema: Schema) -> Iterator[Fault]:
    for argument in event.arguments:
        role, label = schema.roles.get(argument.role), labels.get(argument.mention)
        if role is None:
            yield Fault(f"event '{event.id}' has the unknown role {argument.role}", _one_of("roles", schema.roles))
            continue
        if role.events and event.label not in role.events and event.label in schema.events:
            yield Fault(
                f"event '{event.id}' ({event.label}) has the role {argument.role}", f"only {_list(role.events)} have it"
            )
        if label in schema.entities and label not in role.entities:
            yield Fault(
                f"event '{event.id}' has as {argument.role} the {label} '{argument.mention}'",
                f"{argument.role} is filled by {_list(role.entities)}",
            )


def _attribute_faults(event: Event, schema: Schema) -> Iterator[Fault]:
    for name, value in event.attributes.items():
        attribute = schema.attributes.get(name)
        if attribute is None:
            yield Fault(f"event '{event.id}' has the unknown attribute {name}", _one_of("attributes", schema.attributes))
        elif value not in attribute.values:
            yield Fault(f"event '{event.id}' has the unknown {name} {value}", _one_of("values", attribute.values))


def _stance_faults(stance: Stance, labels: dict[str, str], schema: Schema) -> Iterator[Fault]:
    name = f"stance {stance.holder or 'the article'} -> {stance.target}"
    if stance.label not in schema.stances.labels:
        yield Fault(f"{name} has the unknown label {stance.label}", _one_of("stances", schema.stances.labels))
    holder = None if stance.holder is None else labels.get(stance.holder)
    if holder in schema.entities and not schema.can_hold_stance(holder):
        yield Fault(f"{name} has a {holder} as holder", f"holders are {_list(schema.stances.holders)}")
    target = labels.get(stance.target)
    if target in schema.entities and not schema.can_be_target(target):
        yield Fault(f"{name} has a {target} as target", f"targets are events and {_list(schema.stances.targets)}")


def _edge_faults(name: str, item: Mention | Event, text: str, edges: set[int] | None) -> Iterator[Fault]:
    if not 0 <= item.start < item.end <= len(text):
        return  # said by integrity_faults
    marked = text[item.start : item.end]
    if marked != marked.strip():
        yield Fault(f"{name} has white space at its edge ({_quote(marked)})", "mark the words alone")
        return
    for edge, where in ((item.start, "starts"), (item.end, "ends")):
        if edges is not None and edge not in edges:
            yield Fault(
                f"{name} ({_quote(marked)}) {where} at {edge}, inside a character", "move it to the character's edge", True
            )
        elif is_inside_word(text, edge):
            yield Fault(f"{name} ({_quote(marked)}) {where} at {edge}, inside a word", "move it to the word's edge", True)


def _one_of(noun: str, known: Iterable[str]) -> str:
    names = list(known)
    return f"the scheme's {noun}: {_list(names)}" if names else f"the scheme has no {noun}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


def _quote(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
