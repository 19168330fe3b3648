"""`init` makes a project folder that works at once and never touches anybody's files."""

import subprocess
import sys
from pathlib import Path

import pytest

from annotate.errors import DataError
from annotate.project import CONFIGS, make_project, write_guidelines
from annotate.schema import Schema, read_schema, to_schema


def test_a_project_has_scheme_guidelines_configs_and_next_steps(tmp_path: Path, schema: Schema) -> None:
    make_project(tmp_path / "elections")
    found = {p.relative_to(tmp_path / "elections").as_posix() for p in (tmp_path / "elections").rglob("*")}
    assert found == {"README.md", "guidelines.md", "articles", "configs", "configs/schema.toml", "configs/search.toml"} | {
        f"configs/{p.name}" for p in CONFIGS.glob("*.cfg")
    }
    mine = read_schema(tmp_path / "elections" / "configs" / "schema.toml")
    assert mine.name == "elections"
    assert mine.model_copy(update={"name": schema.name}) == schema


@pytest.mark.parametrize("name", ['say "hi"', "back\\slash", "naïve 🕊", "a | b"])
def test_any_name_makes_a_sound_scheme(name: str, tmp_path: Path) -> None:
    make_project(tmp_path / "p", name=name)
    assert read_schema(tmp_path / "p" / "configs" / "schema.toml").name == name


def test_the_guidelines_have_every_label_and_definition(schema: Schema) -> None:
    text = write_guidelines(schema)
    attributes = [a.values for a in schema.attributes.values()]
    for table in (schema.entities, schema.events, schema.stances.labels, *attributes):
        for label, definition in table.items():
            assert f"| {label} | {definition} |" in text
    for role, part in schema.roles.items():
        assert f"| {role} | {part.definition} | {', '.join(part.entities)} |" in text


def test_the_guidelines_of_a_small_scheme_have_no_empty_tables() -> None:
    text = write_guidelines(to_schema({"name": "s", "entities": {"A|B": "An or."}}, "here"))
    assert "## Events" not in text and "## Stances" not in text
    assert "| A\\|B | An or. |" in text


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="is there already; name a new or an empty folder"):
        make_project(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command_works_in_an_empty_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "copydesk", "init", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "README.md").is_file()
    assert not list(tmp_path.glob(".*"))


def test_an_empty_folder_stays_the_same_folder(tmp_path: Path) -> None:
    before = tmp_path.stat().st_ino
    make_project(tmp_path)
    assert tmp_path.stat().st_ino == before
