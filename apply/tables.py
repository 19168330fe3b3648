"""What a model found as tables: articles, mentions, events and stances, joined by the ids of article and item."""

import csv
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self

from annotate.errors import DataError
from annotate.records import LAYERS, Annotation, Article, Event, Mention, Stance
from annotate.schema import Schema

from .predict import Prediction

if TYPE_CHECKING:
    from pyarrow import DataType
    from pyarrow.parquet import ParquetWriter

Row = dict[str, Any]  # Any: text, number, list of these, or None

_N_ROWS_AT_ONCE = 5_000
_LIST_SEPARATOR = "; "  # between the members of a list in CSV
_ORIGIN = {"article": "text", "outlet": "text", "published": "text", "story": "text"}
_ARTICLES = {
    **_ORIGIN,
    "title": "text",
    "url": "text",
    "language": "text",
    "n_mentions": "int",
    "n_events": "int",
    "n_stances": "int",
    "place": "text",
    "error": "text",
}
_MENTIONS = {
    **_ORIGIN,
    "mention": "text",
    "label": "text",
    "text": "text",
    "start": "int",
    "end": "int",
    "sentence": "text",
    "score": "float",
}
_EVENTS = {
    **_ORIGIN,
    "event": "text",
    "type": "text",
    "trigger": "text",
    "start": "int",
    "end": "int",
    "sentence": "text",
    "score": "float",
}
_STANCES = {
    **_ORIGIN,
    "holder": "text",
    "holder_label": "text",
    "holder_text": "text",
    "label": "text",
    "target": "text",
    "target_label": "text",
    "target_text": "text",
    "sentence": "text",
    "score": "float",
}


class RoleColumns(NamedTuple):
    """The three columns of one role in the table of events: texts, mention ids and scores of those that fill it."""

    texts: str
    ids: str
    scores: str


class Layout:
    """The columns of the tables; roles and attributes of events come from the model's scheme."""

    def __init__(self, schema: Schema | None) -> None:
        taken = set(_EVENTS)
        self.attributes = {name: _column(name, taken) for name in (schema.attributes if schema else ())}
        self.roles: dict[str, RoleColumns] = {}
        for role in schema.roles if schema else ():
            name = _column(role, taken, "_ids", "_scores")
            self.roles[role] = RoleColumns(name, f"{name}_ids", f"{name}_scores")
        events = _EVENTS | dict.fromkeys(self.attributes.values(), "text")
        for columns in self.roles.values():
            events |= {columns.texts: "texts", columns.ids: "texts", columns.scores: "floats"}
        self.tables = {"articles": _ARTICLES, "mentions": _MENTIONS, "events": events, "stances": _STANCES}


def _column(name: str, taken: set[str], *endings: str) -> str:
    """A column's name in lower case, other than those taken (some programs do not tell cases apart); takes it."""
    column = name.lower()
    while any(column + ending in taken for ending in ("", *endings)):
        column += "_"
    taken.update(column + ending for ending in ("", *endings))
    return column


def rows_of(found: Prediction, layout: Layout, annotator: str) -> Iterator[tuple[str, Row]]:
    """Table and row of everything found in one article. Raises DataError for a role or attribute without a column."""
    article = found.article
    annotation = next((a for a in article.annotations if a.annotator == annotator), None) if article else None
    if found.error is not None:
        annotation = None
    origin = {name: getattr(article, name, None) for name in ("outlet", "published", "story", "title", "url", "language")}
    layers = {layer: getattr(annotation, layer, None) for layer in LAYERS}
    counts = {f"n_{layer}": None if items is None else len(items) for layer, items in layers.items()}
    article_id = article.id if article else None
    yield "articles", {"article": article_id, **origin, **counts, "place": found.place, "error": found.error}
    if article is not None and annotation is not None:
        yield from _Found(article, annotation, found.sentences, layout).rows()


