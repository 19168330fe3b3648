"""The starter corpus: sources and records agree, every layer is there, and the guidelines speak of the scheme as it is."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from annotate.agreement import agree, pairs_of, to_text
from annotate.check import sound_articles
from annotate.counts import count_labels, write_table
from annotate.notation import parse_marked, read_marked
from annotate.records import LAYERS, Annotation, Article, read_records
from annotate.schema import Schema, read_schema
from annotate.sources import join_annotations
from training.split import PARTS

CORPUS = Path(__file__).parent.parent / "corpus"
GUIDELINES = (CORPUS / "guidelines.md").read_text(encoding="utf-8")
SPLIT: dict[str, list[Article]] = {part: list(read_records(CORPUS / f"{part}.jsonl")) for part in PARTS}
ARTICLES = [article for part in PARTS for article in SPLIT[part]]
GOLD: list[Annotation] = [a.annotations[0] for a in ARTICLES]
OUTLETS = {
    "Harbor Courier",
    "The Meridian Post",
    "Patriot Ledger",
    "Northgate Wire",
    "El Faro Weekly",
    "Straits Observer",
}


def sentences_of(text: str) -> list[str]:
    return re.split(r"(?<=[.!?”])\s+", text)


def shingles(text: str, n: int) -> list[tuple[str, ...]]:
    """Every n successive words."""
    words = re.findall(r"\w+", text.lower())
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


@pytest.mark.parametrize("part", PARTS)
def test_records_are_what_the_sources_compile_to(part: str, schema: Schema) -> None:
    compiled = list(read_marked(CORPUS / "stories" / part, schema))
    assert compiled == SPLIT[part], "run: make corpus"


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
    for path in sorted((CORPUS / "stories").glob("*/*.marked")):
        assert {article.story for article in read_marked(path, schema)} == {path.stem}


def test_no_story_is_told_in_two_parts() -> None:
    parts: dict[str, set[str]] = {}
    for part, articles in SPLIT.items():
        for article in articles:
            parts.setdefault(article.story_or_id, set()).add(part)
    assert [story for story, found in parts.items() if len(found) > 1] == []
    shares = {part: Counter(found == {part} for found in parts.values())[True] / len(parts) for part in PARTS}
    assert shares == pytest.approx({"train": 0.7, "dev": 0.1, "test": 0.2}, abs=0.02)


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
    totals = Counter[str]()
    for (layer, label), n in counts.items():
        totals[layer] += n if label != "of the article itself" else 0
    least = {
        "articles": 240,
        "stories": 80,
        "words": 40_000,
        "mentions": 4_500,
        "events": 1_600,
        "arguments": 2_400,
        "stances": 600,
    }
    assert len(ARTICLES) >= 240
    assert {layer: totals[layer] for layer, n in least.items() if totals[layer] < n} == {}
    assert min(counts["events", label] for label in schema.events) >= 40
    assert min(counts["stances", label] for label in schema.stances.labels) >= 200
    assert sum(n for (layer, value), n in counts.items() if layer == "modality" and value != "ASSERTED") >= 250


def test_stories_are_spread_over_the_years() -> None:
    years = Counter((article.published or "")[:4] for article in ARTICLES)
    assert [year for year in range(1990, 2022) if not years[str(year)]] == []
    assert max(years.values()) < 0.1 * len(ARTICLES)


def test_no_sentence_occurs_twice() -> None:
    sentences = Counter(s for a in ARTICLES for s in sentences_of(a.text) if len(s.split()) > 4)
    assert [s for s, n in sentences.items() if n > 1] == []


def test_no_phrase_of_six_words_is_in_more_than_three_articles() -> None:
    """Names apart: phrases with at most two words outside of mentions may be in any number."""
    phrases: Counter[tuple[str, ...]] = Counter()
    for article in ARTICLES:
        names = [range(m.start, m.end) for m in article.annotations[0].mentions or () if m.label != "DATE"]
        words = [(w[0].lower(), any(w.start() in name for name in names)) for w in re.finditer(r"\w+", article.text)]
        runs = (words[i : i + 6] for i in range(len(words) - 5))
        phrases.update({tuple(word for word, _ in run) for run in runs if sum(not is_name for _, is_name in run) > 2})
    assert [" ".join(p) for p, n in phrases.items() if n > 3] == []


def test_no_sentence_of_one_part_is_nearly_one_of_another() -> None:
    """Jaccard similarity of the sets of three successive words; unlike sentences hardly ever share any."""
    sentences = [
        (part, sentence, words)
        for part, articles in SPLIT.items()
        for article in articles
        for sentence in sentences_of(article.text)
        if len(words := set(shingles(sentence, 3))) > 5
    ]
    having: dict[tuple[str, ...], list[int]] = {}
    for number, (_, _, words) in enumerate(sentences):
        for three in words:
            having.setdefault(three, []).append(number)
    shared = Counter(pair for numbers in having.values() for pair in combinations(numbers, 2))
    close = [
        (sentences[one][1], sentences[other][1])
        for (one, other), n in shared.items()
        if sentences[one][0] != sentences[other][0] and n / len(sentences[one][2] | sentences[other][2]) > 0.25
    ]
    assert close == []


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


@pytest.mark.parametrize("line", [line for line in examples() if line.startswith("yes")])
def test_good_examples_of_the_guidelines_stand_in_the_corpus_as_they_are_marked(line: str) -> None:
    body = line[4:].partition(" | ")[0]
    (example,) = parse_marked(f"=== example\n\n{body}\n", read_schema(), "the guidelines")
    places = [(a, a.text.find(example.text)) for a in SPLIT["train"] + SPLIT["dev"] if example.text in a.text]
    assert places, "quote words of the stories, but not of the test part"
    article, start = places[0]
    assert marks(example.annotations[0]) <= marks(article.annotations[0], start)


def marks(annotation: Annotation, start: int = 0) -> set[tuple[object, ...]]:
    """Offsets from `start`, label, and of events the attributes too."""
    mentions = {(m.start - start, m.end - start, m.label) for m in annotation.mentions or ()}
    events = {(e.start - start, e.end - start, e.label, *sorted(e.attributes.items())) for e in annotation.events or ()}
    return mentions | events


def annotator(time: str, name: str) -> list[Article]:
    return list(read_marked(CORPUS / "double" / time / name, read_schema(), annotator=name))


@pytest.mark.parametrize("time", ["before", "after"])
def test_two_annotators_marked_the_very_texts_of_the_test_part(time: str) -> None:
    texts = {article.id: article.text for article in SPLIT["test"]}
    for name in ("first", "second"):
        assert {article.id: article.text for article in annotator(time, name)} == texts


@pytest.mark.parametrize("time", ["before", "after"])
def test_data_card_has_the_agreement(time: str) -> None:
    joined = join_annotations(("double", article) for name in ("first", "second") for article in annotator(time, name))
    (pairs,) = pairs_of(joined).values()
    card = (CORPUS / "README.md").read_text(encoding="utf-8")
    assert to_text(agree(pairs)) in card, "copy the output of: make agreement"


@pytest.mark.parametrize("part", PARTS)
def test_data_card_has_the_counts_of_the_records(part: str) -> None:
    card = (CORPUS / "README.md").read_text(encoding="utf-8")
    assert write_table(count_labels(SPLIT[part])) in card, "copy the output of: make corpus"
