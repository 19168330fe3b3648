"""Hand-made articles for the tests of every room."""

from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.records import Annotation, Argument, Article, Event, Mention, Stance
from annotate.schema import Schema, read_schema

TEXT = "Tehran accused Washington of bad faith before Friday’s planned talks. 🕊 Paris hosts them."


@pytest.fixture(scope="session")
def schema() -> Schema:
    """The default scheme."""
    return read_schema()


@pytest.fixture
def article() -> Article:
    """One article with every layer: three mentions, two events, one stance."""
    return gold_article("harbor-0012")


@pytest.fixture
def records_file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the given text to a file and gives its path."""

    def write(content: str, name: str = "records.jsonl") -> Path:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


def gold_article(article_id: str, *, story: str | None = "iran-deal-2015", annotator: str = "gold") -> Article:
    """The example article under another id, story or annotator."""
    return Article(
        id=article_id,
        text=TEXT,
        outlet="Harbor Courier",
        published="2015-07-14",
        story=story,
        language="en",
        annotations=(gold_annotation(annotator),),
    )


def gold_annotation(annotator: str = "gold") -> Annotation:
    """Marks of the example article: two countries, a date, an accusation, planned talks, one stance."""
    return Annotation(
        annotator=annotator,
        mentions=(mention("m1", "Tehran", "GPE"), mention("m2", "Washington", "GPE"), mention("m3", "Friday", "DATE")),
        events=(
            event("e1", "accused", "ACCUSE", ACTOR="m1", RECIPIENT="m2"),
            event("e2", "talks", "CONSULT", modality="PLANNED", DATE="m3"),
        ),
        stances=(Stance(holder="m1", target="m2", label="AGAINST"),),
    )


def mention(mention_id: str, words: str, label: str, *, text: str = TEXT) -> Mention:
    """A mention of the first occurrence of `words` in `text`."""
    start = text.index(words)
    return Mention(id=mention_id, start=start, end=start + len(words), label=label)


def event(event_id: str, words: str, label: str, *, text: str = TEXT, modality: str = "ASSERTED", **arguments: str) -> Event:
    """An event triggered by the first occurrence of `words`; `arguments` maps a role to a mention id."""
    start = text.index(words)
    return Event(
        id=event_id,
        start=start,
        end=start + len(words),
        label=label,
        arguments=tuple(Argument(role=role, mention=filler) for role, filler in arguments.items()),
        attributes={"modality": modality},
    )
