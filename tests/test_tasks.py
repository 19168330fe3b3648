"""Articles survive the way to Label Studio and back; what the page can do wrong is kept, repaired or dropped with a reason."""

import json
import string
from typing import Any

import pytest
from conftest import gold_article
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import RecordError
from annotate.records import Annotation, Argument, Article, Event, Layer, Mention, Stance, integrity_faults
from annotate.schema import Schema, read_schema, to_schema
from annotate.studio.ledger import Entry, Ledger
from annotate.studio.regions import decode_id, encode_id
from annotate.studio.tasks import from_task, in_order, to_task

Json = dict[str, Any]
SCHEMA = read_schema()
PIECES = (
    "Anna ",
    "naïve",
    "e\u0301tat",
    "🕊",
    "👩‍🚒",
    "🇫🇷",
    "\r\n",
    "\n\n",
    "\t",
    "\xa0",
    "O’Neil-Smith ",
    "北京市",
    "U.S.",
    "  ",
    "\\n",
    "<b>",
)


# --- the identity -------------------------------------------------------------------------------------------------


@st.composite
def ranges(draw: st.DrawFn, n_chars: int) -> tuple[int, int]:
    start = draw(st.integers(0, n_chars - 1))
    return start, draw(st.integers(start + 1, n_chars))


ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4) | st.sampled_from(
    ["m1", "a#b", "a_x23_b", "_x", "_#x5f_", "é", "x-2"]
)
scores = st.none() | st.floats(0, 1)
fields = st.dictionaries(
    st.sampled_from(["note_by", "colour_of", "ünknown"]), st.none() | st.integers() | st.text("ab", max_size=2)
)
metas = st.none() | st.dictionaries(st.sampled_from(["note", "text", "skip_reason"]), st.text("ab") | st.lists(st.integers()))


def beside(draw: st.DrawFn, *, score: bool = True) -> Json:
    found = dict(draw(fields))
    for name, value in {"meta": draw(metas), "score": draw(scores) if score else None}.items():
        if value is not None:
            found[name] = value
    return found


@st.composite
def annotations(draw: st.DrawFn, text: str, annotator: str) -> Annotation:
    if draw(st.integers(0, 9)) == 0:
        return Annotation(annotator=annotator, meta={"skipped": True})
    present = draw(st.sets(st.sampled_from(["mentions", "events", "stances"])))
    names = draw(st.lists(ids, unique=True, max_size=8))
    n_mentions = draw(st.integers(0, len(names))) if "mentions" in present else 0
    n_events = len(names) - n_mentions if "events" in present else 0
    mentions, events, stances = [], [], []
    for name in names[:n_mentions]:
        start, end = draw(ranges(len(text)))
        label = draw(st.sampled_from([*SCHEMA.entities]))
        mentions.append(Mention(id=name, start=start, end=end, label=label, **beside(draw)))
    for name in names[n_mentions : n_mentions + n_events]:
        start, end = draw(ranges(len(text)))
        label = draw(st.sampled_from([*SCHEMA.events]))
        possible = [(r, m.id) for m in mentions for r in SCHEMA.roles_between(label, m.label)]
        chosen = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
        arguments = tuple(Argument(role=r, mention=m, **beside(draw)) for r, m in chosen)
        modality = draw(st.sampled_from([*SCHEMA.attributes["modality"].values]))
        events.append(
            Event(
                id=name,
                start=start,
                end=end,
                label=label,
                arguments=arguments,
                attributes={"modality": modality},
                **beside(draw),
            )
        )
    if "stances" in present:
        holders = [None, *(m.id for m in mentions if SCHEMA.can_hold_stance(m.label))]
        targets = [i.id for i in (*mentions, *events) if SCHEMA.can_be_target(i.label)]
        pairs = [(h, t) for h in holders for t in targets]
        for holder, target in draw(st.lists(st.sampled_from(pairs), unique=True, max_size=6)) if pairs else []:
            stances.append(
                Stance(holder=holder, target=target, label=draw(st.sampled_from(["FAVOR", "AGAINST"])), **beside(draw))
            )
    layers: Json = {"mentions": tuple(mentions), "events": tuple(events), "stances": tuple(stances)}
    return Annotation(annotator=annotator, **{k: v for k, v in layers.items() if k in present}, **beside(draw, score=False))


