"""What a random split would have pretended: F1 where the story of an article is told in train too, and where it is not.

For each seed one article of each test story is drawn and scored. Two models learn from equally many articles of equally many
stories: in the arm "random" another article of each test story is in train, in the arm "by story" one article of as many
train stories instead, drawn by seed; all else that they learn from is the same. The test articles that are learnt from have
the marks of the annotator of train. Runs are kept in build/pretended, a folder each, and are not made twice.
"""

import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from annotate.notation import read_marked
from annotate.records import Article, read_records
from annotate.schema import read_schema
from training.curve import Rows, count_by_story, digest_of, summarize
from training.evaluate import evaluate
from training.leaks import pretended
from training.pipeline import load_model
from training.split import PARTS, SHARES, Split, corpus_digest
from training.train import Settings, parse_overrides, train

from .page import commit_now
from .starter import BASE, CORPUS, FINISHED, SHOWN, SHOWN_GIVEN, paired_gain

RUNS = Path("build/pretended")
STEPS = {"training.max_steps": 600}
N_SEEDS = 3
ARMS = ("by story", "random")


class Corpus(NamedTuple):
    """The articles of the parts, and those of test as the annotator of train marked them."""

    train: Sequence[Article]
    dev: Sequence[Article]
    test: Sequence[Article]
    as_train: Mapping[str, Article]

    @property
    def articles(self) -> list[Article]:
        return [*self.train, *self.dev, *self.test]


class Run(NamedTuple):
    """One training: its arm and seed, what it learns from, and the articles that it is scored on."""

    arm: str
    seed: int
    split: Split
    scored: list[Article]

    @property
    def name(self) -> str:
        return f"{self.arm.replace(' ', '-')}-{self.seed}"


def read_corpus(folder: Path = CORPUS) -> Corpus:
    """The starter corpus."""
    parts = {part: list(read_records(folder / f"{part}.jsonl")) for part in PARTS}
    first = read_marked(folder / "double/after/first", read_schema())
    return Corpus(parts["train"], parts["dev"], parts["test"], {article.id: article for article in first})


def runs(corpus: Corpus, n_seeds: int = N_SEEDS) -> Iterator[Run]:
    """Both arms of each seed. Raises ValueError with fewer train stories than test stories of two articles."""
    for seed in range(n_seeds):
        told = [_shuffled(own, seed) for own in _by_story(corpus.test) if len(own) > 1]
        mates = [corpus.as_train[own[1].id] for own in told]
        stories = _shuffled_stories(corpus.train, seed)
        if len(stories) < len(mates):
            raise ValueError(f"{len(stories)} train stories, fewer than {len(mates)} test stories")
        others = [own[0] for own in stories[: len(mates)]]
        shared = [article for own in stories[len(mates) :] for article in own]
        for arm, added in zip(ARMS, (others, mates), strict=True):
            learnt = sorted([*shared, *added], key=lambda a: a.id)
            yield Run(arm, seed, Split({"train": learnt, "dev": list(corpus.dev), "test": []}, []), [own[0] for own in told])


def _by_story(articles: Iterable[Article]) -> list[list[Article]]:
    stories: dict[str, list[Article]] = {}
    for article in sorted(articles, key=lambda a: a.id):
        stories.setdefault(article.story_or_id, []).append(article)
    return [stories[story] for story in sorted(stories)]


def _shuffled(articles: Iterable[Article], seed: int) -> list[Article]:
    return sorted(articles, key=lambda a: _hash(a.id, seed))


def _shuffled_stories(articles: Iterable[Article], seed: int) -> list[list[Article]]:
    stories = [_shuffled(own, seed) for own in _by_story(articles)]
    return sorted(stories, key=lambda own: _hash(own[0].story_or_id, seed))


def _hash(key: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {key}".encode()).hexdigest()


def folder_of(run: Run, settings: Settings, work: Path) -> Path:
    """Where the run's model lies: a run of other code, articles or settings has another folder."""
    return work / f"{run.name}-{commit_now()}-{digest_of(run.split, replace(settings, seed=run.seed))}"


def learn(run: Run, settings: Settings, work: Path) -> bool:
    """Trains a run, unless it is there; whether it was trained now."""
    folder = folder_of(run, settings, work)
    if (folder / FINISHED).exists():
        return False
    table = io.StringIO() if "COPYDESK_QUIET" in os.environ else sys.stderr
    train(run.split, folder, replace(settings, seed=run.seed), say=lambda line: None, stream=table, force=True)
    return True


def score(corpus: Corpus, settings: Settings, work: Path, n_seeds: int = N_SEEDS) -> dict[str, Any]:
    """The mean F1 of each arm over the seeds, and what the random one has more. Any: plain JSON."""
    counted: dict[str, list[Mapping[str, Rows]]] = {arm: [] for arm in ARMS}
    for run in runs(corpus, n_seeds):
        nlp = load_model(folder_of(run, settings, work))
        counted[run.arm].append(count_by_story(evaluate(nlp, run.scored, n_resamples=1).pairs))
    names = [*SHOWN, *(f"given {name}" for name in SHOWN_GIVEN)]
    scores = {}
    for name in names:
        rows = {arm: [own[name] for own in counted[arm]] for arm in ARMS if all(name in own for own in counted[arm])}
        if len(rows) == len(ARMS):
            arms = {arm: summarize(own)._asdict() for arm, own in rows.items()}
            scores[name] = {**arms, **paired_gain(rows["by story"], rows["random"])}
    return {
        "corpus": corpus_digest(corpus.articles),
        "settings": dict(settings.overrides),
        "seeds": n_seeds,
        "train articles": len(run.split.parts["train"]),
        "test articles": len(run.scored),
        "share": round(pretended((a.story_or_id for a in corpus.articles), SHARES[2]), 4),
        "scores": scores,
    }


def measure(words: Sequence[str]) -> dict[str, Any] | None:
    """words: RUN … trains these alone, here; without one each is trained in a process of its own, and all are scored.

    Settings, such as --training.max_steps 20, come last. None where nothing was scored. Any: plain JSON.
    """
    first = next((place for place, word in enumerate(words) if word.startswith("--")), len(words))
    names, overrides = words[:first], words[first:]
    settings = Settings(read_schema(), base=str(BASE), overrides=STEPS | parse_overrides(list(overrides)))
    corpus = read_corpus()
    known = {run.name: run for run in runs(corpus)}
    wrong = [name for name in names if name not in known]
    if wrong:
        sys.exit(f"{wrong[0]}: is no run; name one of {', '.join(known)}")
    for name in names:
        print(name if learn(known[name], settings, RUNS) else f"{name}: is there", flush=True)
    if names:
        return None
    for name, run in known.items():
        if not (folder_of(run, settings, RUNS) / FINISHED).exists():
            subprocess.run([sys.executable, "-m", "benchmarks", "pretended", name, *overrides], check=True)
    return score(corpus, settings, RUNS)
