"""The starter corpus: what a model learns from it, from parts of it, and of an outlet that it never read.

Runs are kept in build/starter, a folder for each commit and run, and are not made twice; `score` adds them up and writes
benchmarks/starter.json and docs/learning-curve.png. Intervals are bootstraps over the test stories and the runs.
"""

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from annotate.records import Article, read_records
from annotate.schema import read_schema
from annotate.scores import MIN_STORIES
from training.curve import Rows, count_by_story, draw_share, drawn_means, f1_of, interval, summarize
from training.evaluate import evaluate
from training.pipeline import load_model
from training.split import PARTS, Split, corpus_digest
from training.train import Settings, train

from .honesty import forecasts, honesty
from .page import commit_now
from .starter_page import PLOT

CORPUS = Path("corpus")
RUNS = Path("build/starter")
BASE = Path("models/base/en_core_web_md")
RESULTS = Path("benchmarks/starter.json")
FINISHED = "run.json"  # what a training leaves when it is done
STEPS = {"training.max_steps": 1000}  # as in the Makefile
SEEDS = range(5)
SHARES = (25, 50, 75)  # percent of the train stories; the whole are the runs of the seeds
SHOWN = ("mentions", "triggers_id", "triggers", "arguments", "arguments_attached", "attributes", "stances")
SHOWN_GIVEN = ("arguments", "attributes", "stances")


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
            yield Run(f"share-{share}-{seed}", seed, draw_share(parts["train"], share, seed), parts["dev"])
    for outlet in sorted({article.outlet or "" for article in parts["train"]}):
        name = outlet.lower().replace(" ", "-")
        others = {part: [a for a in articles if a.outlet != outlet] for part, articles in parts.items()}
        yield Run(f"without-{name}", 0, others["train"], others["dev"], outlet)


def learn(names: Iterable[str]) -> None:
    """Trains the runs whose names begin with one of these (all without one), but for those that are there already."""
    wanted, work = tuple(names) or ("",), RUNS / commit_now()
    for run in runs():
        folder = work / run.name
        if run.name.startswith(wanted) and not (folder / FINISHED).exists():
            settings = Settings(read_schema(), base=str(BASE), seed=run.seed, overrides=STEPS)
            split = Split({"train": run.train, "dev": run.dev, "test": []}, [])
            table = io.StringIO() if "COPYDESK_QUIET" in os.environ else sys.stderr
            train(split, folder, settings, say=lambda line: None, stream=table, force=True)
            print(run.name, flush=True)


def score() -> dict[str, Any]:
    """The scores on test, in the tables whose runs are all there. Any: plain JSON."""
    test = list(read_records(CORPUS / "test.jsonl"))
    work = RUNS / commit_now()
    made = [run for run in runs() if (work / run.name / FINISHED).exists()]
    missing = sorted({run.name for run in runs()} - {run.name for run in made})
    if missing:
        print(f"not trained yet: {', '.join(missing)}")
    scores = {run.name: evaluate(load_model(work / run.name), test, n_resamples=1) for run in made if run.outlet is None}
    counted = {name: count_by_story(own.pairs) for name, own in scores.items()}
    whole = [counted[name] for seed in SEEDS if (name := f"seed-{seed}") in counted]
    parts = {str(share): [own for seed in SEEDS[:3] if (own := counted.get(f"share-{share}-{seed}"))] for share in SHARES}
    names = [*SHOWN, *(f"given {name}" for name in SHOWN_GIVEN)]
    tables: dict[str, Any] = {}
    if len(whole) == len(SEEDS):
        tables["honesty"] = honesty([(load_model(work / name), scores[name]) for name in (f"seed-{n}" for n in SEEDS)])
        tables["seeds"] = {name: summarize([rows[name] for rows in whole])._asdict() for name in names}
        if all(len(own) == 3 for own in parts.values()):
            curve = parts | {"100": whole[:3]}
            tables["curve"] = {
                share: {name: summarize([rows[name] for rows in own])._asdict() for name in names}
                for share, own in curve.items()
            }
            tables["forecast"] = _forecasts(curve, names)
            tables["last quarter"] = {
                name: paired_gain([r[name] for r in curve["75"]], [r[name] for r in curve["100"]]) for name in names
            }
        if not any(name.startswith("without-") for name in missing):
            tables["outlets"] = dict(_outlet_scores(run, test, work) for run in made if run.outlet is not None)
    return tables