@st.composite
def articles(draw: st.DrawFn) -> Article:
    text = "".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12))) + "."
    known = draw(
        st.fixed_dictionaries(
            {}, optional={k: st.none() | st.text("ab é🕊", max_size=4) for k in ("title", "outlet", "url", "story", "language")}
        )
    )
    unknown = draw(
        st.dictionaries(st.sampled_from(["layers", "copydesk", "project", "data"]), st.lists(st.integers(), max_size=2))
    )
    people = draw(st.lists(st.sampled_from(["gold", "anna", "ben", "model:m@1"]), unique=True, max_size=3))
    made = tuple(draw(annotations(text, person)) for person in people)
    article = Article(id=draw(ids), text=text, annotations=made, **known, **unknown)
    assert not list(integrity_faults(article)) or not article.id.strip()
    return article


def through_server(task: Json) -> Json:
    """What the server makes of an import: JSON, numbers of its own, `import_id`."""
    task = json.loads(json.dumps(task))
    for number, annotation in enumerate(task.get("annotations", ()), 100):
        annotation |= {"import_id": annotation["id"], "id": number, "completed_by": 1, "updated_by": None}
    return task | {"id": 7}


@settings(max_examples=300, deadline=None)
@given(articles())
def test_records_to_tasks_to_records_is_the_identity(article: Article) -> None:
    ledger = Ledger()
    task = through_server(to_task(article, SCHEMA, annotators_as="annotations"))
    back = from_task(task, SCHEMA, ledger, str)
    assert back == in_order(article)
    assert back.model_fields_set == in_order(article).model_fields_set or not article.annotations
    assert {entry.outcome for entry in ledger.entries} <= {"kept"}
    assert len(ledger.entries) == sum(1 + len(a["result"]) for a in task["annotations"])


@settings(max_examples=100, deadline=None)
@given(articles())
def test_predictions_come_back_too(article: Article) -> None:
    ledger = Ledger()
    task = through_server(to_task(article, SCHEMA, annotators_as="predictions"))
    kept = tuple(a for a in article.annotations if not a.is_skipped)
    expected = in_order(article.model_copy(update={"annotations": kept}))
    assert from_task(task, SCHEMA, ledger, str, with_predictions=True) == expected
    assert from_task(task, SCHEMA, ledger, str).annotations == ()


@given(ids)
def test_ids_on_the_page_have_plain_characters_only(item_id: str) -> None:
    assert set(encode_id(item_id)) <= set(string.ascii_letters + string.digits + "_-")
    assert decode_id(encode_id(item_id)) == item_id


@pytest.mark.parametrize("page_id", ["a_x0_b", "_x110000_", "_xd800_", "_x0041_", "V1StGXR8_Z"])
def test_id_that_the_page_made_stays(page_id: str) -> None:
    assert decode_id(page_id) == page_id


# --- one entry for every row, whatever the rows are -----------------------------------------------------------------

