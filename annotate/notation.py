"""The inline notation: annotated articles as plain text that is quick to write and to review (`*.marked`).

    === harbor-0012
    title: Tehran hits back before talks
    outlet: Harbor Courier

    [Tehran](GPE t) [accused](ACCUSE ACTOR=t RECIPIENT=w) [Washington](GPE w) of bad faith before [Friday](DATE f)'s
    [talks](CONSULT DATE=f modality=PLANNED).

    ---
    t AGAINST w
    * AGAINST w

`=== id` begins an article; then come `key: value` lines, a blank line, the body, and after an optional `---` the stances
(`HOLDER LABEL TARGET`, `*` is the article itself). A mark is `[text](LABEL id ROLE=id,id attribute=VALUE)`; the scheme tells
entity labels from event types, the id is needed only where something points at it, `(A x; B y)` puts two marks on one range.
A line break in a paragraph is a space of the text, blank lines part paragraphs. A backslash makes `[`, `]`, `=`, `-` and itself
literal.
"""

from collections.abc import Container, Iterable, Iterator
from itertools import count
from pathlib import Path

from .errors import RecordError
from .notation_source import HEADER_KEYS, Block, Mark, cut_source, escape, scan_body, shorten
from .records import (
    GOLD,
    LAYERS,
    Annotation,
    Argument,
    Article,
    Event,
    Mention,
    Stance,
    annotation_of,
    integrity_faults,
    sort_marks,
)
from .schema import Schema

SUFFIX = ".marked"


def read_marked(paths: Path | Iterable[Path], schema: Schema, *, annotator: str = GOLD) -> Iterator[Article]:
    """Articles of files in the notation, and of the `*.marked` files of folders, sorted by path within a folder.

    Raises RecordError, with file and line, at the first fault; two articles with one id are one, in whatever files.
    """
    return _sound(scan_marked(paths, schema, annotator=annotator))


def scan_marked(paths: Path | Iterable[Path], schema: Schema, *, annotator: str = GOLD) -> Iterator[Article | RecordError]:
    """The same with what is wrong in place of an article that has faults; only a file that cannot be read is raised."""
    seen: dict[str, str] = {}
    for path in marked_files([paths] if isinstance(paths, Path) else paths):
        yield from _scan(_read_text(path), str(path), schema, annotator, seen)


def parse_marked(text: str, schema: Schema, place: str, *, annotator: str = GOLD) -> Iterator[Article]:
    """Articles of a text in the notation; `place` is what messages call it. Raises RecordError at the first fault."""
    return _sound(_scan(text, place, schema, annotator, {}))


def _sound(scanned: Iterable[Article | RecordError]) -> Iterator[Article]:
    for article in scanned:
        if isinstance(article, RecordError):
            raise article
        yield article


def _scan(text: str, place: str, schema: Schema, annotator: str, seen: dict[str, str]) -> Iterator[Article | RecordError]:
    """seen: ids of articles, and where they are."""
    for block in cut_source(text, place):
        if isinstance(block, RecordError):
            yield block
            continue
        if block.id in seen:
            block.faults.append(block.fault(block.line, f"has the id of {seen[block.id]}", "give each article its own id"))
        seen.setdefault(block.id, f"{place}:{block.line}")
        try:
            yield _to_article(block, schema, annotator)
        except RecordError as fault:
            yield fault


def marked_files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(path.rglob(f"*{SUFFIX}"))
        if not found:
            raise RecordError(str(path), f"has no *{SUFFIX} file", "check the path")
        yield from found


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as err:
        raise RecordError(str(path), f"cannot be read ({err.strerror})", "check the path") from err
    except UnicodeDecodeError as err:
        raise RecordError(str(path), f"is not UTF-8 (byte {err.start + 1})", "save the file as UTF-8") from err


