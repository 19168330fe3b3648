"""The starter corpus: what a model learns from it, from parts of it, and of an outlet that it never read.

Runs are kept in build/starter, a folder each, and are not made twice; `score` adds them up and writes
benchmarks/starter.json and docs/learning-curve.png. Intervals are bootstraps over the test stories and the runs.
"""

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotate.matching import Counts, count_matches
from annotate.records import Article, read_records
from annotate.schema import read_schema
from training.evaluate import evaluate
from training.pipeline import load_model
from training.split import Split, corpus_digest
from training.train import Settings, train

CORPUS = Path("corpus")
RUNS = Path("build/starter")
BASE = Path("models/base/en_core_web_md")
RESULTS = Path("benchmarks/starter.json")
PLOT = Path("docs/learning-curve.png")
STEPS = {"training.max_steps": 1000}  # as in the Makefile
SEEDS = range(5)
SHARES = (25, 50, 75)  # percent of the train stories; the whole are the runs of the seeds
N_RESAMPLES = 2000
SHOWN = ("mentions", "triggers_id", "triggers", "arguments", "arguments_attached", "attributes", "stances")
SHOWN_GIVEN = ("arguments", "attributes", "stances")
Rows = dict[str, dict[str, tuple[int, int, int]]]  # score -> story -> tp, fp, fn


class Run(NamedTuple):
    """One training: its name, seed and articles. outlet: the one it does not read, and is scored on alone."""

    name: str
    seed: int
    train: list[Article]
    dev: list[Article]
    outlet: str | None = None


def runs() -> Iterator[Run]:
    """All trainings, the quickest to tell something first."""
    parts = {part: list(read_records(CORPUS / f"{part}.jsonl")) for part in ("train", "dev")}
    for seed in SEEDS:
        yield Run(f"seed-{seed}", seed, parts["train"], parts["dev"])
    for share in reversed(SHARES):
        for seed in SEEDS[:3]:
            yield Run(f"share-{share}-{seed}", seed, _share(parts["train"], share, seed), parts["dev"])
    for outlet in sorted({article.outlet or "" for article in parts["train"]}):
        name = outlet.lower().replace(" ", "-")
        others = {part: [a for a in articles if a.outlet != outlet] for part, articles in parts.items()}
        yield Run(f"without-{name}", 0, others["train"], others["dev"], outlet)


def _share(articles: Sequence[Article], percent: int, seed: int) -> list[Article]:
    """The articles of that share of the stories: another draw for each seed, a smaller share inside a larger one."""
    stories = sorted({a.story_or_id for a in articles}, key=lambda s: sha256(f"{seed} {s}".encode()).hexdigest())
    kept = set(stories[: round(len(stories) * percent / 100)])
    return [a for a in articles if a.story_or_id in kept]


def learn(names: Iterable[str]) -> None:
    """Trains the runs whose names begin with one of these (all without one), but for those that are there already."""
    wanted = tuple(names) or ("",)
    for run in runs():
        folder = RUNS / run.name
        if run.name.startswith(wanted) and not (folder / "run.json").exists():
            settings = Settings(read_schema(), base=str(BASE), seed=run.seed, overrides=STEPS)
            split = Split({"train": run.train, "dev": run.dev, "test": []}, [])
            table = io.StringIO() if "COPYDESK_QUIET" in os.environ else sys.stderr
            train(split, folder, settings, say=lambda line: None, stream=table, force=True)
            print(run.name, flush=True)


def score() -> dict[str, Any]:
    """The scores of all runs on test. Any: plain JSON."""
    test = list(read_records(CORPUS / "test.jsonl"))
    counted: dict[str, Rows] = {}
    outlets: dict[str, Any] = {}
    for run in runs():
        nlp = load_model(str(RUNS / run.name))
        if run.outlet is None:
            counted[run.name] = _count(nlp, test)
        else:
            own = [a for a in test if a.outlet == run.outlet]
            seen = _count(load_model(str(RUNS / "seed-0")), own)
            unseen = _count(nlp, own)
            outlets[run.outlet] = {
                "n_articles": len(own),
                **{name: {"read": _f1(seen[name]), "unread": _f1(unseen[name])} for name in SHOWN},
            }
    whole = [counted[f"seed-{seed}"] for seed in SEEDS]
    curve = {str(share): [counted[f"share-{share}-{seed}"] for seed in SEEDS[:3]] for share in SHARES} | {"100": whole[:3]}
    names = [*SHOWN, *(f"given {name}" for name in SHOWN_GIVEN)]
    return {
        "corpus": corpus_digest(a for part in ("train", "dev", "test") for a in read_records(CORPUS / f"{part}.jsonl")),
        "settings": STEPS,
        "seeds": {name: _summary([rows[name] for rows in whole]) for name in names},
        "curve": {share: {name: _summary([rows[name] for rows in own]) for name in names} for share, own in curve.items()},
        "last quarter": {name: _gain([r[name] for r in curve["75"]], [r[name] for r in curve["100"]]) for name in names},
        "outlets": outlets,
    }