labels = st.sampled_from(["GPE", "DATE", "ACCUSE", "CONSULT", "ALIEN"])
names = st.sampled_from(["ACTOR", "RECIPIENT", "DATE", "FAVOR", "AGAINST", "ALIEN"])
marks = st.sampled_from(["a", "b", "c", "d"])
offsets = st.integers(-2, 30) | st.sampled_from(["4", 2.0, 2.5, None, True])
origins = st.sampled_from(["manual", "prediction", "prediction-changed"])
region_rows = st.fixed_dictionaries(
    {
        "id": marks,
        "type": st.just("labels"),
        "from_name": st.sampled_from(["entity", "event", "other"]),
        "value": st.fixed_dictionaries({"start": offsets, "end": offsets, "labels": st.lists(labels, max_size=3)}),
    },
    optional={"origin": origins, "score": st.floats(0, 1), "meta": st.just({"text": ["a note"]})},
)
choice_rows = st.fixed_dictionaries(
    {
        "id": marks,
        "type": st.just("choices"),
        "from_name": st.sampled_from(["modality", "article_stance", "other"]),
        "value": st.fixed_dictionaries(
            {"choices": st.lists(st.sampled_from(["PLANNED", "FAVOR", "AGAINST", "X"]), max_size=2)}
        ),
    }
)
relation_rows = st.fixed_dictionaries(
    {"type": st.just("relation"), "from_id": marks, "to_id": marks},
    optional={"direction": st.sampled_from(["left", "right", "bi"]), "labels": st.lists(names, max_size=3)},
)
odd_rows = st.sampled_from([None, 3, {}, {"type": "textarea", "id": "a", "value": {"text": ["x"]}}, {"type": "choices"}])


@settings(max_examples=300, deadline=None)
@given(st.lists(region_rows, max_size=6), st.lists(choice_rows | relation_rows | odd_rows, max_size=8), st.randoms())
def test_every_row_makes_one_entry_and_sound_records(regions: list[Any], others: list[Any], random: Any) -> None:
    rows = [*regions, *others]
    random.shuffle(rows)
    back, ledger = pulled(rows)
    assert len(ledger.entries) == len(rows) + 1
    assert all(entry.reason for entry in ledger.entries if entry.outcome != "kept")
    assert not list(integrity_faults(back))
    again = from_task(through_server(to_task(back, SCHEMA, annotators_as="annotations")), SCHEMA, Ledger(), str)
    assert again == back


# --- what the page can do, case by case -----------------------------------------------------------------------------

TEXT = gold_article("x").text  # Tehran accused Washington of bad faith before Friday’s planned talks. 🕊 Paris hosts them.


def pulled(rows: list[Any], *, schema: Schema = SCHEMA, **annotation: Any) -> tuple[Article, Ledger]:
    """The article that comes back with these rows as one person's annotation, made on the page."""
    task = through_server(to_task(gold_article("x"), schema))
    task["annotations"] = [{"id": 5, "result": rows, "completed_by": 3, "updated_by": 3} | annotation]
    ledger = Ledger()
    return from_task(task, schema, ledger, {3: "anna", 4: "ben"}.get), ledger  # type: ignore[arg-type]


def region(words: str, label: str, region_id: str = "", *, control: str = "", origin: str = "manual", **value: Any) -> Json:
    start = TEXT.index(words)
    control = control or ("event" if label in SCHEMA.events else "entity")
    value = {"start": start, "end": start + len(words), "text": "never used", "labels": [label]} | value
    return {"id": region_id or label.lower(), "from_name": control, "to_name": "text", "type": "labels", "origin": origin} | {
        "value": value
    }


def relation(source: str, target: str, *names: str, **more: Any) -> Json:
    return (
        {"type": "relation", "from_id": source, "to_id": target, "direction": "right"}
        | ({"labels": list(names)} if names else {})
        | more
    )


def choice(control: str, region_id: str, *values: str) -> Json:
    return {"id": region_id, "from_name": control, "type": "choices", "value": {"start": 0, "end": 1, "choices": list(values)}}


def last(ledger: Ledger) -> Entry:
    return ledger.entries[-1]


def only(article: Article) -> Annotation:
    (annotation,) = article.annotations
    return annotation


TEHRAN, WASHINGTON, ACCUSED = region("Tehran", "GPE", "t"), region("Washington", "GPE", "w"), region("accused", "ACCUSE", "e")
FRIDAY = region("Friday", "DATE", "f")


