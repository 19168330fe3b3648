"""What a project lacks of some articles, and what in it contradicts them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

from ..errors import DataError, RecordError
from ..records import Article
from ..schema import Schema
from .ledger import Ledger
from .results import DESK, Json
from .tasks import from_task


@dataclass
class Changes:
    """What is to be sent: new tasks, and for tasks that are there their data and what is missing of the marks."""

    tasks: list[Json] = field(default_factory=list)
    data: list[tuple[int, Json]] = field(default_factory=list)
    annotations: list[tuple[int, Json]] = field(default_factory=list)
    predictions: list[Json] = field(default_factory=list)
    outdated: list[int] = field(default_factory=list)  # predictions that newer ones of the same model replace

    @property
    def n_changed(self) -> int:
        """How many tasks that are there already get something new."""
        numbers = [task for task, _ in self.data + self.annotations] + [p["task"] for p in self.predictions]
        return len(set(numbers))


def compare(
    articles: Sequence[Article],
    tasks: Mapping[str, Json],
    there: Mapping[str, Json],
    schema: Schema,
    handles: Mapping[int, str],
) -> Changes:
    """What has to be sent so that the project holds the articles.

    tasks: article id -> the task as it would be uploaded to an empty project. there: article id -> the task in the project.
    handles: number of an account -> short name of its owner.
    Raises RecordError where a text, or an annotation by the same person, is another one in the project.
    """
    changes = Changes()
    for article in articles:
        old, new = there.get(article.id), tasks[article.id]
        if old is None:
            changes.tasks.append(new)
            continue
        _refuse_other_text(article, old["data"].get("text"))
        data = _merge(article, old, new)
        if data != old["data"]:
            changes.data.append((old["id"], data))
        changes.annotations += ((old["id"], row) for row in _missing_annotations(article, old, new, data, schema, handles))
        for prediction, before in _new_predictions(old, new):
            changes.predictions.append(prediction | {"task": old["id"]})
            changes.outdated += before
    return changes


def by_article(tasks: Iterable[Json]) -> dict[str, Json]:
    """Article id -> task. Raises DataError where two tasks hold one article."""
    found: dict[str, Json] = {}
    for task in tasks:
        name = task["data"].get("id")
        if name in found:
            numbers = f"{found[name]['id']} and {task['id']}"
            raise DataError(f"article '{name}'", f"is in the project twice (tasks {numbers})", "delete one of them there")
        if isinstance(name, str):
            found[name] = task
    return found


def refuse_lost_labels(old_config: str, new_config: str, tasks: Iterable[Json]) -> None:
    """Stops before a page that lacks a label in use: the server itself lets most of them go."""
    if old_config == new_config:
        return
    offered = _offered(new_config)
    for task in tasks:
        for made in (*task["annotations"], *(draft for draft in task["drafts"] if isinstance(draft, dict))):
            for control, label in _used(made["result"]):
                if label not in offered.get(control, ()):
                    place = f"article '{task['data'].get('id')}'"
                    finding = f"uses '{label}' ({control}) in the project, which the scheme no longer has"
                    raise DataError(place, finding, "keep the label, or push to a new project")


def _offered(label_config: str) -> dict[str, set[str]]:
    """Control -> its labels; the relations' control is called `relation`."""
    offered: dict[str, set[str]] = {}
    for control in ElementTree.fromstring(label_config).iter():
        if control.tag in ("Labels", "Choices", "Relations"):
            offered[control.get("name", "relation")] = {label.get("value", "") for label in control}
    return offered


def _used(rows: Iterable[Json]) -> Iterator[tuple[str, str]]:
    """Control and label of each mark."""
    for row in rows:
        if row.get("type") == "relation":
            yield from (("relation", label) for label in row.get("labels") or ())
        else:
            labels = (row.get("value") or {}).get(row.get("type", "")) or ()
            yield from ((row.get("from_name", ""), label) for label in labels if isinstance(label, str))


def _refuse_other_text(article: Article, old: object) -> None:
    if article.text != old:
        theirs = old if isinstance(old, str) else ""
        shorter = min(len(article.text), len(theirs))
        place = next((i for i in range(shorter) if article.text[i] != theirs[i]), shorter)
        finding = f"has another text in the project (they part at character {place})"
        raise RecordError(f"article '{article.id}'", finding, "give the new text an id of its own, or delete the task there")


def _merge(article: Article, old: Json, new: Json) -> Json:
    """The task's data after this push: what the project knows stays, what the article says is added."""
    data: Json = old["data"] | new["data"]
    known, desk = old["data"].get(DESK, {}), new["data"][DESK]
    merged = known | desk
    if article.title is None:  # the page's heading, as it was
        data["title"] = old["data"].get("title", "")
        merged = {k: v for k, v in merged.items() if k != "title"} | {k: v for k, v in known.items() if k == "title"}
    elif "title" not in desk:
        merged.pop("title", None)
    if old["annotations"] and "layers" in known:
        merged["layers"] = known["layers"]  # what was asked for when they were made
    for kind in ("annotations", "predictions"):
        heads = {head["annotator"]: head for head in desk.get(kind, ())}
        before = [heads.pop(head["annotator"], head) for head in known.get(kind, ())]
        if before or heads:
            merged[kind] = [*before, *heads.values()]
    data[DESK] = merged
    return data


def _missing_annotations(
    article: Article, old: Json, new: Json, data: Json, schema: Schema, handles: Mapping[int, str]
) -> Iterator[Json]:
    """data: the task's data after this push; an annotation's number is the place of its head there."""
    if not new.get("annotations"):
        return
    places = {head["annotator"]: place for place, head in enumerate(data[DESK].get("annotations", ()), 1)}
    owners = {place: head["annotator"] for place, head in enumerate(new["data"][DESK]["annotations"], 1)}
    numbered = [made | {"import_id": made["id"]} for made in new["annotations"]]
    theirs = _contents(old, schema, handles)
    ours = _contents({"data": new["data"], "annotations": numbered}, schema, handles)
    for made in new["annotations"]:
        name = owners[made["id"]]
        if name not in theirs:
            yield {key: value for key, value in made.items() if key != "id"} | {"import_id": places[name]}
        elif theirs[name] != ours[name]:
            finding = f"has another annotation by {name} in the project"
            raise RecordError(f"article '{article.id}'", finding, "pull that one first, or delete it there")


def _contents(task: Json, schema: Schema, handles: Mapping[int, str]) -> dict[str, str]:
    """Annotator -> the annotation as it would be pulled."""
    article = from_task(task, schema, Ledger(), lambda number: handles.get(number or 0, f"user-{number}"))
    return {a.annotator: json.dumps(a.model_dump(mode="json"), sort_keys=True) for a in article.annotations}


def _new_predictions(old: Json, new: Json) -> Iterator[tuple[Json, list[int]]]:
    """Each prediction that the task lacks, with the numbers of those that it replaces."""
    for made in new.get("predictions", ()):
        before = [p for p in old["predictions"] if p["model_version"] == made["model_version"]]
        if not any(p["result"] == made["result"] for p in before):
            yield made, [p["id"] for p in before]
