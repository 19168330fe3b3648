"""Exports of other people's pages are read whole: every row ends in the ledger, and the scheme is drafted from what occurs."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import copydesk
from annotate.check import check_article
from annotate.errors import DataError
from annotate.records import Annotation, Article, read_records
from annotate.schema import Schema, read_schema, write_schema
from annotate.studio.exports import import_export, read_export
from annotate.studio.ledger import Ledger

Json = dict[str, Any]
BENCH = os.environ.get("COPYDESK_BENCH")
TEXT = "Anna runs Acme in Bonn."


def region(words: str, label: str, region_id: str, *, text: str = TEXT, kind: str = "labels", **more: Any) -> Json:
    start = text.index(words)
    value = {"start": start, "end": start + len(words), "text": words, kind: [label]}
    return {"id": region_id, "from_name": "ner", "to_name": "body", "type": kind, "origin": "manual", "value": value} | more


def relation(source: str, target: str, *names: str, direction: str = "right") -> Json:
    return {"type": "relation", "from_id": source, "to_id": target, "direction": direction, "labels": list(names)}


def task(*rows: Any, number: int = 1, data: Json | None = None, **annotation: Any) -> Json:
    return {"id": number, "data": data or {"body": TEXT}, "annotations": [{"id": 5, "result": list(rows)} | annotation]}


@pytest.fixture
def reading(tmp_path: Path) -> Callable[[Any], tuple[list[Article], Schema, Ledger]]:
    """Reads the given content as an export."""

    def read(content: Any) -> tuple[list[Article], Schema, Ledger]:
        path = tmp_path / "page.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        ledger = Ledger()
        return *read_export(path, ledger), ledger

    return read


def only(articles: list[Article]) -> Annotation:
    (article,) = articles
    (annotation,) = article.annotations
    return annotation


ANNA, ACME, BONN = region("Anna", "PER", "a"), region("Acme", "ORG", "o"), region("Bonn", "LOC", "l")


def test_label_where_relations_start_becomes_an_event(reading: Any) -> None:
    articles, schema, ledger = reading([task(ANNA, ACME, BONN, relation("a", "o", "runs"))])
    assert list(schema.events) == ["PER"] and set(schema.entities) == {"ORG", "LOC"}
    assert (schema.roles["runs"].events, schema.roles["runs"].entities) == (["PER"], ["ORG"])
    (event,) = only(articles).events or ()
    assert [(a.role, a.mention) for a in event.arguments] == [("runs", "o")]
    assert only(articles).stances is None
    assert {entry.outcome for entry in ledger.entries} == {"kept"} and len(ledger.entries) == 5


def test_label_where_relations_start_and_end_becomes_both(reading: Any) -> None:
    articles, schema, ledger = reading([task(ANNA, ACME, BONN, relation("a", "o", "runs"), relation("o", "l", "sits_in"))])
    assert list(schema.events) == ["ORG", "PER"] and set(schema.entities) == {"ORG", "LOC"}
    assert {m.id for m in only(articles).mentions or ()} == {"o", "l"}
    assert {(e.id, a.role, a.mention) for e in only(articles).events or () for a in e.arguments} == {
        ("a", "runs", "o"),
        ("o-2", "sits_in", "l"),
    }
    assert ledger.counts()["region"] == {"kept": 2, "repaired": 1, "dropped": 0}


@pytest.mark.parametrize("direction", ["left", "bi"])
def test_from_and_to_are_kept_whatever_the_arrow(reading: Any, direction: str) -> None:
    articles, _, ledger = reading([task(ANNA, ACME, relation("a", "o", "runs", direction=direction))])
    assert [e.id for e in only(articles).events or ()] == ["a"]
    assert ledger.entries[-1].outcome == "kept" and f"its arrow is '{direction}'" in ledger.entries[-1].reason


def test_relation_without_a_name_is_called_related(reading: Any) -> None:
    articles, schema, ledger = reading([task(ANNA, ACME, relation("a", "o"))])
    assert list(schema.roles) == ["RELATED"]
    assert (only(articles).events or ())[0].arguments[0].role == "RELATED"
    assert ledger.entries[-1].outcome == "repaired"


def test_relation_to_a_region_that_is_not_there_is_dropped(reading: Any) -> None:
    _, schema, ledger = reading([task(ANNA, relation("a", "gone", "runs"))])
    assert list(schema.entities) == ["PER"] and not schema.events
    assert (ledger.entries[-1].outcome, ledger.entries[-1].kind) == ("dropped", "relation")


def test_definitions_say_that_they_were_drafted(reading: Any) -> None:
    _, schema, _ = reading([task(ANNA, region("Bonn", "PER", "x"))])
    assert schema.entities["PER"] == "Drafted from an export where 2 regions have this label; write what it means."


def test_text_is_found_by_what_the_regions_quote(reading: Any) -> None:
    data = {"text": "Another text entirely, and longer", "body": TEXT, "source": "x", "title": "T", "language": "en", "n": 3}
    (article,), _, _ = reading([task(ANNA, data=data)])
    assert article.text == TEXT and article.title == "T" and article.language == "en"
    assert article.meta == {"task": 1, "data": {"text": data["text"], "source": "x", "n": 3}}


def test_offsets_that_count_utf16_units_are_converted(reading: Any) -> None:
    text = "🕊🕊 Anna runs."
    old = region("Anna", "PER", "a", text=text)
    old["value"] |= {"start": 5, "end": 9}
    articles, _, ledger = reading([task(old, data={"body": text})])
    (mention,) = only(articles).mentions or ()
    assert text[mention.start : mention.end] == "Anna" and "UTF-16" in ledger.entries[-1].reason


def test_quote_that_the_page_changed_is_no_difference(reading: Any) -> None:
    text = "Anna\n\nruns  it."
    marked = region("Anna\n\nruns  it", "PER", "a", text=text)
    marked["value"]["text"] = "Anna\\n\\nruns it"
    articles, _, ledger = reading([task(marked, data={"body": text})])
    assert ledger.entries[-1].reason == "" and (only(articles).mentions or ())[0].end == len(text) - 1


def test_other_words_than_quoted_are_said(reading: Any) -> None:
    wrong = region("Acme", "ORG", "o") | {"value": {"start": 0, "end": 4, "text": "Acme", "labels": ["ORG"]}}
    _, _, ledger = reading([task(ANNA, wrong)])
    assert ledger.entries[-1].outcome == "kept" and "other words" in ledger.entries[-1].reason


def test_annotators_get_short_names_and_later_annotation_counts(reading: Any) -> None:
    people = [{"id": 1, "email": "anna@x.org"}, {"id": 2, "email": "anna@y.org"}, 3, None, None, 3]
    made = [{"id": n, "result": [ANNA], "completed_by": who, "updated_at": f"2026-01-0{n}"} for n, who in enumerate(people, 1)]
    articles, _, ledger = reading([{"id": 1, "data": {"body": TEXT}, "annotations": made}])
    assert [a.annotator for a in articles[0].annotations] == ["anna", "anna-2", "unknown", "unknown-2", "user-3"]
    assert [e.outcome for e in ledger.entries if e.annotator == "user-3"] == ["dropped", "dropped", "kept", "kept"]


def test_repeated_text_belongs_to_the_first_ones_story(reading: Any) -> None:
    articles, _, _ = reading([task(ANNA, number=7), task(ANNA, number=8), task(data={"body": "Other."}, number=8)])
    assert [(a.id, a.story) for a in articles] == [("task-7", None), ("task-8", "task-7"), ("task-8-2", None)]


def test_choices_and_notes_are_kept_as_meta(reading: Any) -> None:
    flag = {"id": "q", "from_name": "topic", "type": "choices", "value": {"choices": ["war"]}}
    note = {"id": "a", "from_name": "why", "type": "textarea", "value": {"start": 0, "end": 4, "text": ["irony"]}}
    lost = note | {"id": "gone"}
    articles, _, ledger = reading([task(note, ANNA, flag, lost)])
    annotation = only(articles)
    assert annotation.meta == {"answers": {"topic": ["war"]}}
    assert (annotation.mentions or ())[0].meta == {"answers": {"why": {"text": ["irony"]}}}
    assert [(e.kind, e.outcome) for e in ledger.entries[1:]] == [
        ("other", "kept"),
        ("region", "kept"),
        ("choice", "kept"),
        ("other", "dropped"),
    ]


def test_skipped_drafts_and_predictions_are_accounted_for(reading: Any) -> None:
    content = [
        task(ANNA),
        task(was_cancelled=True, number=2) | {"drafts": [1], "predictions": [{"result": [ANNA]}]},
        task(number=3, data={"body": " "}),
    ]
    articles, _, ledger = reading(content)
    assert [a.annotations[0].is_skipped for a in articles] == [False, True]
    assert [e.reason for e in ledger.entries if e.reason] == [
        "skipped",
        "a draft that was never submitted",
        "a model's, not anybody's",
        "the article has an empty text",
    ]


def test_names_that_no_scheme_can_hold_are_changed(reading: Any) -> None:
    _, schema, _ = reading([task(region("Anna", ' US$ "x" ', "a"), ACME, relation("a", "o", "<of>"))])
    assert list(schema.events) == ["US_ _x_"] and list(schema.roles) == ["_of_"]


def test_other_kinds_of_labels_are_read_where_they_have_offsets(reading: Any) -> None:
    html = {
        "id": "h",
        "type": "hypertextlabels",
        "value": {"start": "/p[1]/text()[1]", "end": "/p[1]", "hypertextlabels": ["X"]},
    }
    articles, schema, ledger = reading([task(region("Anna", "PER", "a", kind="hypertextlabels"), html)])
    assert len(only(articles).mentions or ()) == 1 and set(schema.entities) == {"PER", "X"}
    assert ledger.entries[-1].outcome == "dropped" and "no offsets" in ledger.entries[-1].reason


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("", "is not whole JSON"),
        ('[{"id": 1, "annotations": [{"resu', "is not whole JSON"),
        ("id,text\n1,a", "is not whole JSON"),
        ("[]", "has no tasks"),
        ("3", "is no task with data"),
        ('[{"id": 1, "text": "a", "label": [], "annotator": 1}]', "is no task with data"),
        ('[{"data": {"text": "a"}, "annotations": 3}]', "is no task with data"),
        ('[{"data": {"n": 3}, "annotations": []}]', "has no text in the data"),
        ('[{"data": {"text": "a"}, "annotations": []}]', "has no labelled region"),
        ("[" * 100_000, "is nested too deeply"),
        ('[{"data": {"text": "a", "copydesk": {}}, "annotations": []}]', "was made by copydesk push; bring it back"),
        (json.dumps([task(region("Anna", "PER", "a"), data={"audio": "/x.wav"})]), "has no text that its regions quote"),
        (json.dumps([task(ANNA, data={"body": TEXT, "by": "\ud800"})]), "half a character"),
    ],
)
def test_file_that_is_no_export_gets_one_clear_line(reading: Any, content: str, finding: str) -> None:
    with pytest.raises(DataError, match=finding) as caught:
        reading(content)
    assert "\n" not in str(caught.value)


def test_wrong_encoding_and_missing_file_get_a_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    with pytest.raises(DataError, match="cannot be read"):
        read_export(path, Ledger())
    path.write_bytes('[{"data": {"text": "é"}}]'.encode("latin-1"))
    with pytest.raises(DataError, match="is not UTF-8"):
        read_export(path, Ledger())


def test_command_ends_with_one_line_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.json"
    path.write_text(json.dumps([task(ANNA)])[:80], encoding="utf-8")
    outs = ["--out", str(tmp_path / "r.jsonl"), "--schema-out", str(tmp_path / "s.toml")]
    monkeypatch.setattr("sys.argv", ["copydesk", "import", str(path), *outs])
    with pytest.raises(SystemExit) as ended:
        copydesk.main()
    assert ended.value.code == 1 and [p.name for p in tmp_path.iterdir()] == ["page.json"]
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and "is not whole JSON" in printed.err


def test_command_prints_the_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.json"
    path.write_text(json.dumps([task(ANNA, ACME, relation("a", "o", "runs", direction="left"))]), encoding="utf-8")
    outs = ["--out", str(tmp_path / "r.jsonl"), "--schema-out", str(tmp_path / "s.toml"), "--ledger", str(tmp_path / "l.jsonl")]
    monkeypatch.setattr("sys.argv", ["copydesk", "import", str(path), *outs])
    with pytest.raises(SystemExit) as ended:
        copydesk.main()
    assert not ended.value.code and sorted(p.name for p in tmp_path.iterdir()) == ["l.jsonl", "page.json", "r.jsonl", "s.toml"]
    assert "its arrow is 'left'" in capsys.readouterr().out
    assert len((tmp_path / "l.jsonl").read_text(encoding="utf-8").splitlines()) == 4


def test_import_writes_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text(json.dumps([task(ANNA, ACME, relation("a", "o", "runs"))]), encoding="utf-8-sig")
    outs = {"records": tmp_path / "r.jsonl", "schema_out": tmp_path / "s.toml", "ledger_out": tmp_path / "l.jsonl"}
    n_articles, schema, _ = import_export(path, **outs)
    assert n_articles == 1 and read_schema(outs["schema_out"]) == schema
    before = {out: out.read_bytes() for out in outs.values()}
    with pytest.raises(DataError, match="is there already"):
        import_export(path, **outs)
    import_export(path, **outs, force=True)
    assert {out: out.read_bytes() for out in outs.values()} == before


def test_scheme_is_written_as_it_is_read(schema: Schema, tmp_path: Path) -> None:
    write_schema(tmp_path / "s.toml", schema)
    assert read_schema(tmp_path / "s.toml") == schema


marks = st.sampled_from(["a", "b", "c"])
regions = st.builds(
    lambda i, label, start, end, kind: {
        "id": i,
        "type": kind,
        "from_name": "x",
        "value": {"start": start, "end": end, kind: label},
    },
    marks,
    st.lists(st.sampled_from(["P", "Q", "<R>"]), max_size=2),
    st.integers(-1, 25),
    st.integers(-1, 25),
    st.sampled_from(["labels", "hypertextlabels"]),
)
relations = st.builds(
    lambda a, b, names, way: {"type": "relation", "from_id": a, "to_id": b, "labels": names, "direction": way},
    marks,
    marks,
    st.lists(st.sampled_from(["of", "in", "$"]), max_size=2),
    st.sampled_from(["left", "right", "bi"]),
)
odd = st.sampled_from(
    [None, 3, {}, {"type": "choices", "value": {"choices": ["x"]}}, {"type": "rating", "id": "a", "value": 3}]
)


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(regions | relations | odd, max_size=12))
def test_every_row_makes_one_entry_and_sound_records(rows: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps([task(ANNA, *rows)]), encoding="utf-8")
    ledger = Ledger()
    (article,), schema = read_export(path, ledger)
    assert len(ledger.entries) == len(rows) + 2
    assert all(entry.reason for entry in ledger.entries if entry.outcome != "kept")
    assert not [fault for fault in check_article(article, schema) if not fault.is_warning]


@pytest.mark.skipif(BENCH is None, reason="COPYDESK_BENCH names no folder of public data")
@pytest.mark.parametrize(("name", "n_regions", "n_relations"), [("relations", 484, 363), ("full_metadata", 514, 0)])
def test_real_exports_keep_what_is_in_them(name: str, n_regions: int, n_relations: int, tmp_path: Path) -> None:
    path = Path(BENCH or "") / "label_studio_export" / f"{name}.json"
    outs = {"records": tmp_path / "r.jsonl", "schema_out": tmp_path / "s.toml"}
    _, schema, ledger = import_export(path, **outs)
    counts = ledger.counts()
    for kind, n in (("region", n_regions), ("relation", n_relations)):
        assert sum(counts[kind].values()) == n
        assert counts[kind]["kept"] >= 0.95 * n
    articles = list(read_records(outs["records"]))
    assert schema.language == "zh" and not [fault for a in articles for fault in check_article(a, schema)]
    annotations = [annotation for article in articles for annotation in article.annotations]
    n_marks = sum(len(a.mentions or ()) + len(a.events or ()) for a in annotations)
    n_arguments = sum(len(event.arguments) for a in annotations for event in a.events or ())
    assert n_marks == counts["region"]["kept"] and n_arguments == counts["relation"]["kept"]