@pytest.mark.parametrize(
    ("row", "expected", "outcome", "reason"),
    [
        (region("Tehran", "GPE"), "Tehran", "kept", ""),
        (region("Tehran ", "GPE"), "Tehran", "repaired", "whitespace"),
        (region("ehran accu", "GPE"), "Tehran accused", "repaired", "whole word"),
        (region("ehran", "GPE", origin="prediction"), "ehran", "kept", ""),
        (region("ehran", "GPE", origin="prediction-changed"), "Tehran", "repaired", "whole word"),
        (region("Paris", "GPE", end=999), "Paris hosts them.", "repaired", "beyond the text"),
        (region("Tehran", "GPE", start=-3), "Tehran", "repaired", "beyond the text"),
        (region("Tehran", "GPE", start="0", end=6.0), "Tehran", "kept", ""),
        (region("Tehran", "GPE", start=6, end=6), None, "dropped", "is empty"),
        (region("Tehran", "GPE", start=6, end=2), None, "dropped", "is empty"),
        (region("Tehran", "GPE", start=500, end=999), None, "dropped", "outside the text"),
        (region("Tehran", "GPE", start=6, end=7), None, "dropped", "only whitespace"),
        (region("Tehran", "GPE", start=None), None, "dropped", "no offsets"),
        (region("Tehran", "ALIEN"), None, "dropped", "'ALIEN' is no label of the scheme"),
        (region("Tehran", "GPE", labels=[]), None, "dropped", "has no label"),
        (region("Tehran", "GPE", control="event"), "Tehran", "repaired", "other control"),
        (region("Tehran", "GPE", control="alien"), None, "dropped", "no control 'alien'"),
        (region("Tehran", "GPE", labels=["ALIEN", "GPE"]), "Tehran", "repaired", "a part was dropped"),
    ],
)  # fmt: skip
def test_region(row: Json, expected: str | None, outcome: str, reason: str) -> None:
    article, ledger = pulled([row])
    mentions = only(article).mentions or ()
    assert [TEXT[m.start : m.end] for m in mentions] == ([] if expected is None else [expected])
    assert last(ledger).outcome == outcome and reason in last(ledger).reason and bool(reason) == bool(last(ledger).reason)


def test_half_words_stay_where_words_are_not_spaced() -> None:
    schema = SCHEMA.model_copy(update={"language": "zh"})
    article, _ = pulled([region("ehran", "GPE")], schema=schema)
    assert [TEXT[m.start : m.end] for m in only(article).mentions or ()] == ["ehran"]


def test_region_labelled_in_two_controls_is_a_mention_and_an_event() -> None:
    article, ledger = pulled(
        [region("talks", "CONSULT", "x"), region("talks", "EVENT", "x"), choice("modality", "x", "PLANNED")]
    )
    annotation = only(article)
    assert [(m.id, m.label) for m in annotation.mentions or ()] == [("x", "EVENT")]
    assert [(e.id, e.label, e.attributes) for e in annotation.events or ()] == [("x-2", "CONSULT", {"modality": "PLANNED"})]
    assert [e.outcome for e in ledger.entries] == ["kept", "repaired", "repaired", "kept"]


def test_relations_of_a_region_in_two_controls_go_to_what_fits() -> None:
    rows = [region("talks", "CONSULT", "x"), region("talks", "EVENT", "x"), TEHRAN]
    article, _ = pulled([*rows, relation("x", "t", "ACTOR"), relation("t", "x", "FAVOR")])
    annotation = only(article)
    assert [(a.role, a.mention) for a in (annotation.events or ())[0].arguments] == [("ACTOR", "t")]
    assert [(s.holder, s.target) for s in annotation.stances or ()] == [("t", "x")]


def test_two_labels_in_one_region_become_two_mentions() -> None:
    article, ledger = pulled([region("Tehran", "GPE", "t", labels=["GPE", "ORG"])])
    assert {(m.id, m.label) for m in only(article).mentions or ()} == {("t", "GPE"), ("t-2", "ORG")}
    assert last(ledger).outcome == "repaired"