def _to_article(block: Block, schema: Schema, annotator: str) -> Article:
    """Raises RecordError with all faults of the block; links and stances are looked at where each mark is sound."""
    text, marks = scan_body(block)
    known = _by_name(block, marks)
    for mark in marks:
        with block.gathering():
            _refuse_wrong_label(block, mark, schema)
    block.refuse_faults()
    mention_ids, event_ids = _fresh_ids("m", known), _fresh_ids("e", known)
    mentions, events = [], []
    for mark in sorted(marks, key=lambda m: (m.start, m.end, m.name or "")):
        if mark.label in schema.entities:
            mentions.append(Mention(id=mark.name or next(mention_ids), start=mark.start, end=mark.end, label=mark.label))
        else:
            events.append(_to_event(block, mark, mark.name or next(event_ids), known, schema))
    stances = []
    for line, words in block.stances:
        with block.gathering():
            stances.append(_to_stance(block, line, words, known, schema))
    annotation = Annotation(
        annotator=annotator,
        mentions=tuple(mentions),
        events=tuple(events),
        stances=tuple(stances),
    )
    article = Article(id=block.id, text=text, annotations=(sort_marks(annotation),), **block.header)  # type: ignore[arg-type]  # header keys are str fields
    block.faults.extend(block.fault(block.line, found.finding, found.remedy) for found in integrity_faults(article))
    block.refuse_faults()
    return article


def _refuse_wrong_label(block: Block, mark: Mark, schema: Schema) -> None:
    if mark.label not in schema.entities and mark.label not in schema.events:
        raise block.fault(mark.line, f"has the unknown label '{mark.label}'", "take one of the scheme, or add it there")
    if mark.label in schema.entities and mark.links:
        raise block.fault(mark.line, f"gives {mark.label} a '{mark.links[0][0]}'", "only events have roles and attributes")


def _fresh_ids(prefix: str, known: Container[str]) -> Iterator[str]:
    return (name for name in (f"{prefix}{i}" for i in count(1)) if name not in known)


def _by_name(block: Block, marks: Iterable[Mark]) -> dict[str, Mark]:
    known: dict[str, Mark] = {}
    for mark in marks:
        if mark.name is None:
            continue
        if mark.name in known:
            finding = f"uses the id '{mark.name}' of line {known[mark.name].line} again"
            block.faults.append(block.fault(mark.line, finding, "give each mark its own id"))
        known[mark.name] = mark
    return known


def _to_event(block: Block, mark: Mark, name: str, known: dict[str, Mark], schema: Schema) -> Event:
    arguments: list[Argument] = []
    attributes: dict[str, str] = {}
    for key, value in mark.links:
        with block.gathering():
            if key in attributes:
                raise block.fault(mark.line, f"gives '{key}' twice", "keep one")
            _refuse_wrong_link(block, mark, key, value, known, schema)
            if key in schema.attributes:
                attributes[key] = value
            else:
                arguments.append(Argument(role=key, mention=value))
    return Event(
        id=name,
        start=mark.start,
        end=mark.end,
        label=mark.label,
        arguments=tuple(arguments),
        attributes=schema.default_attributes | attributes,
    )


def _refuse_wrong_link(block: Block, mark: Mark, key: str, value: str, known: dict[str, Mark], schema: Schema) -> None:
    if key in schema.attributes:
        if value not in schema.attributes[key].values:
            raise block.fault(mark.line, f"has the unknown value '{value}' of {key}", "take one of the scheme")
    elif key not in schema.roles:
        raise block.fault(mark.line, f"has the unknown role '{key}'", "take one of the scheme, or add it there")
    elif value not in known:
        raise block.fault(mark.line, f"{key}={value} points at no mark", "give the mention that id, or drop the argument")
    elif key not in schema.roles_between(mark.label, known[value].label):
        finding = f"{mark.label} cannot have the {known[value].label} '{value}' as {key}"
        raise block.fault(mark.line, finding, "see the scheme")


def _to_stance(block: Block, line: int, source: str, known: dict[str, Mark], schema: Schema) -> Stance:
    words = source.split()
    if len(words) != 3:
        raise block.fault(
            line, f"'{shorten(source)}' is no stance", "write 'HOLDER LABEL TARGET', the holder '*' for the article"
        )
    holder, label, target = words
    if label not in schema.stances.labels:
        raise block.fault(line, f"has the unknown stance '{label}'", f"write one of {', '.join(schema.stances.labels)}")
    ends = (("holder", holder, schema.can_hold_stance), ("target", target, schema.can_be_target))
    for what, end, can_be in ends[1:] if holder == "*" else ends:
        if end not in known:
            raise block.fault(line, f"the stance points at '{end}', which is no id", "give the mark that id")
        if not can_be(known[end].label):
            raise block.fault(line, f"the stance's {what} '{end}' is a {known[end].label}", "the scheme does not allow it")
    return Stance(holder=None if holder == "*" else holder, target=target, label=label)


