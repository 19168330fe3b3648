"""One run of a model over articles: a folder of records, tables and a page, which appears whole or not at all."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotate.counts import n_of
from annotate.errors import DataError, RecordError, one_line
from annotate.outputs import whole_folder
from annotate.page import write_page
from annotate.records import Article, to_line
from training.pipeline import schema_of

from .cutoffs import Cutoffs
from .predict import Prediction, annotator_name, predict_scanned
from .tables import Layout, Row, TableWriter, rows_of

if TYPE_CHECKING:
    from spacy.language import Language

RECORDS = "records.jsonl"
PAGE = "page.html"
MAX_SHOWN = 5  # articles whose tables are worth printing
MAX_ON_PAGE = 200  # more than that no browser shows with ease
_SAY_EVERY_SECONDS = 5.0
_MAX_CELL_CHARS = 32


@dataclass
class Summary:
    """What a run did.

    cpu_seconds: reading and predicting, without loading the model and writing. n_rows: of each table.
    shown: the rows of events and stances where the articles are few.
    """

    n_articles: int = 0
    n_errors: int = 0
    n_words: int = 0
    cpu_seconds: float = 0.0
    n_rows: dict[str, int] = field(default_factory=dict)
    shown: dict[str, list[Row]] = field(default_factory=lambda: {"events": [], "stances": []})
    paths: list[Path] = field(default_factory=list)

    @property
    def speed(self) -> str:
        """Words, and words per CPU second where the run was long enough to say."""
        text = f"{self.n_words:,} words"
        if self.cpu_seconds < 1:
            return text
        rate = self.n_words / self.cpu_seconds
        return f"{text} in {self.cpu_seconds:,.1f} CPU seconds, {rate:,.0f} per CPU second (model load excluded)"


def apply_model(
    nlp: "Language",
    scanned: Iterable[tuple[str, Article | RecordError]],
    out: Path,
    *,
    as_csv: bool = False,
    with_page: bool = False,
    force: bool = False,
    cutoffs: Cutoffs | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Summary:
    """Writes what the model finds in the articles into the folder `out`: records.jsonl, and articles, mentions, events
    and stances as Parquet.

    The records keep whatever annotations the articles came with. An article that cannot be used has a row with its
    `error` in the table of articles and is not among the records. The same input gives the same bytes.
    cutoffs: what scores less is left out.
    as_csv: the tables as CSV too. with_page: the first articles as a page of HTML too. say: gets progress and errors.
    Raises DataError where `out` is there already and `force` is not set, or holds anything but results.
    """
    layout, summary, annotator = Layout(schema_of(nlp)), Summary(), annotator_name(nlp)
    names = {RECORDS, PAGE} | {f"{table}.{kind}" for table in layout.tables for kind in ("parquet", "csv")}
    for_page: list[Article] = []
    with whole_folder(out, force=force, own=lambda _: names) as folder:
        path = folder / RECORDS
        with path.open("w", encoding="utf-8", newline="\n") as records, TableWriter(folder, layout, as_csv=as_csv) as tables:
            for found in _told(predict_scanned(nlp, scanned, cutoffs=cutoffs), summary, say):
                if found.article is not None and found.error is None:
                    records.write(to_line(found.article))
                    if with_page and len(for_page) < MAX_ON_PAGE:
                        for_page.append(found.article)
                for table, row in rows_of(found, layout, annotator):
                    tables.add(table, row)
                    if table in summary.shown and summary.n_articles <= MAX_SHOWN:
                        summary.shown[table].append(row)
        if not summary.n_articles:
            raise DataError("the input", "has no articles", "give at least one")
        summary.n_rows = tables.n_rows
        if with_page:
            _write_page(folder / PAGE, for_page, summary, nlp, annotator)
        summary.paths = [out / file.name for file in sorted(folder.iterdir())]
    return summary


def _told(found: Iterator[Prediction], summary: Summary, say: Callable[[str], None]) -> Iterator[Prediction]:
    """The same, counted and timed; says each error and now and then how far the run is."""
    last, started = time.monotonic(), time.process_time()
    for one in found:
        summary.cpu_seconds += time.process_time() - started
        summary.n_articles += 1
        summary.n_words += one.n_words
        if one.error is not None:
            summary.n_errors += 1
            say(f"{one.place}: {one_line(one.error)}")
        yield one
        if time.monotonic() - last > _SAY_EVERY_SECONDS:
            last = time.monotonic()
            say(f"{summary.n_articles:,} articles, {summary.n_words:,} words")
        started = time.process_time()


def _write_page(path: Path, articles: list[Article], summary: Summary, nlp: "Language", annotator: str) -> None:
    n_sound = summary.n_articles - summary.n_errors
    note = f"The first {len(articles):,} of {n_sound:,} articles." if n_sound > len(articles) else ""
    if summary.n_errors:
        note += f" {summary.n_errors:,} could not be used; articles.parquet says why."
    write_page(path, articles, title="Marked articles", schema=schema_of(nlp), annotator=annotator, note=note.strip())


def summary_lines(summary: Summary, layout: Layout) -> Iterator[str]:
    """What to print at the end of a run: the events and stances of a few articles, or the counts of many; the paths."""
    counts = ", ".join(n_of(n, table.removesuffix("s")) for table, n in summary.n_rows.items())
    if summary.n_articles <= MAX_SHOWN:
        events = {"type": "type", "trigger": "trigger", **{v: k for k, v in layout.attributes.items()}}
        events |= {columns.texts: role for role, columns in layout.roles.items()}
        yield from _table("Events", events, summary.shown["events"])
        yield from _table(
            "Stances", {"holder_text": "holder", "label": "stance", "target_text": "target"}, summary.shown["stances"]
        )
    yield counts
    yield from (str(path) for path in summary.paths)


def _table(title: str, columns: dict[str, str], rows: list[Row]) -> Iterator[str]:
    """columns: name in the rows -> heading; `article` comes first where the rows have several."""
    yield title
    if not rows:
        yield "  none"
    else:
        if len({row["article"] for row in rows}) > 1:
            columns = {"article": "article", **columns}
        cells = [[_cell(row.get(name)) for name in columns] for row in rows]
        widths = [max(map(len, column)) for column in zip(list(columns.values()), *cells, strict=True)]
        for line in (list(columns.values()), *cells):
            yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
    yield ""


def _cell(value: Any) -> str:
    """Any: see Row."""
    text = ", ".join(value) if isinstance(value, list) else str(value) if value is not None else "-"
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return (text if len(text) <= _MAX_CELL_CHARS else f"{text[: _MAX_CELL_CHARS - 1]}…") or "-"