@pytest.mark.parametrize("words", ["ehran", "Tehran "])
def test_uploaded_mark_keeps_its_range_when_a_choice_on_it_is_changed(words: str) -> None:
    start = TEXT.index(words)
    marked = Event(id="e", start=start, end=start + len(words), label="CONSULT", attributes={"modality": "PLANNED"})
    article = gold_article("x").model_copy(update={"annotations": (Annotation(annotator="gold", events=(marked,)),)})
    task = through_server(to_task(article, SCHEMA, annotators_as="annotations"))
    for row in task["annotations"][0]["result"]:
        row["origin"] = "prediction-changed"
    assert from_task(task, SCHEMA, Ledger(), str) == article


def test_regions_without_ids_get_their_own() -> None:
    rows = [region(words, "GPE", "-") | {"id": ""} for words in ("Tehran", "Washington")] + [region("Paris", "GPE", "row-1")]
    article, ledger = pulled(rows)
    assert [m.id for m in only(article).mentions or ()] == ["row-2", "row-3", "row-1"]
    assert {e.outcome for e in ledger.entries} == {"kept"}


def test_same_mark_drawn_twice_is_joined_and_keeps_its_relations() -> None:
    again = region("Tehran", "GPE", "t2")
    article, ledger = pulled([TEHRAN, again, ACCUSED, relation("e", "t2", "ACTOR"), relation("e", "t", "ACTOR")])
    assert [m.id for m in only(article).mentions or ()] == ["t"]
    assert [(a.role, a.mention) for a in (only(article).events or ())[0].arguments] == [("ACTOR", "t")]
    assert [e.outcome for e in ledger.entries[1:]] == ["kept", "repaired", "kept", "kept", "dropped"]


