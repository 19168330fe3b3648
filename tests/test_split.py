"""No story is told on both sides of a split, and the split depends on nothing but stories and seed."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from conftest import gold_article
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import DataError
from annotate.records import Annotation, Article, read_records, to_line
from training.split import PARTS, corpus_digest, split_by_story, split_corpus, split_records, write_split


def article_of(number: int, story: str | None) -> Article:
    """An article with a text of its own, too short to be nearly another's."""
    return gold_article(f"a{number}", story=story).model_copy(update={"text": f"Text {number}.", "annotations": ()})


corpora = st.lists(st.integers(0, 12), min_size=1, max_size=40).map(
    lambda stories: [article_of(i, None if n == 12 else f"s{n}") for i, n in enumerate(stories)]
)


@settings(deadline=None)
@given(corpora, st.integers(0, 5))
def test_split_never_parts_a_story_and_loses_no_article(articles: list[Article], seed: int) -> None:
    parts = split_by_story(articles, seed=seed)
    stories = [{a.story_or_id for a in parts[part]} for part in PARTS]
    assert sum(map(len, stories)) == len(set.union(*stories))
    assert sorted(a.id for part in PARTS for a in parts[part]) == sorted(a.id for a in articles)


@settings(deadline=None)
@given(corpora, st.randoms())
def test_split_ignores_the_order_of_articles(articles: list[Article], random: Random) -> None:
    assert split_by_story(articles, seed=1) == split_by_story(random.sample(articles, len(articles)), seed=1)


@settings(deadline=None)
@given(corpora)
def test_no_part_is_empty_from_three_stories_on(articles: list[Article]) -> None:
    n_stories = len({a.story_or_id for a in articles})
    parts = split_by_story(articles)
    filled = [part for part in PARTS if parts[part]]
    assert filled == (list(PARTS) if n_stories >= 3 else list(PARTS[:n_stories]))


def test_shares_are_met_where_stories_are_small() -> None:
    parts = split_by_story([gold_article(f"a{i}", story=f"s{i // 2}") for i in range(200)])
    assert {part: len(parts[part]) for part in PARTS} == {"train": 140, "dev": 20, "test": 40}


def test_a_giant_story_goes_to_train() -> None:
    giant = [gold_article(f"g{i}", story="giant") for i in range(60)]
    small = [gold_article(f"s{i}", story=f"s{i}") for i in range(40)]
    for seed in range(10):
        parts = split_by_story(giant + small, seed=seed)
        assert len(parts["dev"]) == 10
        assert len(parts["test"]) == 20


def test_another_seed_gives_another_split() -> None:
    articles = [article_of(i, None) for i in range(30)]
    assert split_by_story(articles, seed=0) != split_by_story(articles, seed=1)


def test_a_part_without_a_share_stays_empty() -> None:
    articles = [article_of(i, None) for i in range(10)]
    parts = split_by_story(articles, shares=(0.8, 0.0, 0.2))
    assert (len(parts["train"]), len(parts["dev"]), len(parts["test"])) == (8, 0, 2)


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(DataError, match="nothing to train on"):
        split_by_story([], shares=(-0.1, 0.6, 0.5))


def test_articles_without_a_usable_annotation_are_kept_apart() -> None:
    bare = Article(id="bare", text="Nobody read this.")
    skipped = bare.model_copy(update={"id": "skipped", "annotations": (Annotation(annotator="anna", meta={"skipped": True}),)})
    split = split_corpus([gold_article("a"), bare, skipped], "here")
    assert split.to_json() == {"train": ["a"], "dev": [], "test": [], "unused": ["bare", "skipped"]}


@pytest.mark.parametrize(
    ("content", "finding"),
    [("", "has no article"), ('{"id": "a", "text": "Hello."}\n', "has 1 article but no annotation")],
    ids=["empty", "not annotated"],
)
def test_a_corpus_with_nothing_to_learn_is_refused(content: str, finding: str, records_file: Callable[[str], Path]) -> None:
    with pytest.raises(DataError, match=finding):
        split_records(records_file(content))


def test_written_split_says_which_article_went_where(tmp_path: Path, records_file: Callable[[str], Path]) -> None:
    articles = [gold_article(f"a{i}", story=f"s{i}") for i in range(5)]
    split = split_records(records_file("".join(map(to_line, articles))))
    write_split(split, tmp_path / "out", settings={"seed": 0})
    plain = json.loads((tmp_path / "out" / "split.json").read_text())
    for part in PARTS:
        assert [a.id for a in read_records(tmp_path / "out" / f"{part}.jsonl")] == plain[part]
    assert plain["corpus"] == corpus_digest(reversed(articles))


def test_a_split_does_not_take_the_place_of_what_else_is_in_its_folder(tmp_path: Path) -> None:
    split, out = split_corpus([gold_article("a")], "here"), tmp_path / "out"
    write_split(split, out, settings={})
    write_split(split, out, settings={}, force=True)
    (out / "train-by-hand.jsonl").write_text("mine")
    with pytest.raises(DataError, match=r"out: holds other files too, such as train-by-hand\.jsonl; give a folder of its own"):
        write_split(split, out, settings={}, force=True)
    assert (out / "train-by-hand.jsonl").read_text() == "mine"


def test_corpus_digest_sees_annotations() -> None:
    changed = gold_article("a").model_copy(update={"annotations": ()})
    assert corpus_digest([gold_article("a")]) != corpus_digest([changed])
