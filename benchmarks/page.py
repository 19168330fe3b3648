"""The tables of docs/benchmarks.md and README.md, made from benchmarks/results.json and benchmarks/starter.json."""

import math
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from .markdown import span, table
from .starter_page import pretended_table, starter_tables

PAGE = Path("docs/benchmarks.md")
README = Path("README.md")
SETS = {
    "casie": "CASIE",
    "m2e2": "M2E2",
    "m2e2_by_sentence": "M2E2, split by sentence",
    "wikievents": "WikiEvents",
    "dse": "DSE",
    "conllpp": "CoNLL++",
    "crossner_politics": "CrossNER politics",
}
_M2E2 = {"triggers": 0.510, "arguments": 0.361, "arguments_attached": 0.324}
PUBLISHED = {  # F1; docs/benchmarks.md says whose, and what differs
    "casie": {"triggers": 0.708, "arguments": 0.610, "arguments_attached": 0.491},
    "m2e2": _M2E2,
    "m2e2_by_sentence": _M2E2,
    "wikievents": {"given triggers arguments": 0.672},
    "conllpp": {"mentions": 0.9465},
}
WORDS = {
    "mentions": "entities",
    "triggers_id": "found",
    "triggers": "of the right type",
    "arguments": "end to end",
    "arguments_attached": "end to end, attached",
    "given triggers arguments": "triggers given",
    "given triggers arguments_attached": "triggers given, attached",
    "given arguments": "triggers and mentions given",
    "attributes": "end to end",
    "given attributes": "triggers and mentions given",
    "given stances": "mentions given",
}
README_BASE = "md"
README_WORDS = {
    "mentions": "entities",
    "triggers": "triggers",
    "arguments": "arguments",
    "arguments_attached": "arguments, attached",
    "given triggers arguments": "arguments, triggers given",
    "given stances": "stances, mentions given",
}
_EVENTS = ("triggers", "arguments", "arguments_attached")
README_SCORES = {
    "casie": _EVENTS,
    "m2e2": _EVENTS,
    "m2e2_by_sentence": _EVENTS,
    "wikievents": ("given triggers arguments", "triggers", "arguments_attached"),
    "dse": ("given stances",),
    "conllpp": ("mentions",),
    "crossner_politics": ("mentions",),
}
T_975 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}  # Student's t for n runs: n - 1 degrees of freedom, two-sided 95 %


class Task(NamedTuple):
    """One table: its title, its scores, and its sets; without sets, all that have the scores."""

    title: str
    scores: tuple[str, ...]
    sets: tuple[str, ...] = tuple(SETS)


TASKS = (
    Task("Entities", ("mentions",), ("m2e2", "m2e2_by_sentence", "conllpp", "crossner_politics")),
    Task("Triggers", ("triggers_id", "triggers")),
    Task(
        "Arguments",
        (
            "arguments",
            "arguments_attached",
            "given triggers arguments",
            "given triggers arguments_attached",
            "given arguments",
        ),
    ),
    Task("Attributes (realis)", ("attributes", "given attributes")),
    Task("Stances", ("given stances",)),
    Task("Mentions that take part in an event, all others unmarked", ("mentions",), ("casie", "wikievents")),
)
SOURCES = ("annotate", "apply", "benchmarks/*.py", "configs", "corpus", "training")
Runs = Sequence[Mapping[str, Any]]  # the results of one set and base, a seed each


def commit_now() -> str:
    """The commit that last changed what results depend on, marked where that was changed since."""
    log = subprocess.run(["git", "log", "-1", "--format=%h", "--", *SOURCES], capture_output=True, text=True, check=False)
    is_same = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", *SOURCES], check=False).returncode == 0
    return log.stdout.strip() + ("" if is_same else "-changed")


def write_page(results: Mapping[str, Any], starter: Mapping[str, Any] | None, *, page: Path = PAGE) -> None:
    """The page with its tables made new. starter: None leaves that section empty. Any: plain JSON."""
    text = page.read_text(encoding="utf-8")
    text = _between(text, "results", accuracy_tables(results) + _speed(results))
    tables = [starter_tables(starter)] if starter else []
    tables += [pretended_table(results["pretended"])] if "pretended" in results else []
    text = _between(text, "starter", [line for lines in tables for line in ("", *lines)][1:])
    page.write_text(text, encoding="utf-8")


def write_readme(results: Mapping[str, Any], *, page: Path = README) -> None:
    """README.md with its table and costs made new. Any: plain JSON."""
    page.write_text(_between(page.read_text(encoding="utf-8"), "results", readme_lines(results)), encoding="utf-8")


def readme_lines(results: Mapping[str, Any]) -> list[str]:
    """What README.md has of the results: what users ask first of each set. Any: plain JSON."""
    own = {name: runs for (name, base), runs in runs_of(results).items() if base == README_BASE}
    if not own:
        return []
    rows = []
    for name, runs in own.items():
        for score in README_SCORES[name]:
            for _, _, _, mean, ci, _, published, ratio in _score_rows(name, README_BASE, runs, [score]):
                rows.append((SETS[name], README_WORDS[score], mean, ci, str(len(runs)), published, ratio))
    minutes = [fmean(run["training_cpu_seconds"] for run in runs) / 60 for runs in own.values()]
    words = [fmean(run["words_per_cpu_second"] for run in runs) for runs in own.values()]
    lines = table(("set", "F1 on test of", "mean", "95 % interval", "seeds", "published", "ratio"), rows)
    lines += [
        "",
        f"One training takes {min(minutes):.0f} to {max(minutes):.0f} minutes of one CPU core, and the models read "
        f"{min(words):,.0f} to {max(words):,.0f} words per CPU second.",
    ]
    if "speed" in results:
        speed = results["speed"]
        lines.append(f"The starter model, all components, reads {speed['words_per_cpu_second']:,} (commit {speed['commit']}).")
    return lines


