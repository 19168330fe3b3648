"""Training as it happens: a line at each evaluation, a count in between, and a log to keep."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from spacy.language import Language
from spacy.util import registry

NAME = "copydesk.progress.v1"
REFRESH_SECONDS = 0.5

Info = dict[str, Any]  # Any: what spaCy's training loop tells of a step
Log = Callable[[Info | None], None]


@registry.loggers(NAME)  # type: ignore[untyped-decorator]  # spaCy gives no types for it
def make_progress(log_path: str | None = None) -> Callable[[Language, IO[str], IO[str]], tuple[Log, Callable[[], None]]]:
    """A logger that writes to the second stream it is given, and one JSON line per evaluation to `log_path`.

    The lines hold no times, so that two equal runs give equal logs.
    """

    def start(nlp: Language, _: IO[str], stream: IO[str]) -> tuple[Log, Callable[[], None]]:
        progress = _Progress(nlp, stream, None if log_path is None else Path(log_path))
        return progress.log, progress.finish

    return start


class _Progress:
    """Counts steps between two evaluations, which spaCy does not tell."""

    def __init__(self, nlp: Language, stream: IO[str], log_path: Path | None) -> None:
        settings = nlp.config.interpolate()["training"]
        self.max_steps: int = settings["max_steps"]
        self.scores = [name for name, weight in settings["score_weights"].items() if weight]
        self.pipes = [name for name, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False)]
        self.stream, self.log_path = stream, log_path
        self.step, self.best = -1, 0.0
        self.started = self.shown = time.monotonic()
        self.lines: list[str] = []

    def log(self, info: Info | None) -> None:
        self.step += 1
        if info is not None:
            self.lines.append(json.dumps(_record(info, self.pipes, self.scores)))
            self._write((self._header() + "\n" if self.step == 0 else "") + self._line(info) + "\n")
        elif self.stream.isatty() and time.monotonic() - self.shown > REFRESH_SECONDS:
            self.shown = time.monotonic()
            self._write(f"{self._of_all():<12}{'':>8}{self._left():>10}")

    def finish(self) -> None:
        if self.log_path is not None:
            self.log_path.write_text("".join(line + "\n" for line in self.lines), encoding="utf-8")

    def _write(self, text: str) -> None:
        self.stream.write(f"\r\x1b[K{text}" if self.stream.isatty() else text)
        self.stream.flush()

    def _header(self) -> str:
        names = [*self.pipes, *(name.removesuffix("_f") for name in self.scores)]
        groups = f"{'':<30}{' loss ':-^{9 * len(self.pipes)}}{' dev, F ':-^{9 * len(self.scores)}}"
        return f"{groups}\n{'step':<12}{'words/s':>8}{'left':>10}" + "".join(f"{name[:8]:>9}" for name in names) + "    score"

    def _line(self, info: Info) -> str:
        self.best = max(self.best, info["score"])
        speed = info["words"] / max(time.monotonic() - self.started, 1e-3)
        losses = "".join(f"{info['losses'].get(name, 0.0):>9,.1f}" for name in self.pipes)
        scores = "".join(f"{_number(info['other_scores'], name):>9.3f}" for name in self.scores)
        mark = " best" if info["score"] >= self.best else ""
        return f"{self._of_all():<12}{speed:>8,.0f}{self._left():>10}{losses}{scores}{info['score']:>9.3f}{mark}"

    def _of_all(self) -> str:
        return f"{self.step}/{self.max_steps}" if self.max_steps else f"{self.step}"

    def _left(self) -> str:
        if not self.max_steps or self.step < 1:
            return "unknown"
        seconds = (time.monotonic() - self.started) / self.step * (self.max_steps - self.step)
        return f"<{int(seconds) // 60}:{int(seconds) % 60:02d}"  # early stopping may make it less


def _record(info: Info, pipes: list[str], scores: list[str]) -> Info:
    return {
        "step": info["step"],
        "epoch": info["epoch"],
        "words": info["words"],
        "losses": {name: float(info["losses"].get(name, 0.0)) for name in pipes},
        "scores": {name: _number(info["other_scores"], name) for name in scores},
        "score": float(info["score"]),
    }


def _number(scores: Mapping[str, Any], name: str) -> float:
    """0.0 where no dev article has the layer. Any: numbers and tables."""
    value = scores.get(name)
    return 0.0 if value is None else float(value)
