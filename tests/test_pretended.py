"""What a random split would have pretended: the arms differ in the story-mates alone, and runs are not made twice."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import gold_annotation, gold_article
from test_benchmarks import starter, write
from test_train import SMALL

from annotate.records import Article
from annotate.schema import Schema
from benchmarks.page import write_page
from benchmarks.pretended import Corpus, folder_of, learn, read_corpus, runs, score
from benchmarks.starter import paired_gain
from benchmarks.starter_page import pretended_table
from training.train import Settings

TINY = {**SMALL, "training.max_steps": 20, "training.eval_frequency": 10}


def told(part: str, n_stories: int, n_outlets: int = 2) -> list[Article]:
    """Stories, each by that many outlets."""
    return [
        gold_article(f"{part}{story}-{outlet}", story=f"{part}{story}")
        for story in range(n_stories)
        for outlet in range(n_outlets)
    ]


def small(n_train: int = 6, n_test: int = 3) -> Corpus:
    test = told("test", n_test)
    as_train = {a.id: a.model_copy(update={"annotations": (gold_annotation("first"),)}) for a in test}
    return Corpus(told("train", n_train), told("dev", 2), test, as_train)


def ids(articles: list[Article]) -> set[str]:
    return {a.id for a in articles}


@pytest.mark.parametrize("corpus", [small(), small(7, 7), read_corpus()], ids=["small", "as many stories", "starter"])
def test_the_arms_differ_in_the_story_mates_alone(corpus: Corpus) -> None:
    made = {run.name: run for run in runs(corpus, 2)}
    assert list(made) == ["by-story-0", "random-0", "by-story-1", "random-1"]
    for seed in range(2):
        one, other = made[f"by-story-{seed}"], made[f"random-{seed}"]
        trains = [run.split.parts["train"] for run in (one, other)]
        assert [a.id for a in one.scored] == [a.id for a in other.scored]
        assert one.split.parts["dev"] == other.split.parts["dev"] == list(corpus.dev)
        scored = {a.story for a in one.scored}
        assert len(one.scored) == len(scored)
        assert not scored & {a.story for a in trains[0]}
        assert {a.story for a in trains[1]} >= scored
        assert not ids(one.scored) & ids(trains[1])
        assert len(trains[0]) == len(trains[1])
        assert len({a.story for a in trains[0]}) == len({a.story for a in trains[1]})
        assert {a.story for a in trains[1] if a.id not in ids(trains[0])} == scored


def test_each_seed_draws_others_whatever_the_order(schema: Schema) -> None:
    corpus = small()
    backwards = Corpus(corpus.train[::-1], corpus.dev, corpus.test[::-1], corpus.as_train)
    again = {run.name: run.split.parts["train"] for run in runs(backwards)}
    drawn = {run.name: run.split.parts["train"] for run in runs(corpus)}
    assert drawn == again
    assert ids(drawn["random-0"]) != ids(drawn["random-1"])


def test_what_is_learnt_of_test_has_the_marks_of_the_annotator_of_train() -> None:
    (random,) = [run for run in runs(small(), 1) if run.arm == "random"]
    assert {a.annotations[0].annotator for a in random.split.parts["train"] if str(a.story).startswith("test")} == {"first"}
    assert {a.annotations[0].annotator for a in random.scored} == {"gold"}


def test_a_story_of_one_article_is_not_scored() -> None:
    corpus = small()
    alone = corpus._replace(test=[a for a in corpus.test if a.id != "test1-0"])
    assert {a.story for run in runs(alone) for a in run.scored} == {"test0", "test2"}


def test_too_few_train_stories_are_said() -> None:
    with pytest.raises(ValueError, match="2 train stories, fewer than 3 test stories"):
        list(runs(small(2, 3)))


def test_runs_are_trained_once_and_scored_in_pairs(schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPYDESK_QUIET", "1")
    corpus, settings = small(), Settings(schema, base="none", overrides=TINY)
    made = list(runs(corpus, 1))
    assert [learn(run, settings, tmp_path) for run in made] == [True, True]
    assert [learn(run, settings, tmp_path) for run in made] == [False, False]
    other = Settings(schema, base="none", overrides=TINY | {"training.max_steps": 30})
    assert folder_of(made[0], other, tmp_path) != folder_of(made[0], settings, tmp_path)
    result = score(corpus, settings, tmp_path, 1)
    assert (result["train articles"], result["test articles"], result["seeds"]) == (9, 3, 1)
    assert result["share"] == round(1 - 0.2, 4)  # every story has two articles: the other is elsewhere four times in five
    own = result["scores"]["mentions"]
    assert own["gain"] == pytest.approx(own["random"]["mean"] - own["by story"]["mean"])
    assert own["ci"] is None
    assert list(result["scores"])[-1] == "given stances"


def test_the_gain_is_paired_by_story() -> None:
    """Stories differ by far more than the arms: only pairs show that each gains."""
    before = {f"s{n}": (n, 20 - n, 20 - n) for n in range(12)}
    after = {story: (tp + 1, fp - 1, fn - 1) for story, (tp, fp, fn) in before.items()}
    gained = paired_gain([before], [after])
    assert gained["gain"] == pytest.approx(0.05)
    assert gained["ci"] == pytest.approx((0.05, 0.05), abs=0.001)
    few = {story: before[story] for story in sorted(before)[:9]}
    assert paired_gain([few], [few]) == {"gain": 0.0, "ci": None}


def result() -> dict[str, Any]:
    """What is kept, with two scores."""
    arms = {"by story": {"mean": 0.5, "ci": [0.4, 0.6], "runs": [0.5]}, "random": {"mean": 0.53, "ci": None, "runs": [0.53]}}
    gain = {"gain": 0.03, "ci": [0.01, 0.05]}
    return {
        "commit": "abc1234",
        "corpus": "0123456789abcdef",
        "settings": {"training.max_steps": 600},
        "seeds": 3,
        "train articles": 153,
        "test articles": 24,
        "share": 0.827,
        "scores": {"triggers_id": {**arms, **gain}, "given stances": {**arms, "gain": -0.01, "ci": None}},
    }


def test_the_page_has_both_arms_and_the_difference(tmp_path: Path) -> None:
    lines = pretended_table(result())
    assert "| triggers id | 0.500 | 0.530 | +0.030 | +0.010 to +0.050 |" in lines
    assert "| given stances | 0.500 | 0.530 | -0.010 | - |" in lines
    assert "83% of the test articles" in " ".join(lines)
    assert "training.max_steps 600, at commit abc1234; corpus 0123456789ab." in " ".join(lines)
    page = tmp_path / "page.md"
    write(page, "<!-- results -->\n<!-- end of results -->\n<!-- starter -->\n<!-- end of starter -->\n")
    write_page({"pretended": result()}, starter(), page=page)
    text = page.read_text()
    assert text.index("### An outlet that was never read") < text.index("\n\n### What a random split would have pretended\n")
    write_page({"pretended": result()}, None, page=page)
    assert "<!-- starter -->\n\n### What a random split" in page.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["random"], "random: is no run; name one of by-story-0, random-0"),
        (["random-0", "--training.max_steps"], "'--training.max_steps': has no value"),
    ],
    ids=["run", "setting"],
)
def test_wrong_words_end_with_one_message(words: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "pretended", *words],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