def _forecasts(curve: Mapping[str, Sequence[Mapping[str, Rows]]], names: Iterable[str]) -> dict[str, Any]:
    """What `forecasts` gives. curve: share -> counts of its runs, a seed each. Any: plain JSON."""
    n_train = {run.name: len(run.train) for run in runs()}
    size = {share: fmean(n_train[f"share-{share}-{seed}"] for seed in SEEDS[:3]) for share in map(str, SHARES)}
    size["100"] = n_train["seed-0"]
    return forecasts(names, [size[share] for share in curve], list(curve.values()))


def _outlet_scores(run: Run, test: Iterable[Article], work: Path) -> tuple[str, dict[str, Any]]:
    """The outlet, and F1 on its test articles of a model that read it and of one that did not. Any: numbers."""
    own = [article for article in test if article.outlet == run.outlet]
    models = (load_model(work / name) for name in ("seed-0", run.name))
    seen, unseen = (count_by_story(evaluate(nlp, own, n_resamples=1).pairs) for nlp in models)
    scores = {name: {"read": f1_of(seen[name]), "unread": f1_of(unseen[name])} for name in SHOWN}
    return str(run.outlet), {"n_articles": len(own), **scores}


def paired_gain(before: Sequence[Rows], after: Sequence[Rows]) -> dict[str, Any]:
    """What the mean F1 gains, with its interval: the same stories and runs are drawn for both.

    No interval with fewer than MIN_STORIES stories. Any: numbers.
    """
    gain = np.mean([f1_of(r) for r in after]) - np.mean([f1_of(r) for r in before])
    ci = interval(drawn_means(after) - drawn_means(before)) if len(before[0]) >= MIN_STORIES else None
    return {"gain": round(float(gain), 4), "ci": ci}


def plot(result: Mapping[str, Any], path: Path) -> None:
    """Draws the learning curve. Any: plain JSON."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = ("mentions", "given arguments", "given attributes", "triggers_id", "triggers", "arguments_attached", "stances")
    figure, axes = plt.subplots(figsize=(8, 4.6), layout="constrained")
    shares = sorted(int(share) for share in result["curve"])
    last = {name: result["curve"][str(shares[-1])][name]["mean"] for name in shown}
    height = -1.0
    for name in sorted(shown, key=lambda name: last[name]):
        height = max(last[name], height + 0.035)  # labels do not lie on one another
        rows = [result["curve"][str(share)][name] for share in shares]
        means = [row["mean"] for row in rows]
        (line,) = axes.plot(shares, means, marker="o", markersize=4)
        axes.fill_between(shares, [r["ci"][0] for r in rows], [r["ci"][1] for r in rows], alpha=0.12, color=line.get_color())
        axes.annotate(name.replace("_", " "), (101.5, height), color=line.get_color(), va="center", fontsize=9)
    axes.set(xlabel="% of the train stories", ylabel="F1 on test", xticks=shares, xlim=(20, 128), ylim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def main(words: Sequence[str]) -> None:
    """train [NAME …] | score"""
    if words[:1] == ["train"]:
        learn(words[1:])
    else:
        keep(score())


def keep(tables: Mapping[str, Any]) -> None:
    """Puts the tables into the file, beside those of earlier commits that were not made now. Any: plain JSON."""
    digest = corpus_digest(a for part in PARTS for a in read_records(CORPUS / f"{part}.jsonl"))
    about = {"corpus": digest, "settings": STEPS}
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if {key: known.get(key) for key in about} != about:
        known = {}
    commits = known.get("commits", {}) | dict.fromkeys(tables, commit_now())
    result = known | about | {"commits": commits} | dict(tables)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if "curve" in tables:
        plot(result, PLOT)
    print(json.dumps({key: value for key, value in tables.items() if key != "curve"}, indent=1))