class _Found:
    """The rows of one annotated article."""

    def __init__(self, article: Article, annotation: Annotation, sentences: Sequence[tuple[int, int]], layout: Layout) -> None:
        self.article, self.annotation, self.sentences, self.layout = article, annotation, sentences, layout
        items: Iterable[Mention | Event] = (*(annotation.mentions or ()), *(annotation.events or ()))
        self.items = {item.id: item for item in items}
        self.origin = {
            "article": article.id,
            "outlet": article.outlet,
            "published": article.published,
            "story": article.story,
        }

    def rows(self) -> Iterator[tuple[str, Row]]:
        for mention in sorted(self.annotation.mentions or (), key=_place):
            yield "mentions", self.origin | {"mention": mention.id, "label": mention.label} | self._range(mention, "text")
        for event in sorted(self.annotation.events or (), key=_place):
            yield "events", self._event(event)
        for stance in sorted(self.annotation.stances or (), key=lambda s: (s.holder or "", s.target, s.label)):
            yield "stances", self._stance(stance)

    def _range(self, item: Mention | Event, name: str) -> Row:
        return {
            name: self._text(item),
            "start": item.start,
            "end": item.end,
            "sentence": self._sentence(item),
            "score": item.score,
        }

    def _event(self, event: Event) -> Row:
        row: Row = self.origin | {"event": event.id, "type": event.label} | self._range(event, "trigger")
        for name, value in event.attributes.items():
            row[self._known(name, self.layout.attributes)] = value
        for columns in self.layout.roles.values():
            row |= {column: [] for column in columns}
        for argument in sorted(event.arguments, key=lambda a: _place(self.items[a.mention])):
            columns = self._known(argument.role, self.layout.roles)
            row[columns.texts].append(self._text(self.items[argument.mention]))
            row[columns.ids].append(argument.mention)
            row[columns.scores].append(argument.score)
        return row

    def _stance(self, stance: Stance) -> Row:
        holder = None if stance.holder is None else self.items[stance.holder]
        target = self.items[stance.target]
        return self.origin | {
            "holder": stance.holder,
            "holder_label": holder and holder.label,
            "holder_text": holder and self._text(holder),
            "label": stance.label,
            "target": stance.target,
            "target_label": target.label,
            "target_text": self._text(target),
            "sentence": self._sentence(target),
            "score": stance.score,
        }

    def _text(self, item: Mention | Event) -> str:
        return self.article.text[item.start : item.end]

    def _sentence(self, item: Mention | Event) -> str | None:
        number = bisect_right(self.sentences, (item.start, len(self.article.text) + 1)) - 1
        if number < 0:
            return None
        start, end = self.sentences[number]
        return self.article.text[start:end].strip()

    def _known(self, name: str, columns: dict[str, Any]) -> Any:
        """The column of a role (RoleColumns) or attribute (str)."""
        if name not in columns:
            place, finding = f"article '{self.article.id}'", f"has '{name}', which the model's scheme does not know"
            raise DataError(place, finding, "train or package the model again with its scheme")
        return columns[name]


def _place(item: Mention | Event) -> tuple[int, int, str]:
    return item.start, item.end, item.id


class TableWriter:
    """Writes the tables into a folder as Parquet, and as CSV on request, a few thousand rows at a time."""

    def __init__(self, folder: Path, layout: Layout, *, as_csv: bool = False) -> None:
        self.n_rows = dict.fromkeys(layout.tables, 0)
        self._folder, self._layout, self._as_csv = folder, layout, as_csv
        self._waiting: dict[str, list[Row]] = {name: [] for name in layout.tables}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        from pyarrow import parquet

        self._parquet: dict[str, ParquetWriter] = {}
        self._csv: dict[str, csv.DictWriter[str]] = {}
        for name, columns in self._layout.tables.items():
            writer = parquet.ParquetWriter(self._folder / f"{name}.parquet", _arrow_schema(columns), compression="zstd")
            self._parquet[name] = self._stack.enter_context(writer)
            if self._as_csv:
                path = self._folder / f"{name}.csv"
                file: IO[str] = self._stack.enter_context(path.open("w", encoding="utf-8", newline=""))
                self._csv[name] = csv.DictWriter(file, list(columns))
                self._csv[name].writeheader()
        return self

    def add(self, table: str, row: Row) -> None:
        self.n_rows[table] += 1
        self._waiting[table].append(row)
        if len(self._waiting[table]) >= _N_ROWS_AT_ONCE:
            self._flush(table)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._stack:
            if kind is None:
                for table in self._waiting:
                    self._flush(table)

    def _flush(self, table: str) -> None:
        import pyarrow

        rows, self._waiting[table] = self._waiting[table], []
        writer = self._parquet[table]
        if rows:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=writer.schema))
        if self._as_csv:
            self._csv[table].writerows({name: _to_cell(value) for name, value in row.items()} for row in rows)


def _arrow_schema(columns: dict[str, str]) -> Any:
    """A pyarrow.Schema (Any: pyarrow has no types)."""
    import pyarrow

    types: dict[str, DataType] = {
        "text": pyarrow.string(),
        "int": pyarrow.int64(),
        "float": pyarrow.float64(),
        "texts": pyarrow.list_(pyarrow.string()),
        "floats": pyarrow.list_(pyarrow.float64()),
    }
    return pyarrow.schema([(name, types[kind]) for name, kind in columns.items()])


def _to_cell(value: Any) -> Any:
    """The value as CSV holds it: lists joined, None as nothing. Any: see Row."""
    if isinstance(value, list):
        return _LIST_SEPARATOR.join("" if item is None else str(item) for item in value)
    return value
