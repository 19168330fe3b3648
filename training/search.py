"""A search for better settings: trainings of the same articles with other ones, judged on dev, of which the best is kept."""

import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, NamedTuple

from annotate.errors import DataError
from annotate.outputs import hidden_folder, kept_folder, refuse_folder, whole_file, whole_folder

from .checkpoint import NAME as CHECKPOINT
from .corpus import doubts, shown_by_layer
from .draws import Draws
from .loop import LOG
from .packing import codecs_found_once
from .ranges import RANGES, Range, Scalar, Space, fit_ranges, read_ranges, short_names
from .resume import Say, forget_earlier, saying_how_to_go_on
from .run import RUN, difference, names_in
from .split import Split
from .train import Settings, Start, find_start, resolve, train

SEARCH = "search.json"
LAYERS = {"ents": "mentions", "triggers": "triggers", "attributes": "triggers", "arguments": "arguments", "stances": "stances"}


@dataclass(frozen=True)
class Trial:
    """One training, judged on dev.

    settings: what it had of what is searched. score: what chose its best step; step: that one; scores: its layers there.
    """

    number: int
    settings: Mapping[str, Scalar]
    score: float
    step: int
    scores: Mapping[str, float | None]


@dataclass(frozen=True)
class Found:
    """What a search found: its trials, as they came. The first has the config's own settings.

    about: all that the search depends on, but for how many trials. Any: plain JSON.
    shown: about the smallest difference of two scores that leaves chance behind on dev; see `shown_by_score`.
    """

    about: Mapping[str, Any]
    shown: float
    trials: tuple[Trial, ...] = ()

    @property
    def best(self) -> Trial:
        """The first of the best."""
        return max(self.trials, key=lambda trial: (trial.score, -trial.number))

    def to_json(self) -> dict[str, Any]:
        """Any: plain JSON."""
        best = self.best.number if self.trials else None
        return {"best": best, "shown": self.shown, "trials": [asdict(t) for t in self.trials], "about": self.about}


class _Work(NamedTuple):
    """What all trials have in common, and the folder they are in."""

    split: Split
    settings: Settings
    folder: Path
    say: Say
    stream: IO[str]


def search(
    split: Split,
    out: Path,
    settings: Settings,
    *,
    n_trials: int,
    ranges: Path | None = None,
    say: Say,
    stream: IO[str] = sys.stderr,
    force: bool = False,
    resume: bool = False,
) -> Found:
    """Trains `n_trials` times, and puts the model of the best trial at `out`, with what was found as `search.json`.

    Its other files are those that `train` writes with that trial's settings, byte for byte.
    ranges: the file that says what is searched (None: the shipped one); what `settings` overrides holds for all trials.
    resume: goes on with a search that was stopped, for as many trials or more; the end is that of one that was not.
    Raises DataError before anything is trained where the ranges are wrong or optuna is missing, and as `train` does.
    """
    place = ranges or RANGES
    stated = read_ranges(place)
    _refuse_without(split)
    if not resume:
        refuse_folder(out, force=force, mark=RUN, own=names_in)
    say = _once(say)
    start = find_start(settings, say)
    with kept_folder(_towards(out), worth=SEARCH) as folder:
        work = _Work(split, settings, folder, say, stream)
        space, plan = _plan(work, start, stated, str(place))
        done = _read(out / SEARCH) if resume else None
        if done is not None and done.about == plan.about and len(done.trials) == n_trials:
            say(f"{out} is there already, whole, and of this very search")
            return done
        refuse_folder(out, force=force, mark=RUN, own=names_in)
        if not resume:
            forget_earlier(folder, say, what="search", worth=SEARCH, but=())
        found = _taken_up(folder, plan, n_trials)
        with saying_how_to_go_on(folder / SEARCH, say):
            found = _run_trials(work, space, found, n_trials)
            model = _finish(work, found.best)
            with whole_folder(out, force=force, mark=RUN, own=names_in) as whole:
                shutil.copytree(model, whole, dirs_exist_ok=True)
                _write(whole / SEARCH, found)
    return found


def _refuse_without(split: Split) -> None:
    """Raises DataError where there is nothing to draw settings with, or to judge them by."""
    if find_spec("optuna") is None:
        raise DataError("--search", "needs optuna", "run pip install 'copydesk[search]'")
    if not split.parts["dev"]:
        raise DataError("dev", "has no articles, and they judge the trials", "give some with --dev")


def _towards(out: Path) -> Path:
    """What the trials' folder is named for: not for `out` alone, where a run without a search would be."""
    return out.absolute().with_name(f"{out.absolute().name}.search")


def _plan(work: _Work, start: Start, stated: Mapping[str, Range], place: str) -> tuple[Space, Found]:
    """What is searched, and a search without trials as yet."""
    articles = work.folder / "articles"
    articles.mkdir(exist_ok=True)
    with codecs_found_once():
        config, losses, run = resolve(work.split, articles, work.settings, start)
    shutil.rmtree(articles)
    space, lines = fit_ranges(stated, config, work.settings.overrides, place)
    for line in (*doubts(work.split, work.settings.annotator, schema=work.settings.schema), *losses.lines(), *lines):
        work.say(line)
    for name, own in space.own.items():
        if not space.ranges[name].holds(own):
            work.say(f"{name} is {own} in the config, which is not in its range: nothing is learnt from trial 1")
    by_layer = shown_by_layer(work.split.parts["dev"], work.settings.annotator)
    shown = shown_by_score(config["training"]["score_weights"], by_layer)
    judged_by = [name for name, weight in config["training"]["score_weights"].items() if weight]
    about = {**run, "ranges": space.to_json(), "optuna": version("optuna"), "judged_by": judged_by}
    return space, Found(json.loads(json.dumps(about)), round(shown, 4))  # as it is read again: lists, no tuples


