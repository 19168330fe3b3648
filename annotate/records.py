"""The record format: articles with their annotations, one JSON object per line."""

import codecs
import json
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import from_json

from .errors import RecordError
from .integrity import MAX_TEXT_CHARS as MAX_TEXT_CHARS
from .integrity import Fault as Fault
from .integrity import integrity_faults as integrity_faults
from .integrity import text_faults as text_faults
from .outputs import whole_file
from .unreadable import explain

FORMAT = 1
GOLD = "gold"
MODEL = "model:"  # how the names of annotators begin that are models
LAYERS: tuple["Layer", ...] = ("mentions", "events", "stances")

Layer = Literal["mentions", "events", "stances"]


class _Record(BaseModel):
    """Frozen, strict about types, and keeps fields it does not know unless they look like a slip of the pen."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _refuse_misspelt_fields(self) -> Self:
        fields = type(self).model_fields
        for name in self.model_extra or ():
            close = get_close_matches(name, fields, n=1, cutoff=0.8)
            if close:
                raise ValueError(f"field '{name}' looks like a misspelt '{close[0]}'")
        return self


class Mention(_Record):
    """A labelled range of the text: `text[start:end]`, code points, end exclusive."""

    id: str
    start: int
    end: int
    label: str
    score: float | None = None
    meta: dict[str, Any] | None = None  # Any: free JSON of the user's


class Argument(_Record):
    """A mention's role in an event."""

    role: str
    mention: str
    score: float | None = None
    meta: dict[str, Any] | None = None  # Any: free JSON of the user's


class Event(_Record):
    """A trigger (`text[start:end]`), its type, arguments and attributes (such as modality)."""

    id: str
    start: int
    end: int
    label: str
    arguments: tuple[Argument, ...] = ()
    attributes: dict[str, str] = {}
    attribute_scores: dict[str, float] | None = None
    score: float | None = None
    meta: dict[str, Any] | None = None  # Any: free JSON of the user's


class Stance(_Record):
    """Who is for or against what: holder mention (None: the article itself) to target mention or event."""

    holder: str | None
    target: str
    label: str
    score: float | None = None
    meta: dict[str, Any] | None = None  # Any: free JSON of the user's


class Annotation(_Record):
    """One annotator's work on one article. A layer that is None was not annotated; an empty one was, and has nothing."""

    annotator: str
    mentions: tuple[Mention, ...] | None = None
    events: tuple[Event, ...] | None = None
    stances: tuple[Stance, ...] | None = None
    meta: dict[str, Any] | None = None  # Any: free JSON of the user's

    @property
    def is_skipped(self) -> bool:
        return bool(self.meta and self.meta.get("skipped"))


class Article(_Record):
    """A text with an id, what is known about its origin, and its annotations."""

    id: str
    text: str
    title: str | None = None
    outlet: str | None = None
    published: str | None = None
    url: str | None = None
    story: str | None = None
    language: str | None = None
    annotations: tuple[Annotation, ...] = ()
    meta: dict[str, Any] | None = None  # Any: free JSON of the user's

    @property
    def story_or_id(self) -> str:
        """The story this article tells; an article without one is its own story."""
        return self.id if self.story is None else self.story


def annotation_of(article: Article, annotator: str | None = None) -> Annotation | None:
    """The annotation to train on and to score against: the named annotator's, else gold, else the only person's.

    What a model found is nobody's word: it counts where it is named. None when the article has none (of that annotator),
    or was skipped.
    Raises RecordError when several people annotated the article and none of them was chosen.
    """
    if annotator is None:
        usable = [a for a in article.annotations if not a.is_skipped and not a.annotator.startswith(MODEL)]
        gold = [a for a in usable if a.annotator == GOLD]
        if len(usable) > 1 and not gold:
            names = ", ".join(sorted(a.annotator for a in usable))
            raise RecordError(f"article '{article.id}'", f"has no gold but annotations by {names}", "name one with --annotator")
        return next(iter(gold or usable), None)
    return next((a for a in article.annotations if a.annotator == annotator and not a.is_skipped), None)


