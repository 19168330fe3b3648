"""Articles in, from whatever people keep them in: text files, folders, JSON Lines, tables, data sets."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from .errors import DataError, RecordError
from .notation import SUFFIX as MARKED_SUFFIX
from .notation import scan_marked
from .records import MAX_TEXT_CHARS, Article, integrity_faults, place_of, scan_records
from .schema import Schema, read_schema
from .tables import Columns as Columns
from .tables import Scanned as Scanned
from .tables import is_saved_data_set, scan_csv, scan_data_set, scan_parquet

RECORD_SUFFIXES = (".jsonl", ".ndjson")
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
TEXT_SUFFIXES = (".txt", ".text", ".md")
SUFFIXES = (*RECORD_SUFFIXES, *TABLE_SUFFIXES, MARKED_SUFFIX, *TEXT_SUFFIXES)
HUGGING_FACE = "hf:"


def read_articles(inputs: Sequence[str], *, columns: Columns | None = None, schema: Schema | None = None) -> Iterator[Article]:
    """The articles of all inputs, one by one; see `scan_articles` for what an input can be.

    Raises RecordError at the first that is not a sound article with an id of its own.
    """
    for place, article in without_repeats(scan_articles(inputs, columns=columns, schema=schema)):
        if isinstance(article, RecordError):
            raise article
        for fault in integrity_faults(article):
            raise RecordError(place, fault.finding, fault.remedy)
        yield article


def scan_articles(
    inputs: Sequence[str],
    *,
    columns: Columns | None = None,
    schema: Schema | None = None,
    pass_over: Callable[[Path], None] | None = None,
) -> Scanned:
    """Place and article of everything in the inputs, or what is wrong in place of an article; only the shape is checked.

    An input is a file (JSON Lines, CSV, Parquet, `*.marked`, or a text that is one article), a folder of these, read
    recursively and in the order of the names, a folder that `datasets` saved, `hf:NAME[:SPLIT]` for a data set that
    `datasets` can load, or `-` for JSON Lines on standard input.
    columns: which columns of tables hold text and id. schema: what reads the labels of `*.marked` (the default scheme).
    pass_over: is told each file of a folder that is no article; hidden ones are passed over without a word.
    Raises RecordError when an input cannot be read at all.
    """
    columns = columns or Columns()
    for given in inputs:
        if given.startswith(HUGGING_FACE):
            yield from scan_data_set(given.removeprefix(HUGGING_FACE), columns)
        elif given == "-":
            yield from _scan_records(Path(given))
        elif is_saved_data_set(Path(given)):
            yield from scan_data_set(given, columns)
        elif Path(given).is_dir():
            yield from _scan_folder(Path(given), columns, schema, pass_over)
        else:
            yield from _scan_file(Path(given), Path(given).stem, columns, schema)


def without_repeats(scanned: Scanned) -> Scanned:
    """The same with a fault in place of each article whose id was there before."""
    seen: dict[str, str] = {}
    for place, article in scanned:
        if isinstance(article, RecordError):
            yield place, article
        elif article.id in seen:
            yield place, repeated(place, seen[article.id])
        else:
            seen[article.id] = place
            yield place, article


def join_annotations(scanned: Scanned) -> list[Article]:
    """The articles by id, each with the annotations that all inputs have of it.

    Raises RecordError at the first that is not sound, whose text differs from the one before, or whose annotator came before.
    """
    joined: dict[str, Article] = {}
    for place, article in scanned:
        if isinstance(article, RecordError):
            raise article
        for fault in integrity_faults(article):
            raise RecordError(place, fault.finding, fault.remedy)
        known = joined.get(article.id)
        if known is None:
            joined[article.id] = article
            continue
        if known.text != article.text:
            raise RecordError(
                place, "differs in its text from the article of that id before it", "compare annotations of one text"
            )
        twice = {a.annotator for a in known.annotations} & {a.annotator for a in article.annotations}
        if twice:
            raise RecordError(place, f"is annotated by '{min(twice)}' a second time", "give each annotator a name of their own")
        joined[article.id] = known.model_copy(update={"annotations": known.annotations + article.annotations})
    return list(joined.values())


def refuse_to_replace(inputs: Iterable[str | Path | None], *outputs: Path | None) -> None:
    """Stops a command before its work where an output would take the place of what it reads, whatever `--force` says.

    inputs: whatever is read; what is no file and no folder, such as a data set's name, is passed over.
    Raises DataError for an output that is an input, an article's file in a folder of them, or a folder with an input in it,
    and for two outputs that are the same.
    """
    paths = [Path(given) for given in inputs if given]
    read = [path.resolve() for path in paths if path.is_file() or path.is_dir()]
    places: set[Path] = set()
    for output in filter(None, outputs):
        place = output.resolve()
        if place in places:
            raise DataError(str(output), "is the place of two outputs", "give each a path of its own")
        places.add(place)
        is_article = place.is_file() and place.suffix.lower() in SUFFIXES
        if any(path.is_relative_to(place) or (is_article and place.is_relative_to(path)) for path in read):
            raise DataError(str(output), "would replace what this command reads", "give another path")


def repeated(place: str, first: str) -> RecordError:
    """What to say of an article that has the id of the one at `first`."""
    return RecordError(place, f"has the id of {first.split(': article ')[0]}", "give each article its own id")


def _scan_folder(folder: Path, columns: Columns, schema: Schema | None, pass_over: Callable[[Path], None] | None) -> Scanned:
    is_empty = True
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts) or not path.is_file():
            continue
        if path.suffix.lower() in SUFFIXES:
            is_empty = False
            yield from _scan_file(path, inside.with_suffix("").as_posix(), columns, schema)
        elif pass_over is not None:
            pass_over(path)
    if is_empty:
        raise RecordError(str(folder), "has no articles", f"put files there that end in {', '.join(SUFFIXES)}")


def _scan_file(path: Path, name: str, columns: Columns, schema: Schema | None) -> Scanned:
    """name: the id of the article where the file is one, and the beginning of the ids of rows that have none."""
    suffix = path.suffix.lower()
    name = name.encode("utf-8", "backslashreplace").decode("utf-8")  # names of files can be any bytes
    if not path.exists():
        raise RecordError(str(path), "cannot be read (No such file or directory)", "check the path")
    if suffix in RECORD_SUFFIXES:
        return _scan_records(path)
    if suffix == ".parquet":
        return scan_parquet(path, name, columns)
    if suffix in TABLE_SUFFIXES:
        return scan_csv(path, name, columns)
    if suffix == MARKED_SUFFIX:
        return _scan_marked(path, schema)
    if suffix in TEXT_SUFFIXES or not suffix:
        return iter([(f"{path}: article '{name}'", _read_text(path, name))])
    remedy = f"give files that end in {', '.join(SUFFIXES)}"
    if suffix == ".json":
        remedy = "JSON Lines end in .jsonl; a Label Studio export is read by `copydesk import`"
    raise RecordError(str(path), f"is no kind of file that is read here ({suffix})", remedy)


def _scan_records(path: Path) -> Scanned:
    for number, article in scan_records(path):
        yield (f"{path}:{number}" if isinstance(article, RecordError) else place_of(path, number, article)), article


def _scan_marked(path: Path, schema: Schema | None) -> Scanned:
    try:
        for article in scan_marked(path, schema or read_schema()):
            yield (article.place if isinstance(article, RecordError) else f"{path}: article '{article.id}'"), article
    except RecordError as fault:
        yield fault.place, fault


def _read_text(path: Path, article_id: str) -> Article | RecordError:
    """One article, its text verbatim but for a byte order mark."""
    place = f"{path}: article '{article_id}'"
    n_bytes = path.stat().st_size
    if n_bytes > 4 * MAX_TEXT_CHARS:
        return RecordError(place, f"has {n_bytes:,} bytes, more than any article", "cut it into parts")
    plain = path.read_bytes()
    try:
        return Article(id=article_id, text=plain.decode("utf-8-sig"))
    except UnicodeDecodeError as err:
        looks = " but looks like UTF-16" if plain[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        return RecordError(place, f"is not UTF-8 (byte {err.start + 1}){looks}", "save the file as UTF-8")
