"""A new project folder: the label scheme, guidelines to fill in, training configs and what to do next."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from .errors import DataError
from .outputs import whole_folder
from .schema import DEFAULT_SCHEMA, Schema, read_schema

CONFIGS = DEFAULT_SCHEMA.parent


def make_project(folder: Path, *, name: str | None = None) -> None:
    """Makes a project folder to start from; nobody's files are ever replaced.

    name: what the scheme is called (default: the folder's name).
    Raises DataError when the folder has something in it.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(str(folder), "is there already", "name a new or an empty folder")
    title = name or folder.absolute().name
    if not folder.exists():
        with whole_folder(folder) as temporary:
            _fill(temporary, title)
        return
    with whole_folder(folder / "articles") as temporary:  # the folder itself stays: somebody may be in it
        _fill(temporary, title)
        for part in temporary.iterdir():
            if part.name != "articles":
                part.rename(folder / part.name)
        (temporary / "articles").rmdir()


def _fill(folder: Path, title: str) -> None:
    configs = folder / "configs"
    configs.mkdir()
    for config in sorted([*CONFIGS.glob("*.cfg"), CONFIGS / "search.toml"]):
        shutil.copyfile(config, configs / config.name)
    scheme = configs / DEFAULT_SCHEMA.name
    source = DEFAULT_SCHEMA.read_text(encoding="utf-8")
    scheme.write_text(_renamed(source, title), encoding="utf-8", newline="\n")
    guidelines = write_guidelines(read_schema(scheme))
    (folder / "guidelines.md").write_text(guidelines, encoding="utf-8", newline="\n")
    (folder / "README.md").write_text(_README.format(title=title), encoding="utf-8", newline="\n")
    (folder / "articles").mkdir()


def write_guidelines(schema: Schema) -> str:
    """Guidelines for annotators in Markdown: the scheme's tables, with room for a project's own rules and examples."""
    return "\n".join(_guidelines(schema)) + "\n"


def _guidelines(schema: Schema) -> Iterator[str]:
    yield f"# Guidelines: {schema.name}\n"
    yield "How we mark articles. The tables come from `configs/schema.toml`; the rules and examples are yours to add.\n"
    yield from _INTRODUCTION
    if schema.entities:
        yield "\n## Entities\n"
        yield "Mark the whole name, without title or article, every time it occurs.\n"
        yield from _table("Label", schema.entities)
    if schema.events:
        yield "\n## Events\n"
        yield "Mark the trigger: the shortest words that name the event, mostly one verb or noun.\n"
        yield from _table("Type", schema.events)
    if schema.roles:
        yield "\n## Roles\n"
        yield "Draw a relation from the trigger to each mention that takes part.\n"
        yield "| Role | What it means | Filled by |\n|---|---|---|"
        for role, part in schema.roles.items():
            where = f" (in {', '.join(part.events)})" if part.events else ""
            yield f"| {_cell(role)} | {_cell(part.definition)} | {_cell(', '.join(part.entities) + where)} |"
    for attribute, values in schema.attributes.items():
        yield f"\n## {attribute.capitalize()} of events\n"
        yield f"{values.definition} Where nothing is chosen it is {values.default}.\n"
        yield from _table("Value", values.values)
    if schema.stances.labels:
        yield "\n## Stances\n"
        yield "Draw a relation from who holds the stance to whom or what it is about."
        yield f"Holders: {_any(schema.stances.holders)}. Targets: events and {_any(schema.stances.targets)}.\n"
        yield from _table("Stance", schema.stances.labels)
    yield "\n## Hard cases\n"
    yield "Write down each case you argued about, with the sentence and what you settled on.\n"
    yield "| Sentence | What we mark | Why |\n|---|---|---|\n| | | |"


def _table(heading: str, definitions: Mapping[str, str]) -> Iterator[str]:
    yield f"| {heading} | What it means | An example of ours |\n|---|---|---|"
    for label, definition in definitions.items():
        yield f"| {_cell(label)} | {_cell(definition)} | |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _any(labels: list[str]) -> str:
    return ", ".join(labels) or "any entity"


def _renamed(source: str, name: str) -> str:
    """The scheme's file under another name, its comments kept."""
    quoted = json.dumps(name, ensure_ascii=False)  # a JSON string is a TOML string
    return re.sub(r'(?m)^name = ".*"$', lambda _: f"name = {quoted}", source, count=1)


_INTRODUCTION = (
    "1. Read the article once before you mark anything.",
    "2. Mark what this article says, not what you know from elsewhere.",
    "3. Mark the words alone: no space, quotation mark or full stop at the edges.",
    "4. In doubt, leave it out, and put the sentence under *Hard cases*.",
)

_README = """\
# {title}

| here | what it is |
|---|---|
| `configs/schema.toml` | the label scheme: change it first, everything else follows from it |
| `guidelines.md` | the rules for annotators: add your own examples and hard cases |
| `configs/*.cfg` | training settings; every one can also be given on the command line |
| `configs/search.toml` | what `copydesk train --search 12 --ranges configs/search.toml` may change |
| `articles/` | put your articles here: text files, JSON Lines, CSV or Parquet |

Next steps, from this folder:

    copydesk check articles --schema configs/schema.toml

    copydesk studio up
    copydesk push articles --project "{title}" --schema configs/schema.toml
    # mark articles in the browser, then
    copydesk pull --project "{title}" --schema configs/schema.toml --out annotated.jsonl

    copydesk check annotated.jsonl --schema configs/schema.toml
    copydesk train annotated.jsonl --schema configs/schema.toml --out models/first
    copydesk package models/first --out dist
    copydesk apply models/first articles --out tables --html

`copydesk COMMAND --help` explains each step.
"""
