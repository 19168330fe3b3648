"""The learning curve: what models learn from growing parts of the train stories, and what more articles would bring."""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotate.counts import n_of
from annotate.errors import DataError
from annotate.matching import SCORES, count_matches
from annotate.records import LAYERS, Annotation, Article
from annotate.scores import MIN_STORIES, middle

from .evaluate import GIVEN, Pair, evaluate
from .forecast import Forecast, forecast
from .split import Split, corpus_digest, usable

if TYPE_CHECKING:
    from spacy.language import Language

    from .train import Settings

DEV = "dev"
SHARES = (25, 50, 75, 100)  # percent of the train stories
N_MORE = 50
FINISHED = "run.json"  # what a training leaves when it is done
N_RESAMPLES = 2000
ALL = (*(str(name) for name in SCORES), *(f"given {name}" for name in GIVEN))

Rows = Mapping[str, tuple[int, int, int]]  # story -> tp, fp, fn
Counted = Mapping[str, Rows]  # score, or `given` and score -> its rows


@dataclass(frozen=True)
class Plan:
    """Which models a curve is made of: `n_seeds` for each share, each seed with a draw of stories of its own."""

    shares: tuple[int, ...] = SHARES
    n_seeds: int = 1
    n_more: int = N_MORE


class Summary(NamedTuple):
    """Mean F1 of some runs, its interval over stories and runs (None with fewer than MIN_STORIES stories), and each one's."""

    mean: float
    ci: tuple[float, float] | None
    runs: tuple[float, ...]


@dataclass(frozen=True)
class Point:
    """The models of one share of the stories: how many articles each learnt from, and what they score."""

    share: int
    n_articles: tuple[int, ...]
    scores: Mapping[str, Summary]

    @property
    def size(self) -> float:
        """Articles, on average of the runs: each draws other stories."""
        return sum(self.n_articles) / len(self.n_articles)


@dataclass(frozen=True)
class Curve:
    """The points of a curve, the smallest first, and score -> what more articles would bring, or why nobody can tell."""

    points: tuple[Point, ...]
    forecasts: Mapping[str, Forecast | str]
    plan: Plan
    scored_on: str
    n_articles: int
    n_stories: int

    def to_json(self) -> dict[str, Any]:
        """The plain numbers. Any: plain JSON."""
        points = [
            {
                "share": point.share,
                "articles": list(point.n_articles),
                "scores": {name: summary._asdict() for name, summary in point.scores.items()},
            }
            for point in self.points
        ]
        told = {n: {"reason": f} if isinstance(f, str) else f.to_json() for n, f in self.forecasts.items()}
        scored = {"on": self.scored_on, "articles": self.n_articles, "stories": self.n_stories}
        return {"scored": scored, "notes": list(notes_on(self)), "points": points, "forecast": told}


def draw_share(articles: Sequence[Article], percent: int, seed: int) -> list[Article]:
    """The articles of that share of the stories: another draw for each seed, a smaller share inside a larger one."""
    stories = sorted({a.story_or_id for a in articles}, key=lambda s: hashlib.sha256(f"{seed} {s}".encode()).hexdigest())
    kept = set(stories[: n_stories_of(percent, len(stories))])
    return [a for a in articles if a.story_or_id in kept]


def n_stories_of(percent: int, n_stories: int) -> int:
    """How many stories a share has, at least one."""
    return max(1, round(n_stories * percent / 100))


def count_by_story(pairs: Iterable[Pair]) -> Counted:
    """The counts of each score and story, also with gold spans given, of what `evaluate` compared.

    In a layer that the model lacks, because its articles taught none, it has found nothing.
    """
    rows: dict[str, dict[str, tuple[int, int, int]]] = {}
    for pair in pairs:
        found = {str(name): counts for name, counts in count_matches(pair.gold, _whole(pair.found)).items()}
        if pair.given is not None:
            given = count_matches(pair.gold, _whole(pair.given))
            found |= {f"given {name}": given[name] for name in GIVEN if name in given}
        for name, counts in found.items():
            story = rows.setdefault(name, {})
            tp, fp, fn = story.get(pair.article.story_or_id, (0, 0, 0))
            story[pair.article.story_or_id] = (tp + counts.tp, fp + counts.fp, fn + counts.fn)
    return rows