def shown_by_score(weights: Mapping[str, float | None], by_layer: Mapping[str, float]) -> float:
    """About the smallest difference of the weighted score that leaves chance behind, from those of the layers' F1.

    Their weighted sum: a sum's standard deviation is that of its parts at most, whatever goes together in them.
    """
    shown = 0.0
    for name, weight in weights.items():
        layer = LAYERS.get(name.partition("_")[0])
        shown += abs(weight or 0.0) * (1.0 if layer is None else by_layer.get(layer, 0.0))
    return shown


def _taken_up(folder: Path, plan: Found, n_trials: int) -> Found:
    """The search that was stopped, or the plan. Raises DataError where it had other articles, settings or versions."""
    found = _read(folder / SEARCH)
    if found is None:
        return plan
    other = difference(dict(found.about), dict(plan.about))
    if other is not None:
        raise DataError(str(folder), f"the search that was stopped had {other}", "give what it had, or leave out --resume")
    n_done = len(found.trials)
    if n_done > n_trials:
        raise DataError(f"--search {n_trials}", f"is less than the {n_done} trials that are done", f"give {n_done} or more")
    return found


def _run_trials(work: _Work, space: Space, found: Found, n_trials: int) -> Found:
    """Goes on until there are so many trials; only the best one's weights are kept."""
    _write(work.folder / SEARCH, found)
    draws = Draws(space, work.settings.seed)
    for number in range(1, n_trials + 1):
        drawn = dict(space.own) if number == 1 else draws.draw()
        named = (f"{name} {value}" for name, value in zip(short_names(list(drawn)), drawn.values(), strict=True))
        what = "the config's own settings" if number == 1 else ", ".join(named)
        work.say(f"trial {number} of {n_trials}: {what}")
        known = found.trials[number - 1 : number] or [t for t in found.trials if t.settings == drawn]
        if known:
            trial = replace(known[0], number=number)
            work.say(f"trial {number} of {n_trials}: score {trial.score:.3f}, as it was trained before")
        else:
            before = time.process_time()
            trial = _train(work, number, drawn, found.about["judged_by"])
            work.say(f"trial {number} of {n_trials}: score {trial.score:.3f}, {time.process_time() - before:,.0f} CPU seconds")
        draws.learn_own(trial.score) if number == 1 else draws.learn(trial.score)
        if number > len(found.trials):
            found = replace(found, trials=(*found.trials, trial))
            _write(work.folder / SEARCH, found)
        for other in found.trials:
            if other.number != found.best.number:
                shutil.rmtree(hidden_folder(_place(work.folder, other.number)), ignore_errors=True)
    return found


def _train(work: _Work, number: int, drawn: Mapping[str, Scalar], judged_by: Sequence[str]) -> Trial:
    """A training up to its last step, or the rest of one that was stopped."""
    place = _place(work.folder, number)
    left = train(
        work.split,
        place,
        _with(work.settings, number, drawn),
        say=lambda line: None,  # it would be the same for each of them
        stream=work.stream,
        resume=(hidden_folder(place) / CHECKPOINT).is_file(),
        learn_only=True,
    )
    lines = [json.loads(line) for line in (left / LOG).read_text(encoding="utf-8").splitlines()]
    best = max(lines, key=lambda line: (line["score"], line["step"]))  # the latest of the best: that one is kept
    return Trial(number, drawn, best["score"], best["step"], {name: best["scores"].get(name) for name in judged_by})


def _finish(work: _Work, best: Trial) -> Path:
    """The model of a trial whose steps are done."""
    work.say(f"trial {best.number} is the best: its model is finished")
    own = _with(work.settings, best.number, best.settings)
    return train(work.split, _place(work.folder, best.number), own, say=work.say, stream=work.stream, resume=True)


def _with(settings: Settings, number: int, drawn: Mapping[str, Scalar]) -> Settings:
    """The settings of a trial; the first has the config's own without saying so, as a training without a search has."""
    return settings if number == 1 else replace(settings, overrides={**settings.overrides, **drawn})


def _place(folder: Path, number: int) -> Path:
    return folder / f"trial-{number}"


def _once(say: Say) -> Say:
    """Says each line the first time only."""
    said: set[str] = set()

    def say_new(line: str) -> None:
        if line not in said:
            said.add(line)
            say(line)

    return say_new


def _read(path: Path) -> Found | None:
    """What a search left in a file; None where there is none, or it is no such file."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return Found(plain["about"], plain["shown"], tuple(Trial(**trial) for trial in plain["trials"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, found: Found) -> None:
    with whole_file(path, force=True) as temporary:
        temporary.write_text(json.dumps(found.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
