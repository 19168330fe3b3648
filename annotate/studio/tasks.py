"""Articles as Label Studio tasks, and back: what was marked on the page, checked against scheme and text."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self

from ..errors import RecordError
from ..records import GOLD, LAYERS, Annotation, Article, Layer, parse_article, sort_marks
from ..schema import Schema
from .interface import has_spaced_words
from .ledger import Entry, Ledger, Outcome
from .regions import Row, drop_rows, enter_rows
from .results import DESK, Json, from_rows, parse_rows, to_rows

AnnotatorOf = Callable[[int | None], str]  # an account's id -> the short name of its owner


def layers_of(schema: Schema) -> tuple[Layer, ...]:
    """The layers that a page of this scheme can mark."""
    offered = {"mentions": schema.entities, "events": schema.events, "stances": schema.stances.labels}
    return tuple(layer for layer in LAYERS if offered[layer])


def to_task(
    article: Article,
    schema: Schema,
    *,
    annotators_as: Literal["annotations", "predictions"] | None = None,
    layers: Iterable[Layer] | None = None,
    user_of: Mapping[str, int | str] | None = None,
) -> Json:
    """The article as a task to import.

    annotators_as: whether its annotations are uploaded, and as what; skipped ones are no predictions.
    layers: what annotators are asked for on the page; all that the scheme has where None.
    user_of: annotator -> id or e-mail address of an account; annotations of others belong to whoever uploads.
    Raises RecordError where the scheme lacks a label of an annotation that is uploaded, or where a text cannot be stored.
    """
    data = article.model_dump(mode="json", exclude_unset=True, exclude={"annotations"})
    desk: Json = {"layers": list(layers_of(schema) if layers is None else layers)}
    if DESK in data:
        desk["field"] = data[DESK]
    if not isinstance(data.get("title"), str):  # the page's heading needs one
        desk["title"] = data.get("title", False)
        data["title"] = ""
    uploaded = [] if annotators_as is None else list(in_order(article).annotations)
    task: Json = {"data": data | {DESK: desk}}
    if annotators_as == "predictions":
        uploaded = [annotation for annotation in uploaded if not annotation.is_skipped]
        task["predictions"] = [{"model_version": a.annotator, "result": to_rows(a, article.text, schema)} for a in uploaded]
    elif annotators_as == "annotations":
        task["annotations"] = [
            _to_annotation(a, number, article.text, schema, user_of or {}) for number, a in enumerate(uploaded, 1)
        ]
    if uploaded:
        desk[str(annotators_as)] = [_head(annotation) for annotation in uploaded]
    _refuse_unstorable(task, f"article '{article.id}'")
    return task


def _to_annotation(annotation: Annotation, number: int, text: str, schema: Schema, user_of: Mapping[str, int | str]) -> Json:
    """number: comes back as `import_id`, by which the annotation finds its head again."""
    made: Json = {
        "id": number,
        "result": to_rows(annotation, text, schema),
        "was_cancelled": annotation.is_skipped,
        "ground_truth": annotation.annotator == GOLD,
    }
    user = user_of.get(annotation.annotator)
    if user is not None:
        made["completed_by"] = {"email": user} if isinstance(user, str) else user
    return made


def _head(annotation: Annotation) -> Json:
    """What an annotation says beside its marks: whose it is, which layers it has, meta, unknown fields."""
    layers = [layer for layer in LAYERS if getattr(annotation, layer) is not None]
    fields = annotation.model_dump(mode="json", exclude_unset=True, exclude={"annotator", *LAYERS})
    return {"annotator": annotation.annotator, "layers": layers, "fields": fields}


def in_order(article: Article) -> Article:
    """The article with its annotations, marks and links in the order in which tasks bring them back."""
    annotations = sorted(map(sort_marks, article.annotations), key=lambda a: a.annotator)
    return article.model_copy(update={"annotations": tuple(annotations)}) if annotations else article


def _refuse_unstorable(content: Any, place: str) -> None:  # Any: JSON
    """Stops before one text breaks every export of a project."""
    if isinstance(content, str):
        if "\0" in content or any("\ud800" <= c <= "\udfff" for c in content):
            raise RecordError(
                place, f"{content[:30]!r} has a NUL or half a character", "remove it: Label Studio cannot hold it"
            )
    elif isinstance(content, dict):
        for key, value in content.items():
            _refuse_unstorable(key, place)
            _refuse_unstorable(value, place)
    elif isinstance(content, list | tuple):
        for value in content:
            _refuse_unstorable(value, place)


def from_task(
    task: Mapping[str, Any],  # Any: Label Studio's JSON
    schema: Schema,
    ledger: Ledger,
    annotator_of: AnnotatorOf,
    *,
    with_predictions: bool = False,
) -> Article:
    """The article of a task that `to_task` made, with the annotations that are in it now.

    Each row of each annotation makes one entry in the ledger, and so does each annotation and each draft. Of two
    annotations by one annotator the later one counts. An event without a value for an attribute gets the scheme's
    default: choosing nothing is how the page says it.
    annotator_of: is asked for each account that made an annotation; one that was uploaded keeps its annotator's name.
    Raises RecordError when the task is not one of ours.
    """
    place = f"task {task.get('id', '?')}"
    article, desk = _article_of(task, place)
    found = [_Found.of_annotation(raw, desk, annotator_of) for raw in _dicts(task.get("annotations"))]
    if with_predictions:
        found += [_Found.of_prediction(raw, desk) for raw in _dicts(task.get("predictions"))]
    latest = {one.annotator: one for one in sorted(found, key=lambda one: one.age)}
    annotations = []
    for one in found:
        rows = parse_rows(one.result, schema)
        if latest[one.annotator] is not one:
            drop_rows(rows, "belongs to an older annotation of the same annotator")
            _settle(one, article.id, ledger, "dropped", "the same annotator made a later one")
        else:
            annotations.append(_read(one, rows, article, schema, desk, ledger))
        enter_rows(rows, article.id, one.annotator, ledger)
    for draft in task.get("drafts") or ():
        mark = f"draft {draft.get('id') if isinstance(draft, Mapping) else draft}"
        ledger.add(Entry(article.id, "", "annotation", mark, "dropped", "a draft that was never submitted"))
    annotations.sort(key=lambda a: a.annotator)
    return in_order(article.model_copy(update={"annotations": tuple(annotations)})) if annotations else article


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """An annotation or prediction of a task. head: what was said of it when it was uploaded, if it was."""

    annotator: str
    name: str
    result: list[object]
    head: Json | None
    is_skipped: bool
    is_prediction: bool
    changed_by: str | None
    age: tuple[str, int]

    @classmethod
    def of_annotation(cls, raw: Mapping[str, Any], desk: Json, annotator_of: AnnotatorOf) -> Self:
        maker, changer = _user(raw.get("completed_by")), _user(raw.get("updated_by"))
        heads, number = _dicts(desk.get("annotations")), raw.get("import_id")
        head = heads[number - 1] if isinstance(number, int) and 0 < number <= len(heads) else None
        annotator = annotator_of(maker) if head is None else str(head["annotator"])
        if head is None:
            head = next((h for h in heads if h["annotator"] == annotator), None)
        return cls(
            annotator,
            f"annotation {raw.get('id', '?')}",
            list(raw.get("result") or ()),
            head,
            is_skipped=bool(raw.get("was_cancelled")),
            is_prediction=False,
            changed_by=None if changer in (None, maker) else annotator_of(changer),
            age=age_of(raw),
        )

    @classmethod
    def of_prediction(cls, raw: Mapping[str, Any], desk: Json) -> Self:
        annotator = str(raw.get("model_version"))
        head = next((h for h in _dicts(desk.get("predictions")) if h["annotator"] == annotator), None)
        name, result = f"prediction {raw.get('id', '?')}", list(raw.get("result") or ())
        return cls(annotator, name, result, head, is_skipped=False, is_prediction=True, changed_by=None, age=age_of(raw))


def _read(found: _Found, rows: list[Row], article: Article, schema: Schema, desk: Json, ledger: Ledger) -> Annotation:
    """The annotation, with its own entry in the ledger."""
    head: Json = found.head or {"layers": desk.get("layers", layers_of(schema)), "fields": {}}
    fields = dict(head["fields"])
    if found.is_skipped:
        drop_rows(rows, "the article was skipped")
        fields["meta"] = dict(fields.get("meta") or {}) | {"skipped": True}
        annotation = Annotation(annotator=found.annotator)
    else:
        if isinstance(fields.get("meta"), dict) and fields["meta"].pop("skipped", None) and not fields["meta"]:
            del fields["meta"]  # was uploaded as skipped, and somebody has annotated it since
        keep_scores = found.head is not None or found.is_prediction
        annotation = from_rows(
            rows,
            article.text,
            schema,
            found.annotator,
            layers=head["layers"],
            whole_words=has_spaced_words(schema),
            keep_scores=keep_scores,
        )
    remark = "skipped" if found.is_skipped else ""
    if found.changed_by is not None:
        fields["meta"] = dict(fields.get("meta") or {}) | {"changed_by": found.changed_by}
        remark = f"was changed by '{found.changed_by}' after it was submitted"
    _settle(found, article.id, ledger, "kept", remark)
    plain = annotation.model_dump(exclude_unset=True) | fields
    return Annotation.model_validate(plain)


def _settle(found: _Found, article: str, ledger: Ledger, outcome: Outcome, reason: str) -> None:
    ledger.add(Entry(article, found.annotator, "annotation", found.name, outcome, reason))


def _article_of(task: Mapping[str, Any], place: str) -> tuple[Article, Json]:  # Any: Label Studio's JSON
    """The article as it was before it became a task, and what the task's data says beside it."""
    data = task.get("data")
    desk = data.get(DESK) if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(desk, dict):
        raise RecordError(place, "was not made by copydesk push", "push the article, or read the export with copydesk import")
    plain = {key: value for key, value in data.items() if key != DESK}
    if "field" in desk:
        plain[DESK] = desk["field"]
    if "title" in desk:
        del plain["title"]
        if desk["title"] is not False:
            plain["title"] = desk["title"]
    article = parse_article(json.dumps(plain).encode(), place)
    if isinstance(article, RecordError):
        raise article
    return article, desk


def _dicts(found: object) -> list[Json]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _user(user: object) -> int | None:
    """An account's id, of the id or of the account."""
    found = user.get("id") if isinstance(user, Mapping) else user
    return found if isinstance(found, int) else None


def age_of(raw: Mapping[str, Any]) -> tuple[str, int]:  # Any: Label Studio's JSON
    """A key that sorts annotations by when they were last changed."""
    number = raw.get("id")
    return str(raw.get("updated_at") or raw.get("created_at") or ""), number if isinstance(number, int) else 0
