"""Label Studio exports of projects made elsewhere, read into articles and a drafted scheme."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..outputs import refuse_to_overwrite
from ..records import Annotation, Article, parse_article, text_faults, to_line, write_records
from ..schema import Schema, write_schema
from ..sources import refuse_to_replace
from .ledger import Entry, Ledger
from .regions import Row, drop_rows, enter_rows
from .results import DESK, Json, extras_of, from_rows, region_row, relation_row
from .survey import UNNAMED, Survey, draft_schema, labels_of, language_of, plain_name, quote_fits, survey_results, text_key
from .tasks import age_of, in_order, layers_of

_FIELDS = ("title", "outlet", "published", "url", "story", "language")  # of a task's data that an article has too
_REMEDY = "export the project as JSON, not JSON-MIN or CSV"


@dataclass(frozen=True, slots=True)
class _Export:
    """What is known of the whole file while its tasks are read."""

    key: str
    survey: Survey
    schema: Schema
    people: Mapping[str, str]


def import_export(
    path: Path, *, records: Path, schema_out: Path, ledger_out: Path | None = None, force: bool = False
) -> tuple[int, Schema, Ledger]:
    """Reads an export, writes its articles and the drafted scheme (and the ledger), and gives how many articles there are.

    Raises DataError when the file is no export, or an output is there already and `force` is not set; nothing is written then.
    """
    refuse_to_replace([path], records, schema_out, ledger_out)
    for out in filter(None, (records, schema_out, ledger_out)):
        refuse_to_overwrite(out, force=force)
    ledger = Ledger()
    articles, schema = read_export(path, ledger)
    if ledger_out is not None:
        ledger.write(ledger_out, force=force)
    write_schema(schema_out, schema, force=force)
    return write_records(records, articles, force=force), schema, ledger


def read_export(path: Path, ledger: Ledger) -> tuple[list[Article], Schema]:
    """The articles of an export and a scheme drafted from the labels and relation names that occur in it.

    A label where relations start is an event type and its relations are roles; one where relations end, or none at all,
    is an entity; one that is both makes a mention and an event of each region. from/to of a relation is taken as it
    stands, whatever its arrow. Articles that repeat a text belong to the story of the first. Each row of each
    annotation makes one entry in the ledger. Raises DataError when the file is no export.
    """
    tasks = _read_tasks(path)
    key = text_key(tasks, lambda task: (row for a in _annotations(task) for row in _rows(a)), str(path))
    survey = survey_results(_rows(annotation) for task in tasks for annotation in _annotations(task))
    if not survey.labels:
        raise DataError(str(path), "has no labelled region of a text", "export a project that labels plain text")
    texts = [str(task["data"].get(key, "")) for task in tasks]
    schema = draft_schema(survey, name=plain_name(path.stem), language=language_of(texts))
    export = _Export(key, survey, schema, _people(tasks))
    articles: list[Article] = []
    story_of: dict[str, str] = {}
    for article_id, task in zip(_article_ids(tasks), tasks, strict=True):
        article = _read_task(task, article_id, export, ledger)
        if article is None:
            continue
        first = story_of.setdefault(article.text, article.story or article.id)
        if article.story is None and first != article.id:  # copies on both sides of a split would leak
            article = article.model_copy(update={"story": first})
        articles.append(article)
    return articles, schema


def _read_tasks(path: Path) -> list[Json]:
    try:
        content: Any = json.loads(path.read_bytes().decode("utf-8-sig"))  # Any: whatever is in the file
    except OSError as err:
        raise DataError(str(path), f"cannot be read ({err.strerror})", "check the path") from err
    except UnicodeDecodeError as err:
        raise DataError(str(path), f"is not UTF-8 (byte {err.start + 1})", "export it again") from err
    except json.JSONDecodeError as err:
        finding = f"is not whole JSON (line {err.lineno}, column {err.colno}: {err.msg})"
        raise DataError(str(path), finding, "the file is cut off or no JSON: export it again") from err
    except (RecursionError, ValueError) as err:  # of the latter, numbers with thousands of digits
        raise DataError(str(path), "is nested too deeply for an export, or has a huge number", _REMEDY) from err
    tasks: list[Json] = content if isinstance(content, list) else [content]
    if not tasks:
        raise DataError(str(path), "has no tasks", "export a project that has some")
    for number, task in enumerate(tasks, 1):
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict) or not _has_annotations(task):
            raise DataError(f"{path}: task {number}", "is no task with data and annotations", _REMEDY)
        if DESK in task["data"]:
            raise DataError(f"{path}: task {number}", "was made by copydesk push", "bring it back with copydesk pull")
    return tasks


def _has_annotations(task: Json) -> bool:
    return isinstance(task.get("annotations", task.get("completions", [])), list)


def _annotations(task: Mapping[str, Any]) -> list[Json]:  # Any: Label Studio's JSON
    found = task.get("annotations", task.get("completions", []))  # completions: before Label Studio 1.0
    return [one for one in found if isinstance(one, dict)]


def _rows(annotation: Mapping[str, Any]) -> list[Json]:  # Any: Label Studio's JSON
    result = annotation.get("result")
    return [row if isinstance(row, dict) else {} for row in result] if isinstance(result, list) else []


def _article_ids(tasks: Sequence[Json]) -> Iterator[str]:
    """The id in the data where every task has its own, else the number of the task."""
    own = [task["data"].get("id") for task in tasks]
    if all(isinstance(i, str | int) and str(i).strip() for i in own) and len({str(i) for i in own}) == len(own):
        yield from (str(i) for i in own)
        return
    numbers = [task.get("id", n) for n, task in enumerate(tasks, 1)]
    seen: Counter[str] = Counter()
    for number in numbers:
        name = f"task-{number}"
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}-{seen[name]}"


def _read_task(task: Json, article_id: str, export: _Export, ledger: Ledger) -> Article | None:
    """The article; None, with everything dropped in the ledger, where its text cannot be used."""
    text = task["data"].get(export.key)
    faults = [fault.finding for fault in text_faults(text)] if isinstance(text, str) else [f"has no text '{export.key}'"]
    annotations = _annotations(task)
    names = _annotators(annotations, export.people)
    latest = {name: n for n, name in sorted(enumerate(names), key=lambda found: age_of(annotations[found[0]]))}
    kept = []
    for number, (annotation, name) in enumerate(zip(annotations, names, strict=True)):
        rows = _parse(annotation, export, text if isinstance(text, str) else "")
        lost = f"the article {faults[0]}" if faults else ""
        lost = lost or ("" if latest[name] == number else "the same annotator made a later annotation")
        if lost:
            drop_rows(rows, lost)
        else:
            kept.append(_read_annotation(annotation, rows, str(text), name, export.schema))
        mark = f"annotation {annotation.get('id', number + 1)}"
        remark = "skipped" if annotation.get("was_cancelled") else ""
        ledger.add(Entry(article_id, name, "annotation", mark, "dropped" if lost else "kept", lost or remark))
        enter_rows(rows, article_id, name, ledger)
    for noun, reason in (("draft", "a draft that was never submitted"), ("prediction", "a model's, not anybody's")):
        for number, _ in enumerate(task.get(f"{noun}s") or (), 1):
            ledger.add(Entry(article_id, "", "annotation", f"{noun} {number}", "dropped", reason))
    if faults:
        if not annotations:
            ledger.add(Entry(article_id, "", "other", "article", "dropped", faults[0]))
        return None
    return _article(task, article_id, export.key, tuple(kept))


def _article(task: Json, article_id: str, key: str, annotations: tuple[Annotation, ...]) -> Article:
    data = task["data"]
    fields = {name: data[name] for name in _FIELDS if name != key and isinstance(data.get(name), str)}
    rest = {name: value for name, value in data.items() if name not in {key, "id", *fields}}
    meta = {"task": task.get("id")} | ({"data": rest} if rest else {})
    article = Article(id=article_id, text=data[key], meta=meta, annotations=annotations, **fields)
    place = f"article '{article_id}'"
    try:
        again = parse_article(to_line(article).encode(), place)
    except (UnicodeEncodeError, ValueError) as err:
        raise DataError(place, "has half a character or a number that JSON cannot hold", "correct it and export again") from err
    if isinstance(again, DataError):
        raise again
    return in_order(article)


def _read_annotation(annotation: Json, rows: list[Row], text: str, name: str, schema: Schema) -> Annotation:
    if annotation.get("was_cancelled"):
        drop_rows(rows, "the article was skipped")
        return Annotation(annotator=name, meta={"skipped": True})
    marks = [row for row in rows if row.kind in ("region", "relation")]
    made = from_rows(marks, text, schema, name, layers=layers_of(schema), whole_words=False)
    whole = {
        row.mark: row.extras["answer"] for row in rows if row.kind in ("choice", "other") and not row.region and row.n_used
    }
    return made.model_copy(update={"meta": {"answers": whole}}) if whole else made


def _parse(annotation: Json, export: _Export, text: str) -> list[Row]:
    """The rows of a result, with labels and names as the drafted scheme has them."""
    regions: dict[str, Row] = {}
    rows: list[Row] = []
    for found in _rows(annotation):
        if found.get("type") == "relation":
            rows.append(_parse_relation(found))
        elif labels_of(found):
            rows.append(_parse_region(found, export, text))
            regions.setdefault(rows[-1].region, rows[-1])
        else:
            rows.append(_parse_answer(found))
    for row in rows:
        if row.kind in ("choice", "other") and row.n_used and row.region:
            _keep_beside(row, regions.get(row.region))
    return rows


def _parse_region(plain: Json, export: _Export, text: str) -> Row:
    row = region_row(plain, str(plain.get("id", "")))
    if row.faults:
        return row
    row.is_manual, row.extras = True, extras_of(plain)
    row.labels = [(export.survey.kinds_of(label), label) for label in labels_of(plain)]
    value = plain["value"]
    if isinstance(value.get("text"), str):
        fit = quote_fits(text, value)
        if fit is None:
            row.remarks.append("the export quotes other words than the text has there: the offsets were taken")
        elif fit != (row.start, row.end):
            row.start, row.end = fit
            row.notes.append("its offsets counted UTF-16 units: converted")
    return row


def _parse_relation(plain: Json) -> Row:
    row = relation_row(plain)
    row.names = list(dict.fromkeys(plain_name(name) for name in row.names))
    if row.direction != "right":
        row.remarks.append(f"its arrow is '{row.direction}': from and to were taken as they stand")
        row.direction = "right"
    if not row.names:
        row.names = [UNNAMED]
        row.notes.append(f"has no name: called {UNNAMED}")
    return row


def _parse_answer(plain: Json) -> Row:
    """A choice, note, rating or the like: kept as it is, in `meta` of its mention, event or annotation."""
    kind, value = plain.get("type"), plain.get("value")
    row = Row("choice" if kind == "choices" else "other", str(plain.get("from_name", kind)))
    if not isinstance(value, Mapping) or not isinstance(kind, str):
        row.faults.append("has no value")
    elif kind.endswith("labels"):
        row.faults.append("has no label")
        row.kind = "region"
    else:
        row.region = str(plain.get("id", "")) if "start" in value else ""
        row.extras["answer"] = value.get(kind, {k: v for k, v in value.items() if k not in ("start", "end")})
        row.n_used = 1
        row.remarks.append("has no place in the scheme: kept as meta")
    return row


def _keep_beside(answer: Row, region: Row | None) -> None:
    if region is None:
        answer.n_used, answer.faults = 0, ["its region is gone"]
        return
    fields = region.extras.setdefault("fields", {})
    fields.setdefault("meta", {}).setdefault("answers", {})[answer.mark] = answer.extras["answer"]


def _people(tasks: Sequence[Json]) -> dict[str, str]:
    """Account (its id or e-mail address, as text) -> a short name; no name is used for two."""
    people: dict[str, str] = {}
    for task in tasks:
        for annotation in _annotations(task):
            account = _account(annotation)
            if account and account not in people:
                name = account.split("@")[0] if "@" in account else f"user-{account}"
                taken = set(people.values())
                number = 1
                while name in taken:
                    number += 1
                    name = f"{account.split('@')[0]}-{number}"
                people[account] = name
    return people


def _account(annotation: Json) -> str:
    user = annotation.get("completed_by")
    if isinstance(user, dict):
        user = user.get("email") or user.get("id")
    return "" if user is None else str(user)


def _annotators(annotations: Sequence[Json], people: Mapping[str, str]) -> list[str]:
    """A name for each annotation; those of nobody are numbered."""
    names, n_unknown = [], 0
    for annotation in annotations:
        name = people.get(_account(annotation))
        if name is None:
            n_unknown += 1
            name = "unknown" if n_unknown == 1 else f"unknown-{n_unknown}"
        names.append(name)
    return names
