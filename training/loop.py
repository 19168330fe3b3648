"""The training loop: spaCy's, step by step and byte by byte, but one that can be stopped anywhere and go on."""

import random
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.training.loop import create_before_to_disk_callback, subdivide_batch, update_meta
from spacy.util import registry, resolve_dot_names
from thinc.api import Optimizer, fix_random_seed

from annotate.counts import n_of

from .checkpoint import NAME, Checkpoint, PythonState, Trained, write_checkpoint
from .live import LivePage
from .progress import Progress

LOG = "log.jsonl"

Batch = Sequence[Example]
Ending = Literal["max_steps", "max_epochs", "patience"]  # the setting that ends a run


def learn(
    nlp: Language,
    work: Path,
    stream: IO[str],
    *,
    about: Mapping[str, Any],
    checkpoint: Checkpoint | None = None,
    page: LivePage | None = None,
) -> Path:
    """Trains an initialized pipeline; returns the folder, in `work`, of the model of the best evaluation.

    Gives the same weights as `spacy.training.loop.train`, and evaluates after the last step too. At each evaluation it
    leaves the log and a checkpoint in `work`, with `about` in it, and goes on from there where it is given one: with the
    same end, byte for byte.
    Where articles are streamed (max_epochs -1), there is no place to go on from, and no checkpoint.
    about: what the run depends on. Any: plain JSON. stream, page: get the live progress.
    """
    run = _Run(nlp, work, stream, about, page)
    if checkpoint is not None:
        run.go_on(checkpoint)
    with run.progress.shown():
        ending = run.learn()
    run.progress.end(in_words(ending, run.results, run.settings), is_early=ending == "patience")
    return run.best_folder


def ending_of(results: Sequence[tuple[float, int]], step: int, settings: Mapping[str, Any]) -> Ending | None:
    """What ends a run after this step; None where it goes on.

    results: score and step of each evaluation. settings: those of [training]; Any: JSON and objects made of it.
    """
    n_steps, patience = settings["max_steps"], settings["patience"]
    if n_steps and step >= n_steps:
        return "max_steps"
    return "patience" if patience and step - _first_best(results) >= patience else None


def in_words(ending: Ending, results: Sequence[tuple[float, int]], settings: Mapping[str, Any]) -> str:
    """Why a run ended, as part of a sentence. Arguments as in `ending_of`."""
    if ending == "patience":
        return f"stopped early: no better score than that of step {_first_best(results):,} for {settings[ending]:,} steps"
    return f"{n_of(settings[ending], 'step' if ending == 'max_steps' else 'epoch')} done"


def _first_best(results: Sequence[tuple[float, int]]) -> int:
    """The earliest of the best, from which patience counts, as spaCy has it."""
    best = max(score for score, _ in results)
    return min(step for score, step in results if score == best)


