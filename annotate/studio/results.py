"""The result of one annotation, rows of JSON, and the annotation in the records that it stands for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..records import Annotation, Argument, Event, Layer, Mention, Stance
from ..schema import Schema
from ..words import mended
from .interface import ARTICLE_STANCE, ENTITY, EVENT, TEXT, attribute_controls
from .regions import MANUAL, Item, ItemKind, Row, decode_id, encode_id, read_choices, read_regions
from .relations import Link, RoleLink, StanceLink, read_relations

Json = dict[str, Any]  # Any: Label Studio's JSON

DESK = "copydesk"  # where a region's meta and a task's data keep what the page has no place for


def to_rows(annotation: Annotation, text: str, schema: Schema) -> list[Json]:
    """The annotation's marks as rows of a result: regions, choices on them, relations between them.

    What a row has no place for (scores of arguments, unknown fields) travels in `meta` of the region it belongs to.
    """
    controls = {name: control for control, name in attribute_controls(schema).items()}
    extras: dict[str, Json] = {}
    rows: list[Json] = []
    relations: dict[tuple[str, str], list[str]] = {}
    chosen: list[tuple[str, str, str]] = []  # region, control, value
    for event in annotation.events or ():
        known = {name: value for name, value in event.attributes.items() if name in controls}
        chosen += ((event.id, controls[name], value) for name, value in known.items())
        _add_extras(extras, event.id, "attributes", {k: v for k, v in event.attributes.items() if k not in controls})
        for argument in event.arguments:
            relations.setdefault((event.id, argument.mention), []).append(argument.role)
            _add_link_extras(extras, event.id, argument, {"role": argument.role, "mention": argument.mention})
    for stance in annotation.stances or ():
        if stance.holder is None:
            chosen.append((stance.target, ARTICLE_STANCE, stance.label))
        else:
            relations.setdefault((stance.holder, stance.target), []).append(stance.label)
        _add_link_extras(
            extras, stance.holder or stance.target, stance, stance.model_dump(include={"holder", "target", "label"})
        )
    regions = {}
    for control, items in ((ENTITY, annotation.mentions), (EVENT, annotation.events)):
        for item in items or ():
            regions[item.id] = _region_row(item, control, text, extras.get(item.id, {}))
    rows += regions.values()
    rows += (_choice_row(regions[region], control, value) for region, control, value in chosen)
    rows += (
        {"type": "relation", "from_id": encode_id(a), "to_id": encode_id(b), "direction": "right", "labels": labels}
        for (a, b), labels in relations.items()
    )
    return rows


def _add_extras(extras: dict[str, Json], region: str, key: str, content: Any) -> None:  # Any: JSON
    if content:
        extras.setdefault(region, {})[key] = content


def _add_link_extras(extras: dict[str, Json], region: str, link: Argument | Stance, key: Json) -> None:
    beside = link.model_dump(mode="json", exclude_unset=True, exclude=set(key))
    if beside:
        extras.setdefault(region, {}).setdefault("links", []).append([key, beside])


def _region_row(item: Mention | Event, control: str, text: str, extras: Json) -> Json:
    value = {"start": item.start, "end": item.end, "text": text[item.start : item.end], "labels": [item.label]}
    row: Json = {"id": encode_id(item.id), "from_name": control, "to_name": TEXT, "type": "labels", "value": value}
    row["origin"] = "prediction"  # a mark that is changed on the page becomes prediction-changed
    fields = item.model_dump(
        mode="json",
        exclude_unset=True,
        exclude={"id", "start", "end", "label", "score", "arguments", "attributes"},
    )
    if fields:
        extras = extras | {"fields": fields}
    if mended(text, item.start, item.end) != (item.start, item.end):
        extras = extras | {"exact": [item.start, item.end]}  # not to be mended when something else of it is changed
    if extras:
        row["meta"] = {DESK: extras}
    if item.score is not None:
        row["score"] = item.score
    return row


def _choice_row(region: Json, control: str, choice: str) -> Json:
    value = {key: region["value"][key] for key in ("start", "end", "text")} | {"choices": [choice]}
    return region | {"from_name": control, "type": "choices", "value": value}


def parse_rows(result: Iterable[object], schema: Schema) -> list[Row]:
    """The rows of a result that the scheme's own page made, not yet checked against text and scheme."""
    return [
        _parse_row(row, schema) if isinstance(row, Mapping) else Row("other", "", faults=["is no row of a result"])
        for row in result
    ]


def _parse_row(plain: Mapping[str, Any], schema: Schema) -> Row:  # Any: Label Studio's JSON
    kind = plain.get("type")
    if kind == "relation":
        return relation_row(plain, decode=decode_id)
    region, control = decode_id(str(plain.get("id", ""))), plain.get("from_name")
    value = plain.get("value")
    if not isinstance(value, Mapping):
        return Row("other", region, faults=["has no value"])
    if kind == "choices":
        return _parse_choice(region, str(control), value, schema)
    if "labels" not in value and kind != "labels":
        return Row("other", region, faults=[f"is a {kind!r}, for which records have no place"])
    row = region_row(plain, region)
    if control not in (ENTITY, EVENT):
        row.faults.append(f"the page has no control {control!r}")
    if row.faults:
        return row
    row.extras = extras_of(plain)
    row.is_manual = row.is_manual and row.extras.get("exact") != [row.start, row.end]
    for label in dict.fromkeys(names_in(value.get("labels"))):
        kinds = _kinds_of(label, str(control), schema)
        if kinds:
            row.labels.append((kinds, label))
            if control != (ENTITY if kinds == ("mention",) else EVENT):
                row.notes.append(f"{label!r} is a label of the other control: taken as that")
        else:
            row.faults.append(f"{label!r} is no label of the scheme")
    if not row.labels and not row.faults:
        row.faults.append("has no label")
    return row