def _whole(found: Annotation) -> Annotation:
    return found.model_copy(update={layer: () for layer in LAYERS if getattr(found, layer) is None})


def f1_of(rows: Rows) -> float:
    """F1 of all stories, rounded to four places; 0.0 where there is nothing on either side."""
    tp, fp, fn = np.sum(list(rows.values()), axis=0)
    return round(float(2 * tp / max(2 * tp + fp + fn, 1)), 4)


def summarize(runs: Sequence[Rows], draws: NDArray[np.float64] | None = None) -> Summary:
    """The summary of runs; `draws`: theirs from `drawn_means`, where they are there already."""
    each = tuple(f1_of(rows) for rows in runs)
    ci = None
    if len(runs[0]) >= MIN_STORIES:
        ci = interval(drawn_means(runs) if draws is None else draws)
    return Summary(round(float(np.mean(each)), 4), ci, each)


def drawn_means(runs: Sequence[Rows]) -> NDArray[np.float64]:
    """Mean F1, (N_RESAMPLES,), of runs and stories drawn with replacement.

    The same draws for as many runs on the same stories, so that two sets of runs can be compared draw by draw.
    """
    random = np.random.default_rng(0)
    table = np.array([[rows[story] for story in sorted(rows)] for rows in runs])  # (n_runs, n_stories, 3)
    n_runs, n_stories, _ = table.shape
    times = np.empty((N_RESAMPLES, n_stories), dtype=np.int64)  # how often each story is drawn
    chosen = np.empty((N_RESAMPLES, n_runs), dtype=np.int64)
    for i in range(N_RESAMPLES):
        times[i] = np.bincount(random.integers(0, n_stories, n_stories), minlength=n_stories)
        chosen[i] = random.integers(0, n_runs, n_runs)
    tp, fp, fn = np.moveaxis(times @ table, -1, 0)  # (n_runs, N_RESAMPLES) each
    f1 = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    means: NDArray[np.float64] = np.take_along_axis(f1.T, chosen, axis=1).mean(axis=1)
    return means


def interval(draws: NDArray[np.float64]) -> tuple[float, float]:
    """The two values between which 95 % of the draws lie, rounded to four places."""
    low, high = middle(draws)
    return round(low, 4), round(high, 4)


def trace(
    split: Split,
    on: Sequence[Article],
    work: Path,
    settings: "Settings",
    *,
    plan: Plan | None = None,
    scored_on: str = DEV,
    say: Callable[[str], None],
    stream: IO[str] | None = None,
) -> Curve:
    """Trains the models of the plan that are not in the folder `work` yet, and scores all of them on the articles `on`.

    scored_on: what to call these articles. say: is told, line by line, what the user should know.
    stream: gets the live progress. Raises DataError where there is nothing to score on, or a model cannot be trained.
    """
    from .corpus import doubts
    from .train import NO_BASE, find_base

    plan = plan or Plan()
    scored, _ = usable(on, annotator=settings.annotator)
    if not scored:
        raise DataError(scored_on, "has no annotated article to score on", "give others with --on")
    if "training.seed" in settings.overrides:
        raise DataError("--training.seed", "is each model's own in a curve", "leave it out, or give --seeds")
    settings = replace(settings, base=find_base(settings.base, settings.schema.language, say) or NO_BASE)
    test = [] if scored_on == DEV else scored
    for line in doubts(Split({**split.parts, "test": test}, split.unused), settings.annotator, schema=settings.schema):
        say(line)
    stories = {a.story_or_id for a in split.parts["train"]}
    points = []
    for share in usable_shares(plan.shares, len(stories)):
        sizes, runs = [], []
        for seed in range(plan.n_seeds):
            part = draw_share(split.parts["train"], share, seed)
            own = Split({"train": part, "dev": split.parts["dev"], "test": []}, [])
            nlp = _model(own, work, share, replace(settings, seed=seed), say, stream)
            sizes.append(len(part))
            runs.append(count_by_story(evaluate(nlp, scored, annotator=settings.annotator, n_resamples=1).pairs))
        points.append((share, tuple(sizes), runs))
    return to_curve(points, plan, scored_on, len(scored))