@pytest.mark.parametrize(
    ("rows", "arguments", "stances", "outcome", "reason"),
    [
        ([relation("e", "t", "ACTOR")], [("ACTOR", "t")], [], "kept", ""),
        ([relation("e", "t", "ACTOR", "RECIPIENT")], [("ACTOR", "t"), ("RECIPIENT", "t")], [], "kept", ""),
        ([relation("t", "e", "ACTOR")], [("ACTOR", "t")], [], "repaired", "turned round"),
        ([relation("t", "e", "ACTOR", direction="left")], [("ACTOR", "t")], [], "kept", "points left"),
        ([relation("e", "t", "ACTOR", direction="bi")], [("ACTOR", "t")], [], "repaired", "both ends"),
        ([relation("e", "f")], [("DATE", "f")], [], "repaired", "has no name: DATE"),
        ([relation("f", "e")], [("DATE", "f")], [], "repaired", "has no name: DATE"),
        ([relation("e", "f", direction="left")], [("DATE", "f")], [], "repaired", "has no name: DATE"),
        ([relation("e", "t")], [], [], "dropped", "several would fit"),
        ([relation("t", "w")], [], [], "dropped", "several would fit"),
        ([relation("f", "w")], [], [], "dropped", "none fits"),
        ([relation("t", "t")], [], [], "dropped", "to itself"),
        ([relation("e", "t", "DATE")], [], [], "dropped", "DATE does not go from event ACCUSE to mention GPE"),
        ([relation("e", "t", "ACTOR", "DATE")], [("ACTOR", "t")], [], "repaired", "a part was dropped"),
        ([relation("e", "t", "ALIEN")], [], [], "dropped", "'ALIEN' is no role or stance"),
        ([relation("e", "gone", "ACTOR")], [], [], "dropped", "one of its ends"),
        ([relation("e", "t", "ACTOR"), relation("e", "t", "ACTOR")], [("ACTOR", "t")], [], "dropped", "is there twice"),
        ([relation("t", "w", "AGAINST")], [], [("t", "w", "AGAINST")], "kept", ""),
        ([relation("t", "e", "FAVOR")], [], [("t", "e", "FAVOR")], "kept", ""),
        ([relation("t", "w", "AGAINST", direction="left")], [], [("w", "t", "AGAINST")], "kept", "points left"),
        (
            [relation("t", "w", "AGAINST", direction="bi")],
            [],
            [("t", "w", "AGAINST"), ("w", "t", "AGAINST")],
            "repaired",
            "both ends",
        ),
        ([relation("e", "t", "FAVOR")], [], [], "dropped", "FAVOR does not go from event ACCUSE to mention GPE"),
        ([relation("f", "t", "FAVOR")], [], [], "dropped", "FAVOR does not go from mention DATE"),
        ([relation("t", "w", "AGAINST", "FAVOR")], [], [], "dropped", "AGAINST and FAVOR"),
        ([relation("t", "w", "AGAINST"), relation("t", "w", "FAVOR")], [], [], "dropped", "neither can be taken"),
        ([choice("article_stance", "w", "AGAINST")], [], [(None, "w", "AGAINST")], "kept", ""),
        ([choice("article_stance", "e", "FAVOR")], [], [(None, "e", "FAVOR")], "kept", ""),
        ([choice("article_stance", "f", "FAVOR")], [], [], "dropped", "no stance on mention DATE"),
        ([choice("article_stance", "w", "X")], [], [], "dropped", "'X' is no stance"),
        ([choice("article_stance", "w")], [], [], "dropped", "nothing is chosen"),
        ([choice("article_stance", "gone", "FAVOR")], [], [], "dropped", "region is gone"),
        ([choice("modality", "t", "PLANNED")], [], [], "dropped", "on a mention"),
        ([choice("modality", "gone", "PLANNED")], [], [], "dropped", "region is gone"),
        ([choice("modality", "e", "SOON")], [], [], "dropped", "'SOON' is no value"),
        ([choice("modality", "e", "ASSERTED"), choice("modality", "e", "PLANNED")], [], [], "dropped", "chosen twice"),
        ([choice("flags", "e", "X")], [], [], "dropped", "no control 'flags'"),
        ([{"type": "textarea", "id": "e", "value": {"text": ["a note"]}}], [], [], "dropped", "records have no place"),
    ],
)
def test_relations_and_choices(rows: list[Json], arguments: list[Any], stances: list[Any], outcome: str, reason: str) -> None:
    article, ledger = pulled([TEHRAN, WASHINGTON, FRIDAY, ACCUSED, *rows])
    annotation = only(article)
    assert [(a.role, a.mention) for a in (annotation.events or ())[0].arguments] == arguments
    assert [(s.holder, s.target, s.label) for s in annotation.stances or ()] == stances
    assert last(ledger).outcome == outcome and reason in last(ledger).reason and bool(reason) == bool(last(ledger).reason)


def test_event_without_a_choice_gets_the_default() -> None:
    article, _ = pulled([ACCUSED])
    assert (only(article).events or ())[0].attributes == {"modality": "ASSERTED"}


@pytest.mark.parametrize("layers", [("mentions",), ("mentions", "events"), ("mentions", "events", "stances")])
def test_layers_that_were_asked_for_are_empty_and_others_absent(layers: tuple[Layer, ...]) -> None:
    task = through_server(to_task(gold_article("x"), SCHEMA, layers=layers))
    task["annotations"] = [{"id": 5, "result": [], "completed_by": 3}]
    annotation = only(from_task(task, SCHEMA, Ledger(), lambda user: f"user-{user}"))
    assert [layer for layer in ("mentions", "events", "stances") if getattr(annotation, layer) == ()] == list(layers)
    assert [layer for layer in ("mentions", "events", "stances") if getattr(annotation, layer) is None] == [
        layer for layer in ("mentions", "events", "stances") if layer not in layers
    ]