def sort_marks(annotation: Annotation) -> Annotation:
    """The annotation with its marks in the order of the text and its links by their ends; absent layers stay absent."""
    changed: dict[str, object] = {}
    if annotation.mentions is not None:
        changed["mentions"] = tuple(sorted(annotation.mentions, key=_place))
    if annotation.events is not None:
        changed["events"] = tuple(
            e.model_copy(update={"arguments": tuple(sorted(e.arguments, key=lambda a: (a.role, a.mention)))})
            if e.arguments
            else e
            for e in sorted(annotation.events, key=_place)
        )
    if annotation.stances is not None:
        changed["stances"] = tuple(
            sorted(annotation.stances, key=lambda s: (s.holder is not None, s.holder or "", s.target, s.label))
        )
    return annotation.model_copy(update=changed)


def _place(item: Mention | Event) -> tuple[int, int, str]:
    return item.start, item.end, item.id


def read_records(path: Path) -> Iterator[Article]:
    """Articles of a JSON Lines file ('-' is standard input), one by one, in the order of the file.

    Raises RecordError, with line and article, at the first line that is not a sound article.
    """
    seen: dict[str, int] = {}
    for number, article in scan_records(path):
        if isinstance(article, RecordError):
            raise article
        for fault in integrity_faults(article):
            raise RecordError(place_of(path, number, article), fault.finding, fault.remedy)
        if article.id in seen:
            raise RecordError(
                place_of(path, number, article), f"has the id of line {seen[article.id]}", "give each article its own id"
            )
        seen[article.id] = number
        yield article


def scan_records(path: Path) -> Iterator[tuple[int, Article | RecordError]]:
    """Line number and article of each line of a JSON Lines file, or the fault in place of an article.

    Only the shape is checked, not what `integrity_faults` finds. A header line and blank lines are passed over.
    """
    with _open_bytes(path) as lines:
        for number, line in enumerate(lines, 1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.strip() and not (number == 1 and _is_header(line, path)):
                yield number, parse_article(line, f"{path}:{number}")


def parse_article(line: bytes, place: str) -> Article | RecordError:
    """An article from its JSON, or what is wrong with the JSON."""
    line = line.strip()  # a line end would hide that the line is cut off
    try:
        article = Article.model_validate_json(line)
        if b"NaN" in line or b"Infinity" in line:
            from_json(line, allow_inf_nan=False)  # pydantic looks for them in its own fields only
        return article
    except ValidationError as err:
        first, *others = explain(err, line, place)
        first.others = tuple(others)
        return first
    except ValueError as err:
        return RecordError(place, f"is not JSON ({err})", "write null where there is no number")


def write_records(path: Path, articles: Iterable[Article], *, force: bool = False) -> int:
    """Writes articles as JSON Lines ('-' is standard output) and returns how many; the file appears with its last line.

    Raises DataError when the file is there already and `force` is not set.
    """
    if str(path) == "-":
        return _write_lines(sys.stdout, articles)
    with whole_file(path, force=force) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as out:
        return _write_lines(out, articles)


def _write_lines(out: IO[str], articles: Iterable[Article]) -> int:
    n_articles = 0
    for article in articles:
        out.write(to_line(article))
        n_articles += 1
    return n_articles


def to_line(article: Article) -> str:
    """The article as one line of JSON, fields that are absent left out."""
    plain = article.model_dump(mode="json", exclude_unset=True)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n"


def place_of(path: Path, number: int, article: Article) -> str:
    """Where a message about an article points: file, line, id."""
    return f"{path}:{number}: article '{article.id}'"


def _open_bytes(path: Path) -> IO[bytes]:
    if str(path) == "-":
        return sys.stdin.buffer
    try:
        return path.open("rb")
    except OSError as err:
        raise RecordError(str(path), f"cannot be read ({err.strerror})", "check the path") from err


def _is_header(line: bytes, path: Path) -> bool:
    if not line.lstrip().startswith(b'{"copydesk"'):
        return False
    try:
        header = json.loads(line)["copydesk"]
        version = header.get("format")
    except (ValueError, AttributeError, RecursionError) as err:
        raise RecordError(f"{path}:1", "has a broken header line", 'write {"copydesk": {"format": 1}} or drop it') from err
    if version != FORMAT:
        raise RecordError(f"{path}:1", f"has format {version}", f"this copydesk reads format {FORMAT}; install a newer one")
    return True
