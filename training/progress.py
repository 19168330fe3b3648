"""Training as it happens: a line at each evaluation, a bar in between, and a log to keep."""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from spacy.language import Language
from tqdm import tqdm

if TYPE_CHECKING:
    from .live import LivePage

BAR = "{n_fmt}/{total_fmt} |{bar}| {percentage:3.0f} %  time left <{remaining}"
BAR_WITHOUT_END = "{n_fmt} steps in {elapsed}  time left unknown"

Info = dict[str, Any]  # Any: what an evaluation found


class Progress:
    """Writes to a stream as a run goes, and to a page where there is one; and one JSON line per evaluation to `log_path`.

    The lines hold every score that the components' scorers give, with its table of labels, null where dev has nothing
    to score; and no times, so that two equal runs give equal logs.
    """

    def __init__(
        self,
        nlp: Language,
        stream: IO[str],
        log_path: Path,
        *,
        max_steps: int,
        weights: Mapping[str, Any],
        page: "LivePage | None" = None,
    ) -> None:
        self.max_steps = max_steps
        self.scores = [name for name, weight in weights.items() if weight]
        self.pipes = [name for name, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False)]
        self.stream, self.log_path, self.page = stream, log_path, page
        self.step, self.words, self.best = 0, 0, 0.0  # where this process began, and the best score so far
        self.started = time.monotonic()
        self.lines: list[str] = []
        self.records: list[Info] = []  # the lines, read
        self.is_headed = False
        self.bar: Any = None  # Any: tqdm has no types

    def go_on(self, lines: Sequence[str], step: int) -> None:
        """Takes up a log that was begun by another process."""
        self.lines, self.records = list(lines), [json.loads(line) for line in lines]
        self.step, self.words = step, self.records[-1]["words"]
        self.best = max(0.0, *(record["score"] for record in self.records))

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows people, while the block runs, how far it is: a bar below the lines, which goes in the end, and the page.

        A stream that is no terminal gets the lines and nothing else.
        """
        self.started = time.monotonic()
        self._show(self.step, is_news=True)
        if not self.stream.isatty():
            yield
            return
        total = self.max_steps or None
        form = BAR if total else BAR_WITHOUT_END
        steady = {"smoothing": 0, "initial": self.step}  # the rate of all steps: evaluations come seldom and take long
        with tqdm(total=total, file=self.stream, leave=False, dynamic_ncols=True, bar_format=form, **steady) as self.bar:
            try:
                yield
            finally:
                self.bar = None

    def count(self, step: int) -> None:
        """Moves the bar, and now and then the page."""
        if self.bar is not None:
            self.bar.update(step - self.bar.n)
        self._show(step, is_news=False)

    def log(self, info: Info) -> None:
        self.count(info["step"])
        self.records.append(_record(info, self.pipes))
        self.lines.append(json.dumps(self.records[-1]))
        self.log_path.write_text("".join(line + "\n" for line in self.lines), encoding="utf-8")
        self._write(("" if self.is_headed else self._header() + "\n") + self._line(info) + "\n")
        self.is_headed = True
        self._show(info["step"], is_news=True)

    def end(self, words: str, *, is_early: bool) -> None:
        """Says why a run ended; to the stream where that was before its last step."""
        if is_early:
            self._write(words + "\n")
        if self.page is not None:
            self.page.end_learning(words, is_early=is_early)

    def _show(self, step: int, *, is_news: bool) -> None:
        if self.page is not None:
            self.page.show(step, self.records, self._seconds_left(step), is_news=is_news)

    def _write(self, text: str) -> None:
        if self.bar is not None:
            self.bar.write(text, file=self.stream, end="")  # above the bar
        else:
            self.stream.write(text)
        self.stream.flush()

    def _header(self) -> str:
        names = [*self.pipes, *(name.removesuffix("_f") for name in self.scores)]
        groups = f"{'':<30}{' loss ':-^{9 * len(self.pipes)}}{' dev, F ':-^{9 * len(self.scores)}}"
        return f"{groups}\n{'step':<12}{'words/s':>8}{'left':>10}" + "".join(f"{name[:8]:>9}" for name in names) + "    score"

    def _line(self, info: Info) -> str:
        self.best = max(self.best, info["score"])
        speed = (info["words"] - self.words) / max(time.monotonic() - self.started, 1e-3)
        losses = "".join(f"{info['losses'].get(name, 0.0):>9,.1f}" for name in self.pipes)
        scores = "".join(f"{_number(info['found'], name):>9.3f}" for name in self.scores)
        mark = " best" if info["score"] >= self.best else ""
        step = info["step"]
        return f"{self._of_all(step):<12}{speed:>8,.0f}{self._left(step):>10}{losses}{scores}{info['score']:>9.3f}{mark}"

    def _of_all(self, step: int) -> str:
        return f"{step}/{self.max_steps}" if self.max_steps else f"{step}"

    def _left(self, step: int) -> str:
        seconds = self._seconds_left(step)
        return "unknown" if seconds is None else f"<{clock(seconds)}"

    def _seconds_left(self, step: int) -> float | None:
        """At most, for early stopping may make it less; None where nobody knows."""
        if not self.max_steps or step <= self.step:
            return None
        return (time.monotonic() - self.started) / (step - self.step) * (self.max_steps - step)


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def _record(info: Info, pipes: list[str]) -> Info:
    scores = {name: value for name, value in info["found"].items() if name != "speed"}  # which is of the machine
    return {
        "step": info["step"],
        "epoch": info["epoch"],
        "words": info["words"],
        "losses": {name: _plain(info["losses"].get(name, 0.0)) for name in pipes},
        "scores": _plain(scores),
        "score": float(info["score"]),
    }


def _plain(value: Any) -> Any:
    """As strict JSON takes it, tables in the order of their labels. Any: a number, a text, None or a table of them."""
    if isinstance(value, Mapping):
        return {str(name): _plain(value[name]) for name in sorted(value, key=str)}
    if value is None or isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else None


def _number(scores: Mapping[str, Any], name: str) -> float:
    """0.0 where no dev article has the layer. Any: numbers and tables."""
    value = scores.get(name)
    return 0.0 if value is None else float(value)
