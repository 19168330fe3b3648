"""Texts that are nearly the same are found, kept on one side of a split, and told where they are not."""

from random import Random

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.records import Annotation, Article
from training.evaluate import evaluate
from training.leaks import SAME_ARTICLE, find_twins, leaks, pretended, shingle, stories_of
from training.split import PARTS, split_by_story

WORDS = [f"w{i}" for i in range(3000)]


def text_of(seed: int, n_words: int = 150) -> str:
    return " ".join(Random(seed).choices(WORDS, k=n_words))


def reprinted(text: str) -> str:
    """The same report with a lead of its own and its end cut off."""
    return "Our correspondent writes: " + " ".join(text.split()[:130]) + "."


def article(article_id: str, text: str, story: str | None = None) -> Article:
    return Article(id=article_id, text=text, story=story, annotations=(Annotation(annotator="gold", mentions=()),))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_every_reprint_among_many_texts_is_found_with_its_true_similarity(seed: int) -> None:
    texts = {f"t{i:02}": text_of(seed + i) for i in range(30)}
    texts |= {f"copy{i}": reprinted(texts[f"t{i:02}"]) for i in range(5)}
    found = find_twins(texts, SAME_ARTICLE)
    assert {(t.first, t.second) for t in found} == {(f"copy{i}", f"t{i:02}") for i in range(5)}
    for twins in found:
        one, other = shingle(texts[twins.first]), shingle(texts[twins.second])
        assert twins.similarity == round(len(one & other) / len(one | other), 3)


def test_short_texts_are_no_twins() -> None:
    assert find_twins({"a": "He did not elaborate.", "b": "He did not elaborate."}, 0.5) == []


def test_an_article_without_a_story_stays_with_its_reprint() -> None:
    text = text_of(1)
    articles = [article("a", text), article("b", reprinted(text)), article("c", text_of(2)), article("d", text, story="s")]
    stories = stories_of(articles)
    assert stories["a"] == stories["b"] == stories["d"] == "s"
    assert stories["c"] == "c"


def test_reprints_without_a_story_are_one_story_to_the_intervals() -> None:
    text = text_of(1)
    reprints = [article(f"a{n:02}", text if n % 2 else reprinted(text)) for n in range(12)]
    scores = evaluate(spacy.blank("en"), reprints)
    assert (len(scores.pairs), scores.n_stories) == (12, 1)


def test_stories_that_are_given_are_not_joined() -> None:
    text = text_of(1)
    assert stories_of([article("a", text, story="x"), article("b", text, story="y")]) == {"a": "x", "b": "y"}


@pytest.mark.parametrize("seed", range(3))
def test_a_split_keeps_reprints_together(seed: int) -> None:
    originals = [article(f"a{i:02}", text_of(i)) for i in range(20)]
    parts = split_by_story([*originals, *(article(f"b{i:02}", reprinted(a.text)) for i, a in enumerate(originals))], seed=seed)
    where = {a.id: part for part in PARTS for a in parts[part]}
    assert [i for i in range(20) if where[f"a{i:02}"] != where[f"b{i:02}"]] == []
    assert list(leaks(parts)) == []


def test_leaks_of_articles_and_sentences_are_told() -> None:
    text = text_of(1)
    boast = "The minister opened the new bridge over the river on Monday before a crowd of many thousands."
    parts = {
        "train": [article("a", text, story="x"), article("c", f"{text_of(5)}. {boast}", story="u")],
        "dev": [article("d", f"{text_of(6)}. {boast} {text_of(7)}", story="v")],
        "test": [article("b", reprinted(text), story="y")],
    }
    assert list(leaks(parts)) == [
        "1 article of test nearly as in train (b): scores on test flatter",
        "1 sentence of dev nearly as in train (d): scores on dev flatter",
    ]


def test_what_a_random_split_would_pretend_is_what_drawing_shows() -> None:
    stories = [f"s{i // 3}" for i in range(60)] + [f"alone{i}" for i in range(20)]
    random, drawn = Random(0), []
    for _ in range(400):
        test = [random.random() < 0.2 for _ in stories]
        elsewhere = {s for s, is_test in zip(stories, test, strict=True) if not is_test}
        own = [s in elsewhere for s, is_test in zip(stories, test, strict=True) if is_test]
        drawn.append(sum(own) / len(own))
    assert pretended(stories, 0.2) == pytest.approx(sum(drawn) / len(drawn), abs=0.02)
    assert pretended([], 0.2) == 0.0
