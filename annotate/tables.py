"""Articles from the rows of tables: CSV, Parquet and Hugging Face data sets."""

import csv
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

from .errors import RecordError
from .records import Article, parse_article

_FIELD_LIMIT = 2**31 - 1  # of the csv module, whose default of 128 KiB is too small for articles
_WORDS = ("title", "outlet", "published", "url", "story", "language")
_JSON = ("annotations", "meta")

Scanned = Iterator[tuple[str, Article | RecordError]]


class Columns(NamedTuple):
    """The columns of a table that hold text and id; title, outlet, published, url, story and language go by these names."""

    text: str = "text"
    id: str = "id"


def to_article(row: Mapping[str, Any], name: str, number: int, place: str, columns: Columns) -> Article | RecordError:
    """The article of one row; columns that are no fields of an article go to its `meta`. Any: whatever a table can hold.

    name, number: make the id `name-number` where the table has no column of ids.
    """
    plain: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    for column, value in row.items():
        if value is None or (value == "" and column != columns.text):
            continue
        if column in (columns.text, columns.id) or column in _WORDS:
            field = {columns.text: "text", columns.id: "id"}.get(column, column)
            plain[field] = value.isoformat() if isinstance(value, date) else str(value)
        elif column in _JSON and isinstance(value, str):
            try:
                plain[column] = json.loads(value)
            except (ValueError, RecursionError) as err:
                return RecordError(place, f"has no JSON in the column '{column}' ({err})", "correct it, or rename the column")
        elif column in _JSON:
            plain[column] = _to_json(value)
        else:
            meta[column] = _to_json(value)
    if "text" not in plain:
        return RecordError(place, f"has nothing in the column '{columns.text}'", "fill it, or remove the row")
    if columns.id not in row:
        plain["id"] = f"{name}-{number}"
    elif "id" not in plain:
        return RecordError(place, f"has nothing in the column '{columns.id}'", "fill it, or remove the column")
    if meta:
        plain["meta"] = {**(plain.get("meta") or {}), **meta}
    return parse_article(json.dumps(plain).encode(), place)


def scan_csv(path: Path, name: str, columns: Columns) -> Scanned:
    """The rows of a CSV file with a header line, parted by commas, semicolons or tabs, whichever the header has most of.

    Raises RecordError when there is no column of texts.
    """
    csv.field_size_limit(_FIELD_LIMIT)
    number = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            reader = _csv_reader(file)
            header = next(reader, [])
            _refuse_without_text(path, header, columns)
            for number, fields in enumerate((row for row in reader if row), 1):
                place = f"{path}: row {number}"
                yield _placed(place, _from_fields(header, fields, name, number, place, columns))
        except (csv.Error, UnicodeDecodeError) as err:
            yield f"{path}: row {number + 1}", _explain_broken(err, f"{path}: row {number + 1}")


def scan_parquet(path: Path, name: str, columns: Columns) -> Scanned:
    """The rows of a Parquet file. Raises RecordError when it is none, or has no column of texts."""
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (pyarrow.ArrowInvalid, OSError) as err:
        finding = f"is not a whole Parquet file ({_first_line(err)})"
        raise RecordError(str(path), finding, "copy or export it again") from err
    with file:
        _refuse_without_text(path, file.schema_arrow.names, columns)
        number = 0
        try:
            for batch in file.iter_batches(batch_size=256):
                for index in range(batch.num_rows):
                    number += 1
                    place = f"{path}: row {number}"
                    yield _placed(place, _from_batch(batch, index, name, number, place, columns))
        except (pyarrow.ArrowInvalid, OSError) as err:
            place = f"{path}: row {number + 1}"
            yield place, RecordError(place, f"cannot be read ({_first_line(err)})", "copy or export the file again")


