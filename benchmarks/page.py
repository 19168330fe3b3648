"""The tables of docs/benchmarks.md, made from benchmarks/results.json and benchmarks/starter.json."""

import math
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

PAGE = Path("docs/benchmarks.md")
PLOT = Path("docs/learning-curve.png")
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
            lines += [f"### {task.title}", "", *_table(head, rows), ""]
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
            rows.append([SETS[name], base, WORDS[score], f"{fmean(values):.3f}", _range(interval_of_mean(own)), seeds, *beside])
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
    return _table(head, rows)


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
    return [
        "",
        f"Training on the starter corpus for {cost['steps']} steps: `copydesk train`, with all that it does around them,",
        f"{cost['ours']} CPU seconds, `spacy train` with the same config {cost['spacys']}: {cost['ratio']:.2f} of it "
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


def starter_tables(starter: Mapping[str, Any]) -> list[str]:
    """The lines of the tables of the starter corpus. Any: what `benchmarks.starter.score` gives."""
    seeds, curve, gains = starter["seeds"], starter["curve"], starter["last quarter"]
    n_runs = max(len(value["runs"]) for value in seeds.values())
    shares = sorted(curve, key=int)
    whole = [[_plain(s), f"{v['mean']:.3f}", _range(v["ci"]), _extent(v["runs"])] for s, v in seeds.items()]
    by_share = [
        [_plain(s), *(f"{curve[share][s]['mean']:.3f} [{_range(curve[share][s]['ci'])}]" for share in shares)] for s in seeds
    ]
    last = [[_plain(s), f"{v['gain']:+.3f}", _range(v["ci"], sign="+")] for s, v in gains.items()]
    settings = ", ".join(f"{name} {value}" for name, value in starter["settings"].items())
    return [
        f"Run with {settings}; corpus {starter['corpus'][:12]}. {_commits(starter['commits'])}",
        "",
        f"### {n_runs} seeds, all train stories",
        "",
        *_table(("F1 on test", "mean", "95 % interval", "over seeds"), whole),
        "",
        "### Learning curve: F1 on test by the share of the train stories",
        "",
        *([f"![F1 on test by the share of the train stories]({PLOT.name})", ""] if PLOT.exists() else []),
        *_table(("F1 on test", *(f"{share} %" for share in shares)), by_share),
        "",
        "### What the last quarter of the train stories gains",
        "",
        *_table(("F1 on test", "gain", "95 % interval"), last),
        "",
        "### An outlet that was never read",
        "",
        *_outlet_table(starter["outlets"]),
        *(_honesty_tables(starter["honesty"]) if "honesty" in starter else []),
        *(_forecast_table(starter["forecast"]) if "forecast" in starter else []),
    ]


def _honesty_tables(result: Mapping[str, Any]) -> list[str]:
    """The lines of how well the models know themselves. Any: what `benchmarks.honesty.honesty` gives."""
    wanted = [key for key in result["layers"]["mentions"] if key.startswith("0.")]
    rows = []
    for layer, own in result["layers"].items():
        kept = [_of_kept(own.get(key)) for key in wanted]
        rows.append([layer, f"{own['found']:,}", f"{own['before']:.3f}", f"{own['after']:.3f}", *kept])
    comparisons = result["comparisons"]
    return [
        "",
        "### Scores that mean a probability",
        "",
        "Expected calibration error of what is found in the test articles, by the networks' own scores and by those that the",
        "model gives; and of what `apply --precision` keeps, the share that is right. Means over the seeds.",
        "",
        *_table(("items", "found", "error before", "after", *(f"right (kept) for {key}" for key in wanted)), rows),
        "",
        "### Models that differ in their seed alone",
        "",
        "`copydesk compare` tells of two models, not of what made them. Of each seed's with the next, "
        f"{comparisons['shown']} of {comparisons['lines']} lines show a",
        f"difference; {comparisons['by chance']} would by chance. Settings are better than others where several seeds say so.",
    ]


def _of_kept(own: Mapping[str, Any] | None) -> str:
    return "-" if own is None or own["right"] is None else f"{own['right']:.3f} ({own['kept']:.0%})"


def _forecast_table(result: Mapping[str, Any]) -> list[str]:
    """What more articles would bring. Any: what `benchmarks.honesty.forecasts` gives."""
    rows = []
    for name, own in result.items():
        told = [own, "-"] if isinstance(own, str) else [f"{own['gain']:+.3f}", _range(own["ci"], sign="+")]
        rows.append([_plain(name), *told])
    n_more = next((own["articles_more"] for own in result.values() if not isinstance(own, str)), 0)
    return [
        "",
        f"### What {n_more} more articles would bring",
        "",
        "The law through the learning curve above, as `copydesk curve` fits it.",
        "",
        *_table(("F1 on test", "gain", "95 % interval"), rows),
    ]


def pretended_table(result: Mapping[str, Any]) -> list[str]:
    """The lines of what a random split would have pretended. Any: what `benchmarks.pretended.score` gives."""
    settings = ", ".join(f"{name} {value}" for name, value in result["settings"].items())
    rows = []
    for name, own in result["scores"].items():
        arms = [f"{own[arm]['mean']:.3f}" for arm in ("by story", "random")]
        rows.append([_plain(name), *arms, f"{own['gain']:+.3f}", _range(own["ci"], sign="+")])
    return [
        "### What a random split would have pretended",
        "",
        f"{result['test articles']} test articles, one of each story, scored by models that have another article of the same "
        "story in train (random),",
        f"and by models that have one of another story in its place (by story); else both learn from the same, "
        f"{result['train articles']} articles in all.",
        f"Drawn article by article, {result['share']:.0%} of the test articles would have one of their own story elsewhere. "
        f"{result['seeds']} seeds each, with",
        f"{settings}, at commit {result['commit']}; corpus {result['corpus'][:12]}.",
        "",
        *_table(("F1 on test", "by story", "random", "pretended", "95 % interval"), rows),
    ]


def _commits(commits: Mapping[str, str]) -> str:
    """Which commit each table is of."""
    if len(set(commits.values())) == 1:
        return f"Commit {next(iter(commits.values()))}."
    return "Commits: " + ", ".join(f"{table} {commit}" for table, commit in commits.items()) + "."


def _outlet_table(outlets: Mapping[str, Any]) -> list[str]:
    """A row for each score and a column for each outlet: F1 with it in train, and without."""
    names = sorted(outlets)
    scores = [score for score in outlets[names[0]] if score != "n_articles"] if names else []
    rows = [["test articles", *(str(outlets[name]["n_articles"]) for name in names)]]
    for score in scores:
        cells = (outlets[name][score] for name in names)
        rows.append([_plain(score), *(f"{cell['read']:.3f} → {cell['unread']:.3f}" for cell in cells)])
    return _table(("F1 on its test articles, read → unread", *names), rows)


def _plain(score: str) -> str:
    return score.replace("_", " ")


def _range(interval: Sequence[float] | None, *, sign: str = "") -> str:
    return "-" if interval is None else f"{interval[0]:{sign}.3f} to {interval[1]:{sign}.3f}"


def _extent(values: Sequence[float]) -> str:
    return f"{min(values):.3f} to {max(values):.3f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