def _between(text: str, name: str, lines: Sequence[str]) -> str:
    """The text with these lines between the markers of that name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"no place between {begin} and {end}")
    return "\n".join([before + begin, "", *lines, *([""] if lines else []), end]) + after


def accuracy_tables(results: Mapping[str, Any]) -> list[str]:
    """The lines of a table for each task and one of the costs."""
    runs = runs_of(results)
    lines: list[str] = []
    for task in TASKS:
        rows = [
            row
            for name in task.sets
            for (own, base), of_base in runs.items()
            if own == name
            for row in _score_rows(name, base, of_base, task.scores)
        ]
        if rows:
            head = ("set", "base", "F1 of", "mean", "95 % interval", "over seeds", "published", "ratio")
            lines += [f"### {task.title}", "", *table(head, rows), ""]
    if runs:
        lines += ["### Costs", "", *_cost_table(runs), ""]
    return lines


def runs_of(results: Mapping[str, Any]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """The tested runs by set, in the page's order, and base."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for key, result in sorted(results.items()):
        if key.count("/") == 2 and "test" in result:
            name, base, _seed = key.split("/")
            found.setdefault((name, base), []).append(result)
    order = list(SETS)
    return dict(sorted(found.items(), key=lambda pair: order.index(pair[0][0])))


def _score_rows(name: str, base: str, runs: Runs, scores: Iterable[str]) -> list[list[str]]:
    rows = []
    for score in scores:
        own = [run["test"][score] for run in runs if run["test"].get(score, {}).get("n_gold")]
        if own:
            values = [value["f"] for value in own]
            seeds = f"{min(values):.3f} to {max(values):.3f}" if len(values) > 1 else "one"
            published = PUBLISHED.get(name, {}).get(score)
            beside = ["-", "-"] if published is None else [f"{published:.3f}", f"{fmean(values) / published:.2f}"]
            rows.append([SETS[name], base, WORDS[score], f"{fmean(values):.3f}", span(interval_of_mean(own)), seeds, *beside])
    return rows


def interval_of_mean(runs: Runs) -> tuple[float, float] | None:
    """The 95 % interval of the mean F1 of runs that differ in their seed, for other seeds and other test articles.

    The mean distance of each run's bootstrap interval from its F1, which all runs owe to the same test articles, and
    Student's t times the standard error over the runs, added as squares. One run: its own interval. None where a run
    has none.
    """
    values = [run["f"] for run in runs]
    if any(run["ci"] is None for run in runs):
        return None
    seeds = T_975[len(values)] * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    low = fmean(run["f"] - run["ci"][0] for run in runs)
    high = fmean(run["ci"][1] - run["f"] for run in runs)
    return max(0.0, fmean(values) - math.hypot(low, seeds)), min(1.0, fmean(values) + math.hypot(high, seeds))


def _cost_table(runs: Mapping[tuple[str, str], Runs]) -> list[str]:
    head = ("set", "base", "training CPU s", "peak memory MB", "model MB", "words / CPU s", "seeds", "commit")
    rows = []
    for (name, base), own in runs.items():
        memory = [run["peak_memory_mb"] for run in own if "peak_memory_mb" in run]
        sizes = [run["model_mb"] for run in own if "model_mb" in run]
        cells = [
            f"{fmean(run['training_cpu_seconds'] for run in own):,.0f}",
            f"{max(memory):,}" if memory else "-",
            f"{fmean(sizes):.1f}" if sizes else "-",
            f"{fmean(run['words_per_cpu_second'] for run in own):,.0f}",
            ", ".join(str(run["seed"]) for run in own),
            ", ".join(sorted({run["commit"] for run in own})),
        ]
        rows.append([SETS[name], base, *cells])
    return table(head, rows)


def _speed(results: Mapping[str, Any]) -> list[str]:
    return _reading_speed(results) + _training_cost(results) + _survival(results)


def _survival(results: Mapping[str, Any]) -> list[str]:
    if "survival" not in results:
        return []
    found = results["survival"]
    return [
        "",
        f"Training killed (SIGKILL) at a random moment and taken up with `--resume`: {found['n_same']} of "
        f"{found['n_runs']} runs ended with",
        f"the bytes of one that was not killed; {found['n_killed']} of them were killed before their end, {found['n_gone_on']} "
        f"after a checkpoint (commit {found['commit']}).",
    ]


def _training_cost(results: Mapping[str, Any]) -> list[str]:
    if "training_cost" not in results:
        return []
    cost = results["training_cost"]
    ratio = cost["ours"] / cost["spacys"]
    return [
        "",
        f"Training on the starter corpus for {cost['steps']} steps: `copydesk train`, with all that it does around them,",
        f"{cost['ours']} CPU seconds, `spacy train` with the same config {cost['spacys']}: {ratio:.2f} of it "
        f"(commit {cost['commit']}).",
    ]


def _reading_speed(results: Mapping[str, Any]) -> list[str]:
    if "speed" not in results:
        return []
    speed = results["speed"]
    costs = ", ".join(f"{name} {cost}" for name, cost in speed["microseconds_per_word"].items())
    lines = [
        f"Speed of the starter corpus's model, all components, from raw text: {speed['words_per_cpu_second']:,} words per CPU",
        f"second (commit {speed['commit']}). Microseconds per word: {costs}.",
    ]
    if "of_entities_alone" in speed:
        part = f"{speed['of_entities_alone']:.2f}"
        lines.append(f"As a part of the speed of the same tok2vec with entities alone, in one process: {part}.")
    return lines