def scan_data_set(given: str, columns: Columns) -> Scanned:
    """The rows of a data set that `datasets` can load: `NAME`, `NAME:SPLIT`, or a folder that it saved.

    Raises RecordError when there is none, when it has several splits and none is named, and when it has no texts.
    """
    rows, name = _load_data_set(given)
    number = 0
    for number, row in enumerate(rows, 1):
        if number == 1:
            _refuse_without_text(given, list(row), columns)
        place = f"{given}: row {number}"
        yield _placed(place, to_article(row, name, number, place, columns))
    if not number:
        raise RecordError(given, "has no rows", "name another data set or split")


def is_saved_data_set(path: Path) -> bool:
    """Whether `datasets` saved this folder."""
    return any((path / file).is_file() for file in ("dataset_dict.json", "dataset_info.json"))


def _load_data_set(given: str) -> tuple[Iterable[dict[str, Any]], str]:
    """The rows of a data set, streamed where it comes from outside, and what the ids of its rows begin with."""
    import datasets

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # not a line for each time that it tries again
    name, _, split = given.partition(":")
    if not name.strip("/"):
        raise RecordError(f"hf:{given}", "names no data set", "write hf:NAME or hf:NAME:SPLIT")
    try:
        found = datasets.load_from_disk(name) if is_saved_data_set(Path(name)) else datasets.load_dataset(name, streaming=True)
    except (OSError, ValueError) as err:
        raise RecordError(given, f"cannot be loaded ({_first_line(err)})", "check its name and the connection") from err
    begin = Path(name).name
    if not isinstance(found, dict):
        return found, begin
    if not split and len(found) > 1:
        raise RecordError(given, f"has the splits {', '.join(found)}", f"name one: {name}:{next(iter(found))}")
    split = split or next(iter(found), "")
    if split not in found:
        raise RecordError(given, f"has no split '{split}'", f"name one of {', '.join(found)}")
    return found[split], f"{begin}-{split}"


def _csv_reader(file: IO[str]) -> Iterator[list[str]]:
    first = file.readline()
    delimiter = max(",;\t", key=first.count)
    return csv.reader(chain([first], file), delimiter=delimiter, strict=True)


def _from_fields(
    header: list[str], fields: list[str], name: str, number: int, place: str, columns: Columns
) -> Article | RecordError:
    if len(fields) != len(header):
        finding = f"has {len(fields)} fields, the header line {len(header)}"
        return RecordError(place, finding, "put fields that hold commas or line breaks in quotes")
    return to_article(dict(zip(header, fields, strict=True)), name, number, place, columns)


def _from_batch(batch: Any, index: int, name: str, number: int, place: str, columns: Columns) -> Article | RecordError:
    """batch: a pyarrow.RecordBatch (Any: pyarrow has no types)."""
    try:
        row = {column: batch.column(column)[index].as_py() for column in batch.schema.names}
    except UnicodeDecodeError:
        return RecordError(place, "is not UTF-8", "export the file again")
    return to_article(row, name, number, place, columns)


def _refuse_without_text(place: Path | str, names: list[str], columns: Columns) -> None:
    if columns.text not in names:
        there = ", ".join(names) or "none"
        raise RecordError(str(place), f"has no column '{columns.text}' (there: {there})", "name one with --text-column")


def _placed(place: str, article: Article | RecordError) -> tuple[str, Article | RecordError]:
    return (place if isinstance(article, RecordError) else f"{place}: article '{article.id}'"), article


def _explain_broken(err: csv.Error | UnicodeDecodeError, place: str) -> RecordError:
    if isinstance(err, UnicodeDecodeError):
        return RecordError(place, "is not UTF-8", "save the file as UTF-8")
    if "unexpected end" in str(err):
        return RecordError(place, "is cut off in a quoted field", "the file is incomplete: copy or export it again")
    return RecordError(place, f"is not CSV ({err})", "export the file again")


def _to_json(value: Any) -> Any:
    """The value as JSON can hold it: dates as ISO 8601, what is no number as null, anything strange as its text."""
    if isinstance(value, Mapping):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0:  # NaN or infinite
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _first_line(err: Exception) -> str:
    return str(err).strip().split("\n")[0].rstrip(".")
