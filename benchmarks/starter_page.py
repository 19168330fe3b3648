"""The tables of the starter corpus in docs/benchmarks.md, made from benchmarks/starter.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .markdown import extent, plain, span, table

PLOT = Path("docs/learning-curve.png")


def starter_tables(starter: Mapping[str, Any]) -> list[str]:
    """The lines of the tables of the starter corpus. Any: what `benchmarks.starter.score` gives."""
    seeds, curve, gains = starter["seeds"], starter["curve"], starter["last quarter"]
    n_runs = max(len(value["runs"]) for value in seeds.values())
    shares = sorted(curve, key=int)
    whole = [[plain(s), f"{v['mean']:.3f}", span(v["ci"]), extent(v["runs"])] for s, v in seeds.items()]
    by_share = [
        [plain(s), *(f"{curve[share][s]['mean']:.3f} [{span(curve[share][s]['ci'])}]" for share in shares)] for s in seeds
    ]
    last = [[plain(s), f"{v['gain']:+.3f}", span(v["ci"], sign="+")] for s, v in gains.items()]
    settings = ", ".join(f"{name} {value}" for name, value in starter["settings"].items())
    return [
        f"Run with {settings}; corpus {starter['corpus'][:12]}. {_commits(starter['commits'])}",
        "",
        f"### {n_runs} seeds, all train stories",
        "",
        *table(("F1 on test", "mean", "95 % interval", "over seeds"), whole),
        "",
        "### Learning curve: F1 on test by the share of the train stories",
        "",
        *([f"![F1 on test by the share of the train stories]({PLOT.name})", ""] if PLOT.exists() else []),
        *table(("F1 on test", *(f"{share} %" for share in shares)), by_share),
        "",
        "### What the last quarter of the train stories gains",
        "",
        *table(("F1 on test", "gain", "95 % interval"), last),
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
        "model gives, as means over the seeds; and the part of what `apply --precision` keeps that is right, in all models",
        "together.",
        "",
        *table(("items", "found", "error before", "after", *(f"right (kept) for {key}" for key in wanted)), rows),
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
        told = [own, "-"] if isinstance(own, str) else [f"{own['gain']:+.3f}", span(own["ci"], sign="+")]
        rows.append([plain(name), *told])
    n_more = next((own["articles_more"] for own in result.values() if not isinstance(own, str)), 0)
    return [
        "",
        f"### What {n_more} more articles would bring",
        "",
        "The law through the learning curve above, as `copydesk curve` fits it.",
        "",
        *table(("F1 on test", "gain", "95 % interval"), rows),
    ]


def pretended_table(result: Mapping[str, Any]) -> list[str]:
    """The lines of what a random split would have pretended. Any: what `benchmarks.pretended.score` gives."""
    settings = ", ".join(f"{name} {value}" for name, value in result["settings"].items())
    rows = []
    for name, own in result["scores"].items():
        arms = [f"{own[arm]['mean']:.3f}" for arm in ("by story", "random")]
        rows.append([plain(name), *arms, f"{own['gain']:+.3f}", span(own["ci"], sign="+")])
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
        *table(("F1 on test", "by story", "random", "pretended", "95 % interval"), rows),
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
        rows.append([plain(score), *(f"{cell['read']:.3f} → {cell['unread']:.3f}" for cell in cells)])
    return table(("F1 on its test articles, read → unread", *names), rows)
