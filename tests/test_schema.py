"""The label scheme: what a file of it must be, and what may go with what."""

from pathlib import Path

import pytest

from annotate.errors import SchemaError
from annotate.schema import DEFAULT_SCHEMA, Schema, read_schema, to_schema

SMALL = {"name": "s", "entities": {"ORG": "An organisation."}, "events": {"HIRE": "To hire."}}


def test_every_label_of_the_default_scheme_has_a_definition_of_one_sentence(schema: Schema) -> None:
    tables = [schema.entities, schema.events, schema.stances.labels, *(a.values for a in schema.attributes.values())]
    definitions = [text for table in tables for text in table.values()] + [r.definition for r in schema.roles.values()]
    assert all(text.endswith(".") and text[0].isupper() for text in definitions)
    assert len(schema.events) == 16


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"entitties": {}}, "has the unknown key 'entitties'; remove it or correct its spelling"),
        ({"roles": {"BOSS": {"definition": "x", "entities": ["ORG"], "event": ["HIRE"]}}}, "unknown key 'roles.BOSS.event'"),
        ({"roles": {"BOSS": {"definition": "x", "entities": ["ROG"]}}}, "roles.BOSS.entities: unknown label 'ROG'"),
        ({"roles": {"BOSS": {"definition": "x", "entities": ["ORG"], "events": ["ORG"]}}}, "unknown label 'ORG'"),
        ({"stances": {"holders": ["X"]}}, "stances.holders: unknown label 'X'"),
        ({"stances": {"targets": ["X"]}}, "stances.targets: unknown label 'X'"),
        ({"attributes": {"m": {"definition": "x", "default": "A", "values": {"B": "b"}}}}, "default 'A' is none of its values"),
        ({"entities": {" ORG": "x"}}, "label ' ORG' is empty or has spaces at its ends"),
        ({"entities": {}, "events": {}}, "no label in [entities] or [events]"),
        (
            {"roles": {"BOSS": {"definition": "x", "entities": ["ORG"]}}, "stances": {"labels": {"BOSS": "x"}}},
            "'BOSS' is both a role and a stance",
        ),
        ({"format": 2}, "has format 2; this copydesk reads format 1"),
        ({"entities": ["ORG"]}, "entities: Input should be a valid dictionary"),
    ],
)
def test_a_scheme_that_does_not_fit_together_gets_one_clear_line(changed: dict[str, object], said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        to_schema(SMALL | changed, "scheme.toml")
    assert str(caught.value).startswith("scheme.toml: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"), [(b"entities = [", "is not TOML"), (b'name = "\xff"', "is not TOML"), (None, "cannot be read")]
)
def test_a_file_that_is_no_scheme_gets_one_clear_line(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "scheme.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SchemaError, match=said):
        read_schema(path)


def test_roles_between_an_event_and_a_mention_follow_the_scheme(schema: Schema) -> None:
    assert schema.roles_between("ACCUSE", "GPE") == ("ACTOR", "RECIPIENT", "LOCATION")
    assert schema.roles_between("ACCUSE", "DATE") == ("DATE",)


def test_a_role_can_be_kept_to_some_events() -> None:
    role = {"definition": "Who is hired.", "entities": ["ORG"], "events": ["HIRE"]}
    schema = to_schema({**SMALL, "events": {"HIRE": "x", "FIRE": "y"}, "roles": {"HIRED": role}}, "here")
    assert schema.roles_between("HIRE", "ORG") == ("HIRED",)
    assert schema.roles_between("FIRE", "ORG") == ()


def test_stances_are_held_by_some_and_aimed_at_some(schema: Schema) -> None:
    assert schema.can_hold_stance("GPE") and not schema.can_hold_stance("DATE")
    assert schema.can_be_target("LAW") and schema.can_be_target("ACCUSE") and not schema.can_be_target("DATE")


def test_the_digest_follows_the_content_not_the_layout(schema: Schema, tmp_path: Path) -> None:
    again = tmp_path / "again.toml"
    again.write_text("# another comment\n" + DEFAULT_SCHEMA.read_text(encoding="utf-8"), encoding="utf-8")
    assert read_schema(again).digest == schema.digest
    assert to_schema(SMALL, "here").digest != schema.digest
