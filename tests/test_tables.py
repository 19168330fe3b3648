"""The tables: one row each, joined by ids, with the columns of the model's scheme even where they are empty."""

import csv
from pathlib import Path

import pytest
from conftest import gold_annotation, gold_article
from pyarrow import parquet

from annotate.errors import DataError
from annotate.records import Annotation, Argument, Article, Event, Mention, Stance
from annotate.schema import Schema, to_schema
from apply.predict import Prediction
from apply.tables import Layout, TableWriter, rows_of

MODEL = "model:en_x@1"


def found(article: Article, *sentences: tuple[int, int]) -> Prediction:
    return Prediction("in.jsonl:1: article 'a'", article, None, sentences, 20)


def rows(prediction: Prediction, schema: Schema | None, table: str) -> list[dict[str, object]]:
    return [row for name, row in rows_of(prediction, Layout(schema), MODEL) if name == table]


def test_every_item_has_its_row_with_what_it_joins(schema: Schema) -> None:
    prediction = found(gold_article("a", annotator=MODEL), (0, 69), (70, 88))
    mention, *others = rows(prediction, schema, "mentions")
    accusation, talks = rows(prediction, schema, "events")
    (stance,) = rows(prediction, schema, "stances")
    origin = {"article": "a", "outlet": "Harbor Courier", "published": "2015-07-14", "story": "iran-deal-2015"}
    sentence = "Tehran accused Washington of bad faith before Friday’s planned talks."
    assert len(others) == 2
    assert mention == origin | {
        "mention": "m1", "label": "GPE", "text": "Tehran", "start": 0, "end": 6, "sentence": sentence, "score": None
    }  # fmt: skip
    assert accusation == origin | {
        "event": "e1", "type": "ACCUSE", "trigger": "accused", "start": 7, "end": 14, "sentence": sentence, "score": None,
        "modality": "ASSERTED", "actor": ["Tehran"], "actor_ids": ["m1"], "actor_scores": [None],
        "recipient": ["Washington"], "recipient_ids": ["m2"], "recipient_scores": [None],
        "location": [], "location_ids": [], "location_scores": [], "date": [], "date_ids": [], "date_scores": [],
    }  # fmt: skip
    assert (talks["modality"], talks["date"]) == ("PLANNED", ["Friday"])
    assert stance == origin | {
        "holder": "m1", "holder_label": "GPE", "holder_text": "Tehran", "label": "AGAINST", "target": "m2",
        "target_label": "GPE", "target_text": "Washington", "sentence": sentence, "score": None,
    }  # fmt: skip


def test_several_actors_come_in_the_order_of_the_text_with_their_scores(schema: Schema) -> None:
    text = "Oslo and Rome met."
    annotation = Annotation(
        annotator=MODEL,
        mentions=(Mention(id="b", start=9, end=13, label="GPE"), Mention(id="a", start=0, end=4, label="GPE", score=0.5)),
        events=(
            Event(
                id="e", start=14, end=17, label="CONSULT", score=0.9,
                arguments=(Argument(role="ACTOR", mention="b"), Argument(role="ACTOR", mention="a", score=0.25)),
            ),
        ),
        stances=(Stance(holder=None, target="e", label="FAVOR", score=0.75),),
    )  # fmt: skip
    prediction = found(Article(id="x", text=text, annotations=(annotation,)))
    (event,) = rows(prediction, schema, "events")
    (stance,) = rows(prediction, schema, "stances")
    assert [row["mention"] for row in rows(prediction, schema, "mentions")] == ["a", "b"]
    assert (event["actor"], event["actor_ids"], event["actor_scores"]) == (["Oslo", "Rome"], ["a", "b"], [0.25, None])
    assert (event["score"], event["sentence"]) == (0.9, None)
    assert (stance["holder_text"], stance["target_text"], stance["target_label"]) == (None, "met", "CONSULT")


def test_only_the_models_annotation_is_in_the_tables(schema: Schema) -> None:
    both = (gold_annotation("ann"), Annotation(annotator=MODEL, mentions=()))
    prediction = found(gold_article("a").model_copy(update={"annotations": both}))
    (article,) = rows(prediction, schema, "articles")
    assert (article["n_mentions"], article["n_events"], article["error"]) == (0, None, None)
    assert rows(prediction, schema, "mentions") == []


