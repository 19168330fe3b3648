"""Articles with their marks as a page of HTML that fetches nothing, runs nothing and escapes all it shows."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .counts import n_of
from .outputs import whole_file
from .records import GOLD, Annotation, Article, Event, Mention, Stance
from .schema import Schema
from .segments import Kind, Label, Mark, segments, set_lanes

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_HERE = Path(__file__).parent
_GOLDEN_ANGLE = 137.508  # degrees between neighbours in a list of labels, so that they differ as much as they can
_FIRST_HUE = {"entity": 250.0, "event": 30.0, "stance": 145.0}


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
    """Writes a self-contained page of articles with their marks, events and stances, to be filtered by label and outlet.

    annotator: whose marks alone are shown. Without it gold comes first, or the only annotation there is; all others are
    shown side by side, and what not all of these have is outlined.
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
    palette = _Palette(schema)
    shown = [_chosen(article, annotator) for article in articles]
    outlets = {name: f"o{i}" for i, name in enumerate(sorted({a.outlet for a in articles if a.outlet}))}
    views = []
    for number, (article, annotations) in enumerate(zip(articles, shown, strict=True), 1):
        view = _view(article, annotations, palette, f"a{number}")
        view["keys"] = sorted({*view["keys"], *([outlets[article.outlet]] if article.outlet else ())})
        views.append(view)
    legend = palette.count(annotations[0] for annotations in shown if annotations)
    choices = [label.key for label in legend] + (list(outlets.values()) if len(outlets) > 1 else [])
    values: dict[str, Any] = {  # Any: what the template shows
        "title": title,
        "summary": _summary(len(articles), legend, sorted({a.annotator for own in shown for a in own})),
        "note": note,
        "style": style(),
        "articles": views,
        "legend": legend,
        "outlets": [(name, key, sum(a.outlet == name for a in articles)) for name, key in outlets.items() if key in choices],
        "choices": choices if len(articles) > 1 else [],
    }
    return _template("page").render(**values)


def marked_article(
    article: Article, annotation: Annotation | None, *, schema: Schema | None = None, anchor: str = ""
) -> "Markup":
    """One article with its marks as a piece of HTML, escaped, for a page that holds `style()`.

    anchor: what the ids of its elements begin with, other than those of the page's other pieces; without it there are
    no ids and no links from the lists to the text.
    """
    from markupsafe import Markup

    view = _view(article, [] if annotation is None else [annotation], _Palette(schema), anchor)
    return Markup(_template("article").render(article=view))


def _chosen(article: Article, annotator: str | None) -> list[Annotation]:
    """The annotations to show, the one that counts first."""
    if annotator is not None:
        return [a for a in article.annotations if a.annotator == annotator]
    return sorted((a for a in article.annotations if not a.is_skipped), key=lambda a: (a.annotator != GOLD, a.annotator))


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
            self._labels[key] = Label(name, kind, hue, f"{kind[0]}{kind[1]}{n_before}", definition)
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


def _view(article: Article, annotations: Sequence[Annotation], palette: _Palette, anchor: str) -> dict[str, Any]:
    """What the templates show of an article. Any: they take plain values of all kinds."""
    has_main = len(annotations) < 2 or annotations[0].annotator == GOLD
    others = list(annotations[1:] if has_main else annotations)
    readings = [_readings(a) for a in others]
    shared = frozenset.intersection(*readings) if len(others) > 1 else None
    main = (annotations[0] if annotations else Annotation(annotator="")) if has_main else None
    is_web = article.url is not None and article.url.lower().startswith(("http://", "https://"))
    return {
        "anchor": anchor,
        "title": article.title or article.id,
        "id": article.id,
        "origin": [part for part in (article.outlet, article.published) if part],
        "url": article.url if is_web else None,
        "language": article.language,
        "keys": {label.key for label in palette.count(annotations)},
        "main": None if main is None else _version(article, main, palette, anchor),
        "others": [
            _version(article, a, palette, anchor and f"{anchor}v{number}", shared=shared) for number, a in enumerate(others, 1)
        ],
    }