def test_skipped_article_has_no_layers_and_says_so() -> None:
    article, ledger = pulled([TEHRAN], was_cancelled=True)
    assert only(article) == Annotation(annotator="anna", meta={"skipped": True})
    assert [(e.kind, e.outcome, e.reason) for e in ledger.entries] == [
        ("annotation", "kept", "skipped"),
        ("region", "dropped", "the article was skipped"),
    ]


def test_annotation_changed_by_somebody_else_says_so() -> None:
    article, ledger = pulled([TEHRAN], updated_by=4)
    assert only(article).annotator == "anna" and only(article).meta == {"changed_by": "ben"}
    assert "changed by 'ben'" in ledger.entries[0].reason


def test_later_annotation_of_one_annotator_counts() -> None:
    task = through_server(to_task(gold_article("x"), SCHEMA))
    old = {"id": 5, "result": [TEHRAN], "completed_by": {"id": 3, "email": "a@b.c"}, "updated_at": "2026-01-01T00:00:00Z"}
    new = {"id": 4, "result": [WASHINGTON], "completed_by": 3, "updated_at": "2026-01-02T00:00:00Z"}
    task["annotations"] = [old, new]
    ledger = Ledger()
    article = from_task(task, SCHEMA, ledger, str)
    assert [m.id for m in only(article).mentions or ()] == ["w"]
    assert [(e.kind, e.outcome) for e in ledger.entries] == [
        ("annotation", "dropped"),
        ("region", "dropped"),
        ("annotation", "kept"),
        ("region", "kept"),
    ]


def test_drafts_are_counted() -> None:
    task = through_server(to_task(gold_article("x"), SCHEMA)) | {"drafts": [11, {"id": 12, "result": [TEHRAN]}]}
    ledger = Ledger()
    assert from_task(task, SCHEMA, ledger, str).annotations == ()
    assert [(e.mark, e.outcome) for e in ledger.entries] == [("draft 11", "dropped"), ("draft 12", "dropped")]


def test_score_of_a_model_does_not_become_a_persons() -> None:
    row = region("Tehran", "GPE", "t", origin="prediction") | {"score": 0.5, "meta": {"text": ["sure?"]}}
    article, _ = pulled([row])
    assert only(article).mentions == (Mention(id="t", start=0, end=6, label="GPE", meta={"note": "sure?"}),)


def test_account_of_an_annotator_is_named_on_upload() -> None:
    article = gold_article("x", annotator="anna")
    task = to_task(article, SCHEMA, annotators_as="annotations", user_of={"anna": "anna@example.org"})
    assert task["annotations"][0]["completed_by"] == {"email": "anna@example.org"}
    assert "completed_by" not in to_task(article, SCHEMA, annotators_as="annotations")["annotations"][0]


@pytest.mark.parametrize("title", ["a\0b", "a\ud800b"])
def test_text_that_the_server_cannot_store_is_refused(title: str) -> None:
    article = gold_article("x").model_copy(update={"title": title})
    with pytest.raises(RecordError, match=r"article 'x': .* has a NUL or half a character; remove it"):
        to_task(article, SCHEMA)


@pytest.mark.parametrize("data", [None, {"text": "x"}, {"text": "x", "copydesk": 3}])
def test_task_that_is_not_ours_is_refused(data: Any) -> None:
    with pytest.raises(RecordError, match="task 9: was not made by copydesk push"):
        from_task({"id": 9, "data": data}, SCHEMA, Ledger(), str)


def test_label_with_spaces_and_quotes_survives() -> None:
    schema = to_schema({"name": "odd", "entities": {"a b's & c": "Odd."}, "events": {}}, "odd")
    mention = Mention(id="1", start=0, end=6, label="a b's & c")
    article = Article(id="x", text=TEXT, annotations=(Annotation(annotator="gold", mentions=(mention,)),))
    assert from_task(through_server(to_task(article, schema, annotators_as="annotations")), schema, Ledger(), str) == article
