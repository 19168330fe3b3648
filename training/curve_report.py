"""A learning curve for people to read: a table for the terminal, and a page with a plot for each layer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from annotate.counts import n_of
from annotate.errors import DataError
from annotate.outputs import refuse_to_overwrite, whole_file
from annotate.scores import COVERAGE
from annotate.sources import read_articles

from .curve import DEV, Curve, Plan, notes_on, trace
from .forecast import Forecast
from .plots import BOTTOM, FIELD, LEFT, RIGHT, SIZE, TOP, Tick, path_of, round_numbers, scale_of_f1, templates
from .split import Split

if TYPE_CHECKING:
    from .train import Settings

TEMPLATE = "curve.html"
SHOWN = ("mentions", "triggers", "arguments", "given attributes", "stances")  # attributes: of the same triggers


def curve_files(
    split: Split,
    work: Path,
    settings: "Settings",
    plan: Plan,
    *,
    on: Path | None = None,
    json_file: Path | None = None,
    html_file: Path | None = None,
    force: bool = False,
    say: Callable[[str], None],
    stream: IO[str] | None = None,
) -> str:
    """Traces a curve and returns its table; writes its numbers and its page where asked to.

    on: a file of articles to score on; None for the dev part.
    Raises DataError when an output is there already (without `force`), or as `trace` does.
    """
    outputs = [path for path in (json_file, html_file) if path is not None]
    for path in outputs:
        refuse_to_overwrite(path, force=force)
    scored = split.parts["dev"] if on is None else list(read_articles([str(on)], schema=settings.schema))
    name = DEV if on is None else on.name
    curve = trace(split, scored, work, settings, plan=plan, scored_on=name, say=say, stream=stream)
    for path in outputs:
        with whole_file(path, force=force) as temporary:
            text = json.dumps(curve.to_json(), indent=2) + "\n" if path is json_file else to_html(curve)
            temporary.write_text(text, encoding="utf-8")
    return to_text(curve)


def parse_shares(text: str) -> tuple[int, ...]:
    """Percents out of `25,50,75`. Raises DataError for anything else."""
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError as err:
        raise DataError(f"--shares '{text}'", "is no list of percents", "write --shares 25,50,75,100") from err


def shown(curve: Curve) -> list[str]:
    """The scores that the table and the page have, one for each layer."""
    return [name for name in SHOWN if name in curve.forecasts]


def to_text(curve: Curve) -> str:
    """Each layer with its F1 at each number of articles, and what more of them would bring."""
    lines = [heading(curve), "", f"{'score':<18}{'articles':>10}{'F1':>9}  {COVERAGE:.0%} interval"]
    for name in shown(curve):
        for i, point in enumerate(curve.points):
            summary = point.scores[name]
            ci = "" if summary.ci is None else f"{summary.ci[0]:.3f} to {summary.ci[1]:.3f}"
            lines.append(f"{name if i == 0 else '':<18}{point.size:>10,.0f}{summary.mean:>9.3f}  {ci:<18}".rstrip())
        lines.append(f"{'':<18}{f'{curve.plan.n_more} more':>10}{gain_in_words(curve.forecasts[name])}")
    return "\n".join([*lines, "", *notes_on(curve)]).rstrip()


def heading(curve: Curve) -> str:
    """What was trained and what it was scored on, in a sentence."""
    n_models = len(curve.points) * curve.plan.n_seeds
    scored = f"{n_of(curve.n_articles, 'article')} of {n_of(curve.n_stories, 'story', 'stories')} ({curve.scored_on})"
    sizes = f"from {curve.points[0].size:,.0f} to {curve.points[-1].size:,.0f} articles"
    return f"{n_of(n_models, 'model')}, learnt {sizes}; scored on {scored}"


def gain_in_words(forecast: Forecast | str) -> str:
    """The forecast in two columns, or why there is none."""
    if isinstance(forecast, str):
        return f"{'?':>9}  {forecast}"
    ci = "" if forecast.ci is None else f"{forecast.ci[0]:+.3f} to {forecast.ci[1]:+.3f}"
    return f"{forecast.gain:>+9.3f}  {ci}".rstrip()


@dataclass(frozen=True)
class Dot:
    """A point of a plot in its units: its middle, the ends of its interval (both its middle where it has none), its words."""

    x: float
    y: float
    top: float
    bottom: float
    words: str


@dataclass(frozen=True)
class Plot:
    """One layer's plot in its own units. seen, ahead, band: the SVG paths of the law, of its forecast and of its interval."""

    name: str
    dots: Sequence[Dot]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    seen: str
    ahead: str
    band: str
    last: float
    forecast: Forecast | str


def to_html(curve: Curve) -> str:
    """The curve as one page that fetches nothing; whatever it shows is escaped."""
    values: dict[str, Any] = {  # Any: what the template shows
        "curve": curve,
        "heading": heading(curve),
        "notes": list(notes_on(curve)),
        "plots": [to_plot(curve, name) for name in shown(curve)],
        "size": SIZE,
        "field": FIELD,
    }
    return templates().get_template(TEMPLATE).render(**values)


def to_plot(curve: Curve, name: str) -> Plot:
    """The plot of one score: articles to the right, F1 upwards, on a scale of its own."""
    told = curve.forecasts[name]
    rows = [(point.size, point.scores[name]) for point in curve.points]
    bounds = [value for _, row in rows for value in (row.mean, *(row.ci or ()))]
    end = rows[-1][0] + curve.plan.n_more
    if isinstance(told, Forecast):
        bounds += [*told.middle, *told.low[-1:], *told.high[-1:]]
    low, high, step = scale_of_f1(min(bounds), max(bounds))

    def x(size: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * size / end, 1)

    def y(f1: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (min(max(f1, low), high) - low) / (high - low), 1)

    dots = []
    for size, row in rows:
        ends = row.ci or (row.mean, row.mean)
        words = f"{size:,.0f} articles: {row.mean:.3f}" + (f" ({ends[0]:.3f} to {ends[1]:.3f})" if row.ci else "")
        dots.append(Dot(x(size), y(row.mean), y(ends[1]), y(ends[0]), words))
    seen = ahead = band = ""
    if isinstance(told, Forecast):
        curved = [(x(size), y(f1)) for size, f1 in zip(told.sizes, told.middle, strict=True)]
        n_seen = sum(size <= rows[-1][0] for size in told.sizes)
        seen, ahead = path_of(curved[:n_seen]), path_of(curved[n_seen - 1 :])
        if told.high:
            upper = [(x(size), y(f1)) for size, f1 in zip(told.sizes, told.high, strict=True)]
            lower = [(x(size), y(f1)) for size, f1 in zip(told.sizes, told.low, strict=True)]
            band = path_of([*upper, *reversed(lower)]) + "Z"
    n_steps = round((high - low) / step)
    y_ticks = [(y(low + step * i), f"{low + step * i:.2f}".rstrip("0").rstrip(".")) for i in range(n_steps + 1)]
    x_ticks = [(x(size), f"{size:,.0f}") for size in round_numbers(end)]
    return Plot(name, dots, x_ticks, y_ticks, seen, ahead, band, x(rows[-1][0]), told)