def to_marked(article: Article, schema: Schema, *, annotator: str | None = None) -> str:
    """The source that `parse_marked` reads back as this article with one annotation: the named annotator's, else gold.

    Order is not kept (see `annotate.records.sort_marks`), and an event without an attribute gets the scheme's default.
    Raises RecordError for what the notation cannot hold: crossing ranges, absent layers, scores, meta, single line breaks.
    """
    place = f"article '{article.id}'"
    annotation = annotation_of(article, annotator)
    if annotation is None:
        raise RecordError(place, "has no annotation to write", "annotate it, or name another annotator")
    for layer in LAYERS:
        if getattr(annotation, layer) is None:
            raise RecordError(place, f"has no layer '{layer}'", "the notation always has all three: keep the article as JSON")
    annotation = sort_marks(_with_defaults(annotation, schema))
    header = [f"{key}: {value}" for key in HEADER_KEYS if (value := getattr(article, key)) is not None]
    stances = [f"{stance.holder or '*'} {stance.label} {stance.target}" for stance in annotation.stances or ()]
    body = _write_body(article, annotation, schema)
    source = "\n".join([f"=== {article.id}", *header, "", body, *(["", "---", *stances] if stances else []), ""])
    expected = article.model_copy(update={"annotations": (annotation,)})
    try:
        read_back = next(parse_marked(source, schema, "its source", annotator=annotation.annotator))
    except RecordError as err:
        raise RecordError(place, f"cannot be written in the notation: {err.finding}", "keep it as JSON") from err
    for field in sorted(expected.model_dump()):
        if getattr(read_back, field, None) != getattr(expected, field):
            raise RecordError(place, f"has '{field}' that the notation cannot hold", "keep it as JSON")
    return source


def _write_body(article: Article, annotation: Annotation, schema: Schema) -> str:
    """The text with its marks. Raises RecordError where two ranges cross."""
    marks: dict[tuple[int, int], list[str]] = {}
    for mention in annotation.mentions or ():
        marks.setdefault((mention.start, mention.end), []).append(f"{mention.label} {mention.id}")
    for event in annotation.events or ():
        marks.setdefault((event.start, event.end), []).append(_write_event(event, schema))
    opening: dict[int, int] = {}
    closing: dict[int, list[str]] = {}
    open_ends: list[int] = []
    for start, end in sorted(marks, key=lambda r: (r[0], -r[1])):
        while open_ends and open_ends[-1] <= start:
            open_ends.pop()
        if open_ends and end > open_ends[-1]:
            crossed = article.text[start : open_ends[-1]]
            raise RecordError(f"article '{article.id}'", f"has ranges that cross in '{shorten(crossed)}'", "keep it as JSON")
        open_ends.append(end)
        opening[start] = opening.get(start, 0) + 1
        closing.setdefault(end, []).insert(0, f"]({'; '.join(marks[start, end])})")
    parts = []
    at = 0
    for cut in sorted({*opening, *closing}):
        parts += [escape(article.text[at:cut]), *closing.get(cut, ()), "[" * opening.get(cut, 0)]
        at = cut
    body = "".join([*parts, escape(article.text[at:])])
    return "\n".join("\\" + line if line.startswith(("===", "---")) else line for line in body.split("\n"))


def _write_event(event: Event, schema: Schema) -> str:
    words = [event.label, event.id]
    for role in dict.fromkeys(a.role for a in event.arguments):
        words.append(f"{role}={','.join(a.mention for a in event.arguments if a.role == role)}")
    words += [f"{key}={value}" for key, value in event.attributes.items() if value != schema.default_attributes.get(key)]
    return " ".join(words)


def _with_defaults(annotation: Annotation, schema: Schema) -> Annotation:
    defaults = schema.default_attributes
    events = tuple(e.model_copy(update={"attributes": defaults | e.attributes}) for e in annotation.events or ())
    return annotation.model_copy(update={"events": events})