def _version(
    article: Article, annotation: Annotation, palette: _Palette, anchor: str, *, shared: frozenset[Any] | None = None
) -> dict[str, Any]:
    """One annotation of an article. shared: what all annotations beside it have too (see `_readings`).

    Any: the templates take plain values of all kinds.
    """
    marks = _marks(annotation, palette, anchor)
    found: tuple[Mention | Event, ...] = (*(annotation.mentions or ()), *(annotation.events or ()))
    items = {item.id: item for item in found}
    for mark in marks.values():
        mark.is_alone = shared is not None and (mark.start, mark.end, mark.label.name) not in shared

    def quote(item_id: str | None) -> dict[str, Any]:
        item = items.get(item_id or "")
        if item is None:
            return {"text": item_id or "the article", "label": None, "anchor": "", "is_article": item_id is None}
        mark = marks[item.id]
        text = " ".join(article.text[item.start : item.end].split())
        return {"text": text, "label": mark.label, "anchor": mark.anchor, "is_article": False}

    def is_alone(reading: tuple[Any, ...]) -> bool:
        return shared is not None and reading not in shared

    return {
        "annotation": annotation,
        "n_lanes": set_lanes(list(marks.values())),
        "segments": list(segments(article.text, list(marks.values()))),
        "events": [
            _event_view(event, quote, palette) | {"is_alone": is_alone(_event_reading(event, items))}
            for event in sorted(annotation.events or (), key=_place)
        ],
        "stances": [
            {
                "holder": quote(stance.holder),
                "target": quote(stance.target),
                "label": palette.label("stance", stance.label),
                "score": stance.score,
                "is_alone": is_alone(_stance_reading(stance, items)),
            }
            for stance in annotation.stances or ()
        ],
    }


def _readings(annotation: Annotation) -> frozenset[tuple[Any, ...]]:
    """Each mark, event and stance by what it says, whatever its id. Any: offsets, labels and sets of them."""
    found: tuple[Mention | Event, ...] = (*(annotation.mentions or ()), *(annotation.events or ()))
    items = {item.id: item for item in found}
    return frozenset(
        [(item.start, item.end, item.label) for item in found]
        + [_event_reading(event, items) for event in annotation.events or ()]
        + [_stance_reading(stance, items) for stance in annotation.stances or ()]
    )


def _event_reading(event: Event, items: Mapping[str, Mention | Event]) -> tuple[Any, ...]:
    roles = frozenset((a.role, _place(items[a.mention])) for a in event.arguments)
    return (*_place(event), event.label, roles, frozenset(event.attributes.items()))


def _stance_reading(stance: Stance, items: Mapping[str, Mention | Event]) -> tuple[Any, ...]:
    return (stance.holder and _place(items[stance.holder]), _place(items[stance.target]), stance.label)


def _event_view(event: Event, quote: Callable[[str], dict[str, Any]], palette: _Palette) -> dict[str, Any]:
    roles: dict[str, list[dict[str, Any]]] = {}
    for argument in sorted(event.arguments, key=lambda a: palette.role_order(a.role)):
        roles.setdefault(argument.role, []).append(quote(argument.mention) | {"score": argument.score})
    attributes = [(value, palette.is_default(name, value), name) for name, value in event.attributes.items()]
    return {"trigger": quote(event.id), "roles": roles, "attributes": attributes, "score": event.score}


def _place(item: Mention | Event) -> tuple[int, int]:
    return item.start, item.end


def _marks(annotation: Annotation, palette: _Palette, anchor: str) -> dict[str, Mark]:
    """The marks of mentions and events by id, in the order of the text, longer ones first."""
    layers: tuple[tuple[Kind, Sequence[Mention | Event]], ...] = (
        ("entity", annotation.mentions or ()),
        ("event", annotation.events or ()),
    )
    found = [(kind, item) for kind, items in layers for item in items]
    found.sort(key=lambda pair: (pair[1].start, -pair[1].end, pair[0]))
    return {
        item.id: Mark(item.start, item.end, palette.label(kind, item.label), item.id, f"{anchor}-{number}" if anchor else "")
        for number, (kind, item) in enumerate(found, 1)
    }


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
