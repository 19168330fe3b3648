"""The starter corpus: sources and records agree, every layer is there, and the guidelines speak of the scheme as it is."""

import re
from collections import Counter
from pathlib import Path

import pytest

from annotate.check import sound_articles
from annotate.counts import count_labels, write_table
from annotate.notation import parse_marked, read_marked
from annotate.records import LAYERS, Annotation, Article, read_records
from annotate.schema import Schema, read_schema

CORPUS = Path(__file__).parent.parent / "corpus"
GUIDELINES = (CORPUS / "guidelines.md").read_text(encoding="utf-8")
ARTICLES = list(read_records(CORPUS / "gold.jsonl"))
GOLD: list[Annotation] = [a.annotations[0] for a in ARTICLES]
OUTLETS = {
    "Harbor Courier",
    "The Meridian Post",
    "Patriot Ledger",
    "Northgate Wire",
    "El Faro Weekly",
    "Straits Observer",
}


def test_records_are_what_the_sources_compile_to(schema: Schema) -> None:
    compiled = list(read_marked(CORPUS / "stories", schema))
    assert compiled == ARTICLES, "run: copydesk compile corpus/stories --out corpus/gold.jsonl --force"


def test_records_pass_every_check(schema: Schema) -> None:
    assert len(list(sound_articles(ARTICLES, schema))) == len(ARTICLES)


@pytest.mark.parametrize("article", ARTICLES, ids=lambda a: a.id)
def test_articles_are_whole(article: Article) -> None:
    assert article.title and article.story and article.language == "en"
    assert article.outlet in OUTLETS
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", article.published or "")
    slug = re.sub(r"^the-", "", article.outlet.lower().replace(" ", "-"))
    assert article.id == f"{article.story}-{slug}"
    assert 150 <= len(article.text.split()) <= 400
    (annotation,) = article.annotations
    assert annotation.annotator == "gold"
    assert all(getattr(annotation, layer) for layer in ("mentions", "events"))
    assert annotation.stances is not None


def test_a_file_holds_one_story_and_has_its_name(schema: Schema) -> None:
    for path in sorted((CORPUS / "stories").iterdir()):
        assert {article.story for article in read_marked(path, schema)} == {path.stem}


def test_every_story_is_told_by_two_outlets() -> None:
    outlets: dict[str, set[str]] = {}
    for article in ARTICLES:
        outlets.setdefault(article.story_or_id, set()).add(article.outlet or "")
    assert [story for story, found in outlets.items() if len(found) < 2] == []


def test_every_label_of_the_scheme_occurs(schema: Schema) -> None:
    assert set(schema.entities) == {m.label for a in GOLD for m in a.mentions or ()}
    assert set(schema.events) == {e.label for a in GOLD for e in a.events or ()}
    assert set(schema.roles) == {r.role for a in GOLD for e in a.events or () for r in e.arguments}
    assert set(schema.stances.labels) == {s.label for a in GOLD for s in a.stances or ()}
    for name, attribute in schema.attributes.items():
        assert set(attribute.values) == {e.attributes[name] for a in GOLD for e in a.events or ()}


def test_there_is_enough_of_everything(schema: Schema) -> None:
    counts = count_labels(ARTICLES)
    events = {label: counts["events", label] for label in schema.events}
    assert min(events.values()) >= 40, events
    assert min(counts["stances", label] for label in schema.stances.labels) >= 200
    assert sum(n for (layer, value), n in counts.items() if layer == "modality" and value != "ASSERTED") >= 250
    assert sum(n for (layer, _), n in counts.items() if layer == "mentions") >= 4_000
    assert len({article.story for article in ARTICLES}) >= 40


def test_no_sentence_occurs_twice() -> None:
    sentences = Counter(s for a in ARTICLES for s in re.split(r"(?<=[.!?”])\s+", a.text) if len(s.split()) > 4)
    assert [s for s, n in sentences.items() if n > 1] == []


def test_no_phrase_of_six_words_is_in_more_than_three_articles() -> None:
    phrases: Counter[tuple[str, ...]] = Counter()
    for article in ARTICLES:
        words = re.findall(r"\w+", article.text.lower())
        phrases.update({tuple(words[i : i + 6]) for i in range(len(words) - 5)})
    assert [" ".join(p) for p, n in phrases.items() if n > 3] == []


def test_guidelines_have_the_tables_of_the_scheme(schema: Schema) -> None:
    tables = [schema.entities, schema.events, schema.stances.labels, *(a.values for a in schema.attributes.values())]
    missing = [f"| {label} | {means} |" for table in tables for label, means in table.items()]
    missing += [f"| {n} | {r.definition} | {' '.join(r.entities)} |" for n, r in schema.roles.items()]
    assert [row for row in missing if row not in GUIDELINES] == []


def examples() -> list[str]:
    blocks = re.findall(r"```marked\n(.*?)```", GUIDELINES, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("line", examples())
def test_examples_of_the_guidelines_can_be_read(line: str) -> None:
    kind, example = line[:4].strip(), line[4:]
    body, _, stances = example.partition(" | ")
    source = "=== example\n\n" + body + "\n---\n" + "\n".join(stances.split(";"))
    assert kind in ("yes", "no")
    (article,) = parse_marked(source, read_schema(), "the guidelines")
    assert all(getattr(article.annotations[0], layer) is not None for layer in LAYERS)


def test_data_card_has_the_counts_of_the_records() -> None:
    card = (CORPUS / "README.md").read_text(encoding="utf-8")
    assert write_table(count_labels(ARTICLES)) in card, "copy the output of: copydesk compile --counts"