def test_an_article_with_an_error_has_a_row_of_its_own(schema: Schema) -> None:
    known = Prediction("in:1: article 'a'", gold_article("a"), "has an empty text; remove it")
    unknown = Prediction("in:2", None, "is not JSON; correct it")
    first, second = (rows(p, schema, "articles")[0] for p in (known, unknown))
    assert (first["article"], first["error"], first["n_mentions"]) == ("a", "has an empty text; remove it", None)
    assert (second["article"], second["place"], second["error"]) == (None, "in:2", "is not JSON; correct it")
    assert rows(known, schema, "mentions") == []


def test_columns_never_clash_whatever_the_scheme_calls_its_roles() -> None:
    names = ["Trigger", "SCORE", "Actor", "actor", "actor_ids"]
    schema = to_schema(
        {
            "name": "s",
            "entities": {"ORG": "x"},
            "events": {"HIRE": "x"},
            "roles": {name: {"definition": "x", "entities": ["ORG"]} for name in names},
            "attributes": {"start": {"definition": "x", "default": "A", "values": {"A": "a"}}},
        },
        "here",
    )
    columns = list(Layout(schema).tables["events"])
    assert len({column.lower() for column in columns}) == len(columns)
    assert {"trigger", "trigger_", "score", "score_", "start", "start_"} <= set(columns)


def test_a_role_outside_the_scheme_is_never_dropped_in_silence() -> None:
    with pytest.raises(DataError, match=r"article 'a': has '.*', which the model's scheme does not know"):
        rows(found(gold_article("a", annotator=MODEL)), None, "events")


def test_tables_have_their_columns_and_types_even_when_empty(tmp_path: Path, schema: Schema) -> None:
    layout = Layout(schema)
    for folder, predictions in (("none", []), ("one", [found(gold_article("a", annotator=MODEL))])):
        (tmp_path / folder).mkdir()
        with TableWriter(tmp_path / folder, layout) as tables:
            for prediction in predictions:
                for table, row in rows_of(prediction, layout, MODEL):
                    tables.add(table, row)
    for table in layout.tables:
        empty, full = (parquet.read_table(tmp_path / folder / f"{table}.parquet") for folder in ("none", "one"))
        assert empty.schema == full.schema
        assert (empty.num_rows, full.num_rows > 0) == (0, True)


def test_csv_holds_the_same_as_parquet(tmp_path: Path, schema: Schema) -> None:
    layout, prediction = Layout(schema), found(gold_article("a", annotator=MODEL), (0, 69))
    with TableWriter(tmp_path, layout, as_csv=True) as tables:
        for table, row in rows_of(prediction, layout, MODEL):
            tables.add(table, row)
    for table in layout.tables:
        with (tmp_path / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        expected = parquet.read_table(tmp_path / f"{table}.parquet").to_pylist()
        texts = [
            {
                name: "; ".join(str(v or "") for v in value) if isinstance(value, list) else "" if value is None else str(value)
                for name, value in row.items()
            }
            for row in expected
        ]
        assert rows == texts


def test_many_rows_are_written_as_they_come(tmp_path: Path, schema: Schema) -> None:
    with TableWriter(tmp_path, Layout(schema)) as tables:
        for number in range(12_000):
            tables.add("mentions", {"article": str(number)})
            assert len(tables._waiting["mentions"]) < 5_001
    file = parquet.ParquetFile(tmp_path / "mentions.parquet")
    assert (file.metadata.num_rows, file.num_row_groups) == (12_000, 3)


def test_every_column_is_in_the_documentation(schema: Schema) -> None:
    text = (Path(__file__).parent.parent / "docs" / "tables.md").read_text(encoding="utf-8")
    tables = Layout(schema).tables
    ids_and_scores = {f"{role}_{kind}" for role in ("recipient", "location", "date") for kind in ("ids", "scores")}
    columns = {column for table in tables.values() for column in table} - ids_and_scores
    assert {column for column in columns if f"`{column}`" not in text} == set()