def usable_shares(shares: Iterable[int], n_stories: int) -> list[int]:
    """The shares in order, with the whole, one for each number of stories. Raises DataError for one that is none."""
    wrong = [share for share in shares if not 0 < share <= 100]
    if wrong:
        raise DataError(f"share {wrong[0]}", "is no share of the stories", "give percents from 1 to 100")
    own = {n_stories_of(share, n_stories): share for share in sorted({*shares, 100})}
    return list(own.values())


def to_curve(
    points: Sequence[tuple[int, Sequence[int], Sequence[Counted]]], plan: Plan, scored_on: str, n_articles: int
) -> Curve:
    """The curve of models that are scored. points: share, articles of each run, counts of each run."""
    last = points[-1][2][-1]
    names = [name for name in ALL if name in last and np.any(list(last[name].values()))]
    scores: list[dict[str, Summary]] = [{} for _ in points]
    forecasts: dict[str, Forecast | str] = {}
    sizes = [float(np.mean(own)) for _, own, _ in points]
    n_stories = 0
    for name in names:
        rows = [[run[name] for run in runs] for _, _, runs in points]
        draws = [drawn_means(own) for own in rows]
        for i, own in enumerate(rows):
            scores[i][name] = summarize(own, draws[i])
        n_stories = max(n_stories, len(rows[0][0]))
        table = np.stack(draws, axis=1) if len(rows[0][0]) >= MIN_STORIES else None  # (N_RESAMPLES, n_points)
        forecasts[name] = forecast(sizes, [own[name].mean for own in scores], table, plan.n_more)
    made = tuple(Point(share, tuple(own), scores[i]) for i, (share, own, _) in enumerate(points))
    return Curve(made, forecasts, plan, scored_on, n_articles, n_stories)


def notes_on(curve: Curve) -> Iterator[str]:
    """What the numbers alone do not say."""
    if curve.scored_on == DEV:
        yield "dev also chose the steps and the thresholds: these scores flatter (--on scores other articles)"
    if curve.n_stories < MIN_STORIES:
        n = n_of(curve.n_stories, "story", "stories")
        yield f"{n} to score on: no intervals (from {MIN_STORIES} on there are some)"
    if "given attributes" in curve.forecasts:
        yield "given attributes: on the gold triggers, which are the same for all models"
    if curve.plan.n_seeds == 1:
        yield "one model a point: its luck is hardly in the intervals (--seeds 3 trains more; those that are there are kept)"
    if curve.plan.n_more > curve.points[-1].size:
        yield f"{curve.plan.n_more} more articles are more than there are: the forecast reaches far beyond what was seen"


def _model(
    split: Split, work: Path, share: int, settings: "Settings", say: Callable[[str], None], stream: IO[str] | None
) -> "Language":
    """The model of these articles and settings: the one in `work`, or else trained there now."""
    from .pipeline import load_model
    from .train import train

    folder = work / f"{share}-{settings.seed}-{digest_of(split, settings)}"
    what = f"{share} % of the stories, {n_of(len(split.parts['train']), 'article')}, seed {settings.seed}"
    if (folder / FINISHED).exists():
        say(f"{what}: is there")
    else:
        say(f"{what}: is trained")
        train(split, folder, settings, say=lambda line: None, stream=stream or io.StringIO(), resume=True)
    return load_model(folder)


def digest_of(split: Split, settings: "Settings") -> str:
    """What a model depends on, in twelve letters: a model of other articles or settings is never taken for this one."""
    from .train import NO_BASE, find_config

    config = find_config(settings.config, None if settings.base == NO_BASE else settings.base)
    plain = [
        [corpus_digest(split.parts["train"]), corpus_digest(split.parts["dev"]), settings.annotator, settings.seed],
        [settings.schema.digest, hashlib.sha256(config.read_bytes()).hexdigest(), settings.base, dict(settings.overrides)],
        [version("copydesk"), version("spacy"), os.environ.get("OMP_NUM_THREADS")],
    ]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]