def _count(nlp: Any, articles: Sequence[Article]) -> Rows:
    """Counts for each score and story. Any: a pipeline."""
    rows: Rows = {}
    for pair in evaluate(nlp, articles, n_resamples=1).pairs:
        found: dict[str, Counts] = {str(name): counts for name, counts in count_matches(pair.gold, pair.found).items()}
        if pair.given is not None:
            given = count_matches(pair.gold, pair.given)
            found |= {f"given {name}": given[name] for name in SHOWN_GIVEN if name in given}
        for name, counts in found.items():
            story = rows.setdefault(name, {})
            tp, fp, fn = story.get(pair.article.story_or_id, (0, 0, 0))
            story[pair.article.story_or_id] = (tp + counts.tp, fp + counts.fp, fn + counts.fn)
    return rows


def _f1(rows: Mapping[str, tuple[int, int, int]]) -> float:
    tp, fp, fn = np.sum(list(rows.values()), axis=0)
    return round(float(2 * tp / (2 * tp + fp + fn)), 4)


def _summary(runs: Sequence[Mapping[str, tuple[int, int, int]]]) -> dict[str, Any]:
    """Mean F1 of the runs, each one's, and the interval of the mean. Any: numbers and lists of them."""
    draws = _draw(runs)
    return {"mean": round(float(np.mean([_f1(r) for r in runs])), 4), "ci": _interval(draws), "runs": [_f1(r) for r in runs]}


def _gain(before: Sequence[Mapping[str, tuple[int, int, int]]], after: Sequence[Mapping[str, tuple[int, int, int]]]) -> Any:
    """What the mean F1 gains, with its interval: the same stories and seeds are drawn for both. Any: numbers."""
    gain = np.mean([_f1(r) for r in after]) - np.mean([_f1(r) for r in before])
    return {"gain": round(float(gain), 4), "ci": _interval(_draw(after) - _draw(before))}


def _draw(runs: Sequence[Mapping[str, tuple[int, int, int]]]) -> NDArray[np.float64]:
    """Mean F1, (N_RESAMPLES,), of runs and stories drawn with replacement."""
    random = np.random.default_rng(0)
    table = np.array([[rows[story] for story in sorted(rows)] for rows in runs])  # (n_runs, n_stories, 3)
    n_runs, n_stories, _ = table.shape
    means = np.empty(N_RESAMPLES)
    for i in range(N_RESAMPLES):
        stories, chosen = random.integers(0, n_stories, n_stories), random.integers(0, n_runs, n_runs)
        tp, fp, fn = table[chosen][:, stories].sum(axis=1).T
        means[i] = np.mean(2 * tp / np.maximum(2 * tp + fp + fn, 1))
    return means


def _interval(draws: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 4) for value in np.quantile(draws, [0.025, 0.975])]


def plot(result: Mapping[str, Any], path: Path) -> None:
    """Draws the learning curve. Any: plain JSON."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = ("mentions", "given arguments", "given attributes", "triggers_id", "triggers", "arguments_attached", "stances")
    figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
    shares = sorted(int(share) for share in result["curve"])
    for name in shown:
        rows = [result["curve"][str(share)][name] for share in shares]
        means = [row["mean"] for row in rows]
        (line,) = axes.plot(shares, means, marker="o", markersize=4)
        axes.fill_between(shares, [r["ci"][0] for r in rows], [r["ci"][1] for r in rows], alpha=0.12, color=line.get_color())
        axes.annotate(name.replace("_", " "), (101.5, means[-1]), color=line.get_color(), va="center", fontsize=9)
    axes.set(xlabel="% of the train stories", ylabel="F1 on test", xticks=shares, xlim=(20, 128), ylim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def main(words: Sequence[str]) -> None:
    """train [NAME …] | score"""
    if words[:1] == ["train"]:
        learn(words[1:])
    else:
        result = score()
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        plot(result, PLOT)
        print(json.dumps({key: result[key] for key in ("seeds", "last quarter", "outlets")}, indent=1))