class _Run:
    """A run between two steps: `step` is the number of the last one, -1 before the first."""

    def __init__(self, nlp: Language, work: Path, stream: IO[str], about: Mapping[str, Any], page: LivePage | None) -> None:
        config = nlp.config.interpolate()
        if config["training"]["seed"] is not None:
            fix_random_seed(config["training"]["seed"])
        # Any: the functions and numbers of the config's [training]
        self.settings: dict[str, Any] = registry.resolve(config["training"], schema=ConfigSchemaTraining)
        names = [self.settings["train_corpus"], self.settings["dev_corpus"]]
        self.train_corpus, self.dev_corpus = resolve_dot_names(config, names)
        self.nlp, self.work, self.about = nlp, work, about
        self.optimizer: Optimizer = self.settings["optimizer"]
        self.weights = {name: weight for name, weight in self.settings["score_weights"].items() if weight is not None}
        self.step, self.n_words = -1, 0
        self.results: list[tuple[float, int]] = []  # score, step
        self.shuffles: list[PythonState] = []
        self.n_known_shuffles = 0  # of an earlier process
        self.n_strings = len(nlp.vocab.strings)
        self.batches = self._batches()
        with nlp.select_pipes(disable=self.settings["frozen_components"]):
            numbers = {"max_steps": self.settings["max_steps"], "weights": self.settings["score_weights"]}
            self.progress = Progress(nlp, stream, work / LOG, **numbers, page=page)

    def learn(self) -> Ending:
        losses: dict[str, float] = {}
        epoch = 0
        while self.step < 0 or (ending := ending_of(self.results, self.step, self.settings)) is None:
            epoch, batch = next(self.batches, (epoch, None))
            if batch is None:
                if self.results[-1][1] == self.step:
                    return "max_epochs"
            else:
                self._update(epoch, batch, losses)
                if self.step % self.settings["eval_frequency"] and self.step != self.settings["max_steps"]:
                    self.progress.count(self.step)
                    continue
            self._keep({"epoch": epoch, "step": self.step, "losses": losses} | self._evaluate())
            losses = {}
        return ending

    def go_on(self, checkpoint: Checkpoint) -> None:
        """Takes up the state of an earlier process."""
        plain = checkpoint.plain
        self.shuffles, self.n_known_shuffles = checkpoint.shuffles, len(checkpoint.shuffles)
        self.step, self.n_words = plain["step"], plain["n_words"]
        self.results = [(score, step) for score, step in plain["results"]]
        self.weights = {name: weight for name, weight in self.weights.items() if name in plain["weights"]}
        for _ in islice(self.batches, self.step + 1):  # cut and shuffled as then
            self.optimizer.step_schedules()  # type: ignore[no-untyped-call]
        checkpoint.restore(self.nlp, self.optimizer)
        self.progress.go_on(plain["log"], self.step)
        checkpoint.restore_random_states()

    @property
    def best_folder(self) -> Path:
        """The latest of the best, as spaCy has it."""
        best = max(score for score, _ in self.results)
        return self.work / f"best-{max(step for score, step in self.results if score == best)}"

    def _batches(self) -> Iterator[tuple[int, Batch]]:
        """Epoch and batch, without end where `max_epochs` sets none."""
        n_epochs = self.settings["max_epochs"]
        examples: Iterable[Example] = list(self.train_corpus(self.nlp)) if n_epochs >= 0 else ()
        epoch = 0
        while n_epochs < 1 or epoch != n_epochs:
            if n_epochs < 0:
                examples = self.train_corpus(self.nlp)
            else:
                if epoch < self.n_known_shuffles:
                    random.setstate(self.shuffles[epoch])
                else:
                    self.shuffles.append(random.getstate())
                random.shuffle(examples)  # type: ignore[arg-type]  # a list, here
            for batch in self.settings["batcher"](examples):
                yield epoch, batch
            epoch += 1

    def _update(self, epoch: int, batch: Batch, losses: dict[str, float]) -> None:
        """One step."""
        settings, frozen = self.settings, self.settings["frozen_components"]
        self.step += 1
        if settings["before_update"]:
            settings["before_update"](self.nlp, {"step": self.step, "epoch": epoch})
        for part in subdivide_batch(batch, settings["accumulate_gradient"]):  # type: ignore[no-untyped-call]
            options = {"drop": settings["dropout"], "losses": losses, "exclude": frozen}
            self.nlp.update(part, **options, sgd=False, annotates=settings["annotating_components"])  # type: ignore[arg-type]
        pipes: list[tuple[str, Any]] = self.nlp.pipeline  # Any: components of every kind
        for name, pipe in pipes:
            if name not in frozen and getattr(pipe, "is_trainable", False) and pipe.model not in (True, False, None):
                pipe.finish_update(self.optimizer)
        self.optimizer.step_schedules()  # type: ignore[no-untyped-call]
        self.n_words += sum(len(eg) for eg in batch)

    def _evaluate(self) -> dict[str, Any]:
        """`score`, which chooses the best model, and all scores: `found`, and `other_scores` without those that are None.

        Any: numbers and tables. A score that is missing once has no weight from then on, as in spaCy.
        """
        with self.nlp.use_params(self.optimizer.averages):
            found = self.nlp.evaluate(self.dev_corpus(self.nlp))
        scores = {name: value for name, value in found.items() if value is not None}
        self.weights = {name: weight for name, weight in self.weights.items() if name in scores}
        score = sum(scores[name] * weight for name, weight in self.weights.items())
        return {"score": score, "other_scores": scores, "found": found}

    def _keep(self, info: dict[str, Any]) -> None:
        """Writes what an evaluation leaves: the model where it is the best, the log, and a checkpoint that fits both.

        A model is written under a name of its own before the checkpoint that counts on it, and the one before goes after.
        """
        score, step = info["score"], info["step"]
        info = info | {"words": self.n_words}
        self.results.append((score, step))
        with self.nlp.select_pipes(disable=self.settings["frozen_components"]):
            update_meta(self.settings, self.nlp, info)
        if score == max(self.results)[0]:
            shutil.rmtree(self.best_folder, ignore_errors=True)  # of a process that was killed here
            with self.nlp.use_params(self.optimizer.averages):
                create_before_to_disk_callback(self.settings["before_to_disk"])(self.nlp).to_disk(self.best_folder)
        self.progress.log(info)
        if self.settings["max_epochs"] >= 0:
            write_checkpoint(self.work / NAME, self._trained, self._plain(), self.shuffles)
        for folder in self.work.glob("best-*"):
            if folder != self.best_folder:
                shutil.rmtree(folder)

    @property
    def _trained(self) -> Trained:
        return Trained(self.nlp, self.optimizer, self.n_strings)

    def _plain(self) -> dict[str, Any]:
        return {
            "about": self.about,
            "step": self.step,
            "n_words": self.n_words,
            "results": self.results,
            "weights": list(self.weights),
            "log": self.progress.lines,
        }
