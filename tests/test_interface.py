"""The labelling page derives from the scheme alone, and takes any label without breaking."""

import xml.etree.ElementTree as ET

import pytest

from annotate.errors import SchemaError
from annotate.records import Article
from annotate.schema import Schema, to_schema
from annotate.studio.interface import attribute_controls, colour, has_spaced_words, hotkeys, to_instructions, to_label_config
from annotate.studio.tasks import to_task


def scheme(**tables: object) -> Schema:
    return to_schema({"name": "trial", "entities": {"WHO": "Somebody."}} | tables, "trial")


def test_page_offers_every_label_of_the_scheme(schema: Schema) -> None:
    page = ET.fromstring(to_label_config(schema))
    assert [e.get("value") for e in page.findall(".//Labels[@name='entity']/Label")] == list(schema.entities)
    assert [e.get("value") for e in page.findall(".//Labels[@name='event']/Label")] == list(schema.events)
    assert [e.get("value") for e in page.iter("Relation")] == [*schema.roles, *schema.stances.labels]
    modality = [e.get("value") for e in page.findall(".//Choices[@name='modality']/Choice")]
    assert modality == list(schema.attributes["modality"].values)


def test_choices_show_only_on_a_selected_region(schema: Schema) -> None:
    choices = {c.get("name"): c for c in ET.fromstring(to_label_config(schema)).iter("Choices")}
    assert set(choices) == {"modality", "article_stance"}
    assert all(c.get("perRegion") == "true" and c.get("visibleWhen") == "region-selected" for c in choices.values())
    assert choices["modality"].get("whenTagName") == "event"
    assert choices["article_stance"].get("whenTagName") is None  # its target is a mention or an event
    assert all(c.get("required") is None for c in choices.values())


def test_scheme_without_events_has_a_page_without_them() -> None:
    page = ET.fromstring(to_label_config(scheme()))
    assert [e.get("name") for e in page.iter("Labels")] == ["entity"]
    assert not list(page.iter("Relations")) and not list(page.iter("Choices"))


@pytest.mark.parametrize(("language", "expected"), [("en", True), ("ru", True), ("zh", False), ("zh-TW", False), ("KO", False)])
def test_whole_words_follow_the_language(language: str, expected: bool) -> None:
    assert has_spaced_words(scheme(language=language)) is expected


def test_page_marks_by_character() -> None:
    page = ET.fromstring(to_label_config(scheme()))
    assert page.find(".//Text").get("granularity") == "symbol"  # type: ignore[union-attr]


def test_hotkeys_are_unique_and_leave_the_pages_own_keys_alone(schema: Schema) -> None:
    keys = list(hotkeys(schema).values())
    assert len(keys) == len(set(keys)) == 31  # every label of the default scheme
    assert "u" not in keys and all(len(key) == 1 and key.isalnum() for key in keys)


def test_labels_beyond_the_keys_have_none_and_no_digit_is_left_for_the_page() -> None:
    keys = hotkeys(scheme(entities={f"E{n}": "One." for n in range(60)}))
    assert len(keys) == 35 and set("1234567890") <= set(keys.values())


def test_hostile_labels_and_definitions_are_escaped() -> None:
    hostile = scheme(
        entities={"A&B's": 'He said "x" <script>alert(1)</script>\x0b&amp;'}, language="en", name="<img src=x onerror=alert(1)>"
    )
    label = ET.fromstring(to_label_config(hostile)).find(".//Label")
    assert label is not None and label.get("value") == "A&B's" and "<script>" in str(label.get("hint"))
    html = to_instructions(hostile)
    assert "<script>" not in html and "<img" not in html and "A&amp;B&#x27;s" in html


@pytest.mark.parametrize("label", ["US$", "a\x00b", "a\x0bb"])
def test_label_that_the_page_cannot_show_is_refused(label: str) -> None:
    with pytest.raises(SchemaError, match="rename it"):
        to_label_config(scheme(entities={label: "Bad."}))


def test_attribute_named_like_a_control_gets_another_control() -> None:
    values = {"definition": "d", "default": "A", "values": {"A": "a"}}
    controls = attribute_controls(scheme(attributes={"event": values, "odd name": values, "tense": values}))
    assert controls == {"attribute-1": "event", "attribute-2": "odd name", "tense": "tense"}


def test_instructions_hold_every_label_with_its_definition(schema: Schema) -> None:
    html = to_instructions(schema)
    for label in (*schema.entities, *schema.events, *schema.roles, *schema.stances.labels):
        assert f"<b>{label}</b>" in html
    assert "Label All Tasks" in html and "Alt+R" in html
    assert "To talk, meet, visit or negotiate." in html


def test_colours_are_fixed_and_apart() -> None:
    colours = [colour(place) for place in range(40)]
    assert colours == [colour(place) for place in range(40)] and len(set(colours)) == 40


def test_label_studios_own_reader_finds_nothing_wrong_with_page_and_predictions(schema: Schema, article: Article) -> None:
    from label_studio_sdk.label_interface import LabelInterface

    page = LabelInterface(to_label_config(schema))
    page.validate()
    prediction = to_task(article, schema, annotators_as="predictions")["predictions"][0]
    assert page.validate_prediction(prediction, return_errors=True) == []