def _kinds_of(label: str, control: str, schema: Schema) -> tuple[ItemKind, ...]:
    tables: list[tuple[ItemKind, dict[str, str]]] = [("mention", schema.entities), ("event", schema.events)]
    for kind, table in tables if control == ENTITY else reversed(tables):
        if label in table:
            return (kind,)
    return ()


def region_row(plain: Mapping[str, Any], region: str) -> Row:  # Any: Label Studio's JSON
    """A region with its offsets and origin; labels are the caller's."""
    value = plain["value"]
    row = Row("region", region, region=region, is_manual=plain.get("origin") in MANUAL)
    start, end = _whole_number(value.get("start")), _whole_number(value.get("end"))
    if start is None or end is None:
        row.faults.append("has no offsets in a plain text")
    else:
        row.start, row.end = start, end
    score = plain.get("score")
    row.score = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
    return row


def relation_row(plain: Mapping[str, Any], *, decode: Callable[[str], str] = str) -> Row:  # Any: Label Studio's JSON
    ends = [decode(str(plain.get(end, ""))) for end in ("from_id", "to_id")]
    return Row(
        "relation",
        f"{ends[0]} -> {ends[1]}",
        region=ends[0],
        target=ends[1],
        direction=str(plain.get("direction", "right")),
        names=names_in(plain.get("labels")),
    )


def names_in(names: object) -> list[str]:
    """The strings of a list, of whatever was found in its place."""
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _whole_number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _parse_choice(region: str, control: str, value: Mapping[str, Any], schema: Schema) -> Row:  # Any: Label Studio's JSON
    row = Row("choice", f"{control} on {region}", region=region, names=names_in(value.get("choices")))
    row.control = attribute_controls(schema).get(control)
    if row.control is None and control != ARTICLE_STANCE:
        row.faults.append(f"the page has no control {control!r}")
    return row


def extras_of(plain: Mapping[str, Any]) -> Json:  # Any: Label Studio's JSON
    """What an upload put beside a region, and the annotator's note on it (Alt+M)."""
    meta = plain.get("meta")
    if not isinstance(meta, Mapping):
        return {}
    extras = dict(meta[DESK]) if isinstance(meta.get(DESK), Mapping) else {}
    note = meta.get("text")
    if note:
        fields = dict(extras.get("fields") or {})
        words = "\n".join(names_in(note)) if isinstance(note, list) else str(note)
        extras["fields"] = fields | {"meta": dict(fields.get("meta") or {}) | {"note": words}}
    return extras


def from_rows(
    rows: Sequence[Row],
    text: str,
    schema: Schema,
    annotator: str,
    *,
    layers: Iterable[Layer],
    whole_words: bool,
    keep_scores: bool = True,
) -> Annotation:
    """The annotation that the rows stand for; each row says afterwards what became of it.

    layers: those that the annotator was asked for; a layer with a mark is there in any case.
    whole_words: whether half words that were marked by hand are grown.
    keep_scores: off for marks that a person took over from a model: they are the person's now.
    """
    items = read_regions(rows, text, whole_words=whole_words)
    read_choices(rows, items, schema)
    links = read_relations(rows, items, schema)
    made = {item.id: item for found in items.values() for item in found}
    mentions = [_mention(item, keep_scores) for item in made.values() if item.kind == "mention"]
    beside = _beside_links(made.values(), keep_scores)
    events = [_event(item, links, beside, schema, keep_scores) for item in made.values() if item.kind == "event"]
    stances = [
        Stance(holder=k.holder, target=k.target, label=k.label, **beside.get(k, {})) for k in links if isinstance(k, StanceLink)
    ]
    found: dict[Layer, Sequence[Mention | Event | Stance]] = {"mentions": mentions, "events": events, "stances": stances}
    wanted = set(layers)
    return Annotation.model_validate(
        {"annotator": annotator} | {layer: tuple(marks) for layer, marks in found.items() if marks or layer in wanted}
    )


def _mention(item: Item, keep_scores: bool) -> Mention:
    return Mention(id=item.id, start=item.start, end=item.end, label=item.label, **_fields(item, keep_scores))


def _event(item: Item, links: Iterable[Link], beside: Mapping[Link, Json], schema: Schema, keep_scores: bool) -> Event:
    arguments = tuple(
        Argument(role=k.role, mention=k.mention, **beside.get(k, {}))
        for k in links
        if isinstance(k, RoleLink) and k.event == item.id
    )
    attributes = schema.default_attributes | item.attributes | item.extras.get("attributes", {})
    fields = _fields(item, keep_scores)
    if arguments:
        fields["arguments"] = arguments
    if attributes:
        fields["attributes"] = attributes
    return Event(id=item.id, start=item.start, end=item.end, label=item.label, **fields)


def _fields(item: Item, keep_scores: bool) -> Json:
    score = {"score": item.score} if item.score is not None and keep_scores else {}
    return dict(item.extras.get("fields") or {}) | score


def _beside_links(items: Iterable[Item], keep_scores: bool) -> dict[Link, Json]:
    """Score, meta and unknown fields of arguments and stances, as they travelled beside the region they start from."""
    beside: dict[Link, Json] = {}
    for item in items:
        for key, fields in item.extras.get("links", ()):
            link = RoleLink(item.id, key["mention"], key["role"]) if "role" in key else StanceLink(**key)
            beside[link] = {name: value for name, value in fields.items() if keep_scores or name != "score"}
    return beside
