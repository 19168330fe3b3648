"""Articles with their marks as a page of HTML that fetches nothing, runs nothing and escapes all it shows."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .counts import n_of
from .outputs import whole_file
from .records import Annotation, Article, Event, Mention, annotation_of
from .schema import Schema

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_HERE = Path(__file__).parent
_GOLDEN_ANGLE = 137.508  # degrees between neighbours in a list of labels, so that they differ as much as they can
_FIRST_HUE = {"entity": 250.0, "event": 30.0, "stance": 145.0}

Kind = Literal["entity", "event", "stance"]


class Label(NamedTuple):
    """A label as the page shows it; hue: an angle of the colour circle."""

    name: str
    kind: Kind
    hue: int
    definition: str = ""
    n: int = 0


@dataclass
class _Mark:
    start: int
    end: int
    label: Label
    id: str
    anchor: str = ""
    lane: int = 0  # which line under the text it draws; 0 is the nearest


class Layer(NamedTuple):
    """One mark in one stretch of text without a boundary in it."""

    mark: _Mark
    is_first: bool
    is_last: bool


class Segment(NamedTuple):
    """A stretch of text and the marks over it, outermost first."""

    text: str
    layers: tuple[Layer, ...]


def write_page(
    path: Path,
    articles: Sequence[Article],
    *,
    title: str,
    schema: Schema | None = None,
    annotator: str | None = None,
    note: str = "",
    force: bool = False,
) -> None:
    """Writes a self-contained page of articles with the marks of one annotator (see `annotation_of`), events and stances.

    schema: gives the labels their order, colours and definitions. note: a sentence under the title.
    Raises DataError when the file is there already and `force` is not set.
    """
    with whole_file(path, force=force) as temporary:
        temporary.write_text(
            render_page(articles, title=title, schema=schema, annotator=annotator, note=note), encoding="utf-8"
        )


def render_page(
    articles: Sequence[Article], *, title: str, schema: Schema | None = None, annotator: str | None = None, note: str = ""
) -> str:
    """The page of `write_page` as a string."""
    annotations = [annotation_of(article, annotator) for article in articles]
    palette = _Palette(schema)
    views = [
        _view(article, annotation, palette, f"a{number}")
        for number, (article, annotation) in enumerate(zip(articles, annotations, strict=True), 1)
    ]
    legend = palette.count(a for a in annotations if a is not None)
    summary = _summary(len(articles), legend, sorted({a.annotator for a in annotations if a is not None}))
    return _template("page").render(title=title, summary=summary, note=note, style=style(), articles=views, legend=legend)


def marked_article(
    article: Article, annotation: Annotation | None, *, schema: Schema | None = None, anchor: str = ""
) -> "Markup":
    """One article with its marks as a piece of HTML, escaped, for a page that holds `style()`.

    anchor: what the ids of its elements begin with, other than those of the page's other pieces; without it there are
    no ids and no links from the lists to the text.
    """
    from markupsafe import Markup

    return Markup(_template("article").render(article=_view(article, annotation, _Palette(schema), anchor)))


def style() -> "Markup":
    """The style sheet of `marked_article`; all of its rules are about the class `marked`."""
    from markupsafe import Markup

    return Markup((_HERE / "page.css").read_text(encoding="utf-8"))


def _summary(n_articles: int, legend: Sequence[Label], annotators: Sequence[str]) -> str:
    counts = {"article": n_articles}
    nouns: dict[Kind, str] = {"entity": "mention", "event": "event", "stance": "stance"}
    for kind, noun in nouns.items():
        counts[noun] = sum(label.n for label in legend if label.kind == kind)
    text = ", ".join(n_of(n, noun) for noun, n in counts.items())
    return f"{text}; marked by {', '.join(annotators)}" if annotators else text


class _Palette:
    """Labels with their colours: those of the scheme in its order, any others as they come."""

    def __init__(self, schema: Schema | None) -> None:
        self._labels: dict[tuple[Kind, str], Label] = {}
        self._defaults = schema.default_attributes if schema else {}
        self._roles = list(schema.roles) if schema else []
        if schema is not None:
            tables: dict[Kind, Mapping[str, str]] = {
                "entity": schema.entities,
                "event": schema.events,
                "stance": schema.stances.labels,
            }
            for kind, table in tables.items():
                for name, definition in table.items():
                    self.label(kind, name, definition)

    def label(self, kind: Kind, name: str, definition: str = "") -> Label:
        key = (kind, name)
        if key not in self._labels:
            n_before = sum(known == kind for known, _ in self._labels)
            hue = round(_FIRST_HUE[kind] + n_before * _GOLDEN_ANGLE) % 360
            self._labels[key] = Label(name, kind, hue, definition)
        return self._labels[key]

    def role_order(self, role: str) -> tuple[int, str]:
        return (self._roles.index(role) if role in self._roles else len(self._roles)), role

    def is_default(self, attribute: str, value: str) -> bool:
        return self._defaults.get(attribute) == value

    def count(self, annotations: Iterable[Annotation]) -> list[Label]:
        """The labels that occur, with how often."""
        counts: Counter[tuple[Kind, str]] = Counter()
        for annotation in annotations:
            counts.update(("entity", m.label) for m in annotation.mentions or ())
            counts.update(("event", e.label) for e in annotation.events or ())
            counts.update(("stance", s.label) for s in annotation.stances or ())
        return [label._replace(n=counts[key]) for key, label in self._labels.items() if counts[key]]


def _view(article: Article, annotation: Annotation | None, palette: _Palette, anchor: str) -> dict[str, Any]:
    """What the templates show of an article. Any: they take plain values of all kinds."""
    annotation = annotation or Annotation(annotator="")
    marks = _marks(annotation, palette, anchor)
    found: tuple[Mention | Event, ...] = (*(annotation.mentions or ()), *(annotation.events or ()))
    items = {item.id: item for item in found}

    def quote(item_id: str | None) -> dict[str, Any]:
        item = items.get(item_id or "")
        if item is None:
            return {"text": item_id or "the article", "label": None, "anchor": "", "is_article": item_id is None}
        mark = marks[item.id]
        text = " ".join(article.text[item.start : item.end].split())
        return {"text": text, "label": mark.label, "anchor": mark.anchor, "is_article": False}

    is_web = article.url is not None and article.url.lower().startswith(("http://", "https://"))
    return {
        "anchor": anchor,
        "title": article.title or article.id,
        "id": article.id,
        "origin": [part for part in (article.outlet, article.published) if part],
        "url": article.url if is_web else None,
        "language": article.language,
        "annotation": annotation,
        "n_lanes": _set_lanes(list(marks.values())),
        "segments": list(_segments(article.text, list(marks.values()))),
        "events": [_event_view(event, quote, palette) for event in sorted(annotation.events or (), key=_place)],
        "stances": [
            {"holder": quote(s.holder), "target": quote(s.target), "label": palette.label("stance", s.label), "score": s.score}
            for s in annotation.stances or ()
        ],
    }


def _event_view(event: Event, quote: Callable[[str], dict[str, Any]], palette: _Palette) -> dict[str, Any]:
    roles: dict[str, list[dict[str, Any]]] = {}
    for argument in sorted(event.arguments, key=lambda a: palette.role_order(a.role)):
        roles.setdefault(argument.role, []).append(quote(argument.mention) | {"score": argument.score})
    attributes = [(value, palette.is_default(name, value), name) for name, value in event.attributes.items()]
    return {"trigger": quote(event.id), "roles": roles, "attributes": attributes, "score": event.score}


def _place(item: Mention | Event) -> tuple[int, int]:
    return item.start, item.end


def _marks(annotation: Annotation, palette: _Palette, anchor: str) -> dict[str, _Mark]:
    """The marks of mentions and events by id, in the order of the text, longer ones first."""
    layers: tuple[tuple[Kind, Sequence[Mention | Event]], ...] = (
        ("entity", annotation.mentions or ()),
        ("event", annotation.events or ()),
    )
    found = [(kind, item) for kind, items in layers for item in items]
    found.sort(key=lambda pair: (pair[1].start, -pair[1].end, pair[0]))
    return {
        item.id: _Mark(item.start, item.end, palette.label(kind, item.label), item.id, f"{anchor}-{number}" if anchor else "")
        for number, (kind, item) in enumerate(found, 1)
    }


def _set_lanes(marks: Sequence[_Mark]) -> int:
    """Gives marks that overlap lanes of their own, inner ones nearer to the text, and returns how many lanes there are.

    marks: in the order of the text, longer ones first.
    """
    deepest, group_end, group = 0, 0, list[_Mark]()
    for mark in (*marks, None):
        if mark is None or mark.start >= group_end:  # the overlapping group is complete: turn its lanes upside down
            top = max((m.lane for m in group), default=-1)
            deepest = max(deepest, top + 1)
            for member in group:
                member.lane = top - member.lane
            group = []
        if mark is not None:
            used = {m.lane for m in group if m.end > mark.start}
            mark.lane = next(lane for lane in range(len(used) + 1) if lane not in used)
            group.append(mark)
            group_end = max(group_end, mark.end)
    return deepest


def _segments(text: str, marks: Sequence[_Mark]) -> Iterator[Segment]:
    """The text cut at every edge of a mark, so that crossing marks can be shown too."""
    starts: dict[int, list[_Mark]] = {}
    for mark in marks:
        starts.setdefault(mark.start, []).append(mark)
    edges = sorted({0, len(text), *starts, *(mark.end for mark in marks)})
    active: list[_Mark] = []
    for start, end in pairwise(edges):
        active = [mark for mark in active if mark.end > start] + starts.get(start, [])
        outermost_first = sorted(active, key=lambda mark: -mark.lane)
        layers = tuple(Layer(m, m.start == start, m.end == end) for m in outermost_first)
        yield Segment(text[start:end], layers)


@cache  # compiling takes longer than rendering
def _template(name: str) -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    jinja = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    jinja.filters["verbatim"] = _verbatim
    return jinja.get_template(f"{name}.html")


def _verbatim(text: str) -> "Markup":
    """The text escaped so that a browser has it back to the letter: a bare carriage return would become a line feed."""
    from markupsafe import Markup, escape

    return Markup(str(escape(text)).replace("\r", "&#13;"))
