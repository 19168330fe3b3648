"""Articles to Label Studio: every fault is found before anything is sent, and sending twice doubles nothing."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..check import sound_articles
from ..errors import DataError, RecordError
from ..records import GOLD, MODEL, Annotation, Article
from ..schema import Schema
from .changes import Changes, by_article, compare, refuse_lost_labels
from .connection import Connection, Project
from .interface import to_instructions, to_label_config
from .ledger import Entry, Kind, Ledger
from .results import DESK, Json
from .tasks import to_task

MarksAs = Literal["annotations", "predictions"]

_BATCH_TASKS, _BATCH_CHARS = 500, 8_000_000


@dataclass
class Pushed:
    """What a push did; the ledger holds every mark that it brought or found in the project."""

    project: int
    url: str
    n_new: int = 0
    n_changed: int = 0
    n_unchanged: int = 0
    n_annotations: int = 0
    n_predictions: int = 0
    ledger: Ledger = field(default_factory=Ledger)

    def __str__(self) -> str:
        lines = [self.url, f"articles     {self.n_new} new, {self.n_changed} changed, {self.n_unchanged} there already"]
        lines += [f"annotations  {self.n_annotations} new"] if self.n_annotations else []
        lines += [f"predictions  {self.n_predictions} new"] if self.n_predictions else []
        lines += [self.ledger.summary().rstrip()] if self.ledger.entries else []
        return "\n".join(lines)


def push(
    connection: Connection,
    articles: Iterable[Article],
    schema: Schema,
    title: str,
    *,
    marks_as: MarksAs | None = None,
    annotator: str | None = None,
    per_article: int | None = None,
    make_account: Callable[[str], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Pushed:
    """Makes or updates the project of this title and uploads what it lacks of the articles.

    marks_as: what the articles' annotations become; they are left out where None. annotator: whose alone.
    per_article: how many people are to label each article; a new project asks for one.
    make_account: makes an account for an annotator who has none; without it such a one is an error.
    Raises DataError before anything is sent where articles, annotators or project are at fault, and ServiceError where
    the server is; a second push then sends what is missing.
    """
    wanted = _select(articles_to_push(articles, schema), marks_as, annotator)
    title = title.strip()  # the server does so too, and would be asked for it in vain next time
    project = connection.find_project(title)
    there = by_article(connection.export(project.id)) if project else {}
    if project:
        refuse_lost_labels(project.label_config, to_label_config(schema), there.values())
    users = _users(connection, wanted, make_account) if marks_as == "annotations" else {}
    tasks = {a.id: to_task(a, schema, annotators_as=marks_as, user_of=users) for a in wanted}
    handles = {number: name for name, number in users.items()}
    changes = compare(wanted, tasks, there, schema, handles)
    number = _settle_project(connection, project, title, schema, per_article)
    pushed = Pushed(number, f"{connection.address.url}/projects/{number}/data")
    _send(connection, changes, pushed, say)
    pushed.n_unchanged = len(tasks) - pushed.n_new - pushed.n_changed
    versions = sorted({p["model_version"] for task in tasks.values() for p in task.get("predictions", ())})
    if versions:
        connection.update_project(number, model_version=versions[-1])
    _account(tasks, pushed.ledger)
    return pushed


def articles_to_push(articles: Iterable[Article], schema: Schema) -> list[Article]:
    """All articles, none with a fault and no two with one id; raises RecordError at the first that is not so."""
    found: dict[str, Article] = {}
    for article in sound_articles(articles, schema):
        if article.id in found:
            raise RecordError(f"article '{article.id}'", "is there twice", "give each article its own id")
        found[article.id] = article
    if not found:
        raise RecordError("the input", "has no articles", "give at least one")
    return list(found.values())


def _select(articles: list[Article], marks_as: MarksAs | None, annotator: str | None) -> list[Article]:
    """The articles with the annotations that are to be uploaded."""
    names = sorted({a.annotator for article in articles for a in article.annotations})
    if annotator is not None and annotator not in names:
        raise DataError(
            f"annotator '{annotator}'", "annotated none of the articles", f"choose of: {', '.join(names) or 'none'}"
        )
    if marks_as is None:
        return [article.model_copy(update={"annotations": ()}) for article in articles]
    models = [name for name in names if name.startswith(MODEL) and annotator in (None, name)]
    if marks_as == "annotations" and models:
        raise DataError(f"annotator '{models[0]}'", "is no person", "upload it --as predictions, or choose a person")

    def is_wanted(annotation: Annotation) -> bool:
        return annotator is None or annotation.annotator == annotator

    return [a.model_copy(update={"annotations": tuple(filter(is_wanted, a.annotations))}) for a in articles]


def _users(connection: Connection, articles: Sequence[Article], make_account: Callable[[str], None] | None) -> dict[str, int]:
    """Short name -> number, of all accounts; each annotator has one.

    Gold needs none: it belongs to who uploads it, and is known by its name.
    """
    known = {person.handle: person.id for person in connection.people()}
    missing = sorted({a.annotator for article in articles for a in article.annotations} - {GOLD, *known})
    if not missing:
        return known
    if make_account is None:
        remedy = "add one there, or --create-annotators where the server is your own"
        raise DataError(f"annotator '{missing[0]}'", f"has no account on {connection.address.url}", remedy)
    for name in missing:
        make_account(name)
    return {person.handle: person.id for person in connection.people()}


def _settle_project(
    connection: Connection, project: Project | None, title: str, schema: Schema, per_article: int | None
) -> int:
    """Makes the project, or brings its page, instructions and settings up to date; returns its number."""
    label_config, instructions = to_label_config(schema), to_instructions(schema)
    if project is None:
        return connection.create_project(title, label_config, instructions, per_article or 1)
    settings: dict[str, object] = {}
    if project.label_config != label_config:
        settings["label_config"] = label_config
    if project.instructions != instructions:
        settings["expert_instruction"] = instructions
    if per_article is not None:
        settings["maximum_annotations"] = per_article
    if settings:
        connection.update_project(project.id, **settings)
    return project.id


def _send(connection: Connection, changes: Changes, pushed: Pushed, say: Callable[[str], None]) -> None:
    for batch in _batches(changes.tasks):
        connection.import_tasks(pushed.project, batch)
        pushed.n_new += len(batch)
        pushed.n_annotations += sum(len(task.get("annotations", ())) for task in batch)
        pushed.n_predictions += sum(len(task.get("predictions", ())) for task in batch)
        say(f"uploaded {pushed.n_new} of {len(changes.tasks)} articles")
    for task, data in changes.data:  # before the annotations, which are read with what the data says of them
        connection.update_task(task, data)
    for task, annotation in changes.annotations:
        connection.add_annotation(task, annotation)
    for prediction in changes.outdated:
        connection.delete_prediction(prediction)
    if changes.predictions:
        connection.import_predictions(pushed.project, changes.predictions)
    pushed.n_changed = changes.n_changed
    pushed.n_annotations += len(changes.annotations)
    pushed.n_predictions += len(changes.predictions)


def _batches(tasks: Sequence[Json]) -> Iterator[list[Json]]:
    batch: list[Json] = []
    n_chars = 0
    for task in tasks:
        batch.append(task)
        n_chars += len(json.dumps(task))
        if len(batch) == _BATCH_TASKS or n_chars >= _BATCH_CHARS:
            yield batch
            batch, n_chars = [], 0
    if batch:
        yield batch


def _account(tasks: Mapping[str, Json], ledger: Ledger) -> None:
    """Every mark as kept: one that could not be uploaded stopped the push."""
    kinds: dict[str, Kind] = {"relation": "relation", "choices": "choice"}
    for article, task in tasks.items():
        heads = [head["annotator"] for head in task["data"][DESK].get("annotations", ())]
        made = [(heads[a["id"] - 1], a["result"]) for a in task.get("annotations", ())]
        made += [(p["model_version"], p["result"]) for p in task.get("predictions", ())]
        for annotator, rows in made:
            ledger.add(Entry(article, annotator, "annotation", "", "kept"))
            for row in rows:
                kind = kinds.get(row["type"], "region")
                mark = f"{row['from_id']} -> {row['to_id']}" if kind == "relation" else row["id"]
                ledger.add(Entry(article, annotator, kind, mark, "kept"))
