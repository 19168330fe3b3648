"""What a push finds missing in a project, and what it refuses to touch."""

from typing import Any

import pytest
from conftest import gold_annotation, gold_article

from annotate.errors import DataError, RecordError
from annotate.records import Annotation, Article
from annotate.schema import Schema
from annotate.studio.changes import Changes, by_article, compare, refuse_lost_labels
from annotate.studio.interface import to_label_config
from annotate.studio.tasks import to_task

Json = dict[str, Any]
ANNA, BORIS = gold_annotation("anna"), gold_annotation("boris")


def with_annotations(*annotations: Annotation) -> Article:
    return gold_article("a").model_copy(update={"annotations": annotations})


def on_server(article: Article, schema: Schema, marks_as: Any = "annotations") -> Json:
    """The task as an export gives it after an upload."""
    task = to_task(article, schema, annotators_as=marks_as)
    rest = {"id": 7, "annotations": [], "predictions": [], "drafts": []}
    stored = rest | task
    stored["annotations"] = [
        made | {"id": 70 + made["id"], "import_id": made["id"], "completed_by": {"id": 1}} for made in stored["annotations"]
    ]
    stored["predictions"] = [made | {"id": 80} for made in stored["predictions"]]
    return stored


def changes(article: Article, there: Json | None, schema: Schema, marks_as: Any = "annotations") -> Changes:
    task = to_task(article, schema, annotators_as=marks_as)
    return compare([article], {"a": task}, {} if there is None else {"a": there}, schema, {1: "desk"})


def test_compare_sends_what_is_not_there(schema: Schema) -> None:
    article = with_annotations(ANNA)
    assert changes(article, None, schema) == Changes(tasks=[to_task(article, schema, annotators_as="annotations")])


@pytest.mark.parametrize("marks_as", [None, "annotations", "predictions"])
def test_compare_finds_nothing_to_do_the_second_time(schema: Schema, marks_as: Any) -> None:
    article = with_annotations(ANNA, BORIS)
    assert changes(article, on_server(article, schema, marks_as), schema, marks_as) == Changes()


def test_compare_adds_another_annotator_behind_the_first(schema: Schema) -> None:
    there = on_server(with_annotations(BORIS), schema)
    found = changes(with_annotations(ANNA, BORIS), there, schema)
    assert [(task, made["import_id"]) for task, made in found.annotations] == [(7, 2)]
    assert [head["annotator"] for head in found.data[0][1]["copydesk"]["annotations"]] == ["boris", "anna"]
    assert found.n_changed == 1


def test_compare_keeps_what_only_the_project_knows(schema: Schema) -> None:
    titled = with_annotations(ANNA).model_copy(update={"title": "Talks", "url": "https://example.org"})
    bare = Article(id="a", text=titled.text, language="fa")
    found = changes(bare, on_server(titled, schema), schema, None)
    (data,) = [data for _, data in found.data]
    assert (data["title"], data["url"], data["language"]) == ("Talks", "https://example.org", "fa")
    assert [head["annotator"] for head in data["copydesk"]["annotations"]] == ["anna"]


def test_compare_refuses_another_text(schema: Schema) -> None:
    there = on_server(with_annotations(), schema)
    other = with_annotations().model_copy(update={"text": gold_article("a").text + " More."})
    with pytest.raises(RecordError, match="article 'a': has another text in the project"):
        changes(other, there, schema)


def test_compare_refuses_another_annotation_by_the_same_person(schema: Schema) -> None:
    there = on_server(with_annotations(ANNA), schema)
    with pytest.raises(RecordError, match="has another annotation by anna"):
        changes(with_annotations(ANNA.model_copy(update={"stances": ()})), there, schema)


def test_by_article_refuses_one_article_in_two_tasks() -> None:
    with pytest.raises(DataError, match=r"article 'a': is in the project twice \(tasks 1 and 2\)"):
        by_article([{"id": 1, "data": {"id": "a"}}, {"id": 2, "data": {"id": "a"}}])


def test_labels_of_drafts_are_in_use_too(schema: Schema) -> None:
    task = on_server(with_annotations(ANNA), schema)
    task["drafts"], task["annotations"] = [{"result": task["annotations"][0]["result"]}], []
    less = schema.model_copy(update={"stances": schema.stances.model_copy(update={"labels": {"FAVOR": "For."}})})
    with pytest.raises(DataError, match=r"uses 'AGAINST' \(relation\) in the project"):
        refuse_lost_labels(to_label_config(schema), to_label_config(less), [task])
