"""A page that shows a run as it trains: how far it is, its losses and scores, and how it ended."""

import hashlib
import signal
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from annotate.errors import DataError
from annotate.outputs import hidden_folder, refuse_to_overwrite, whole_file

from .checkpoint import NAME as CHECKPOINT
from .checkpoint import Checkpoint
from .live_plots import Record, best_of, evaluations, loss_plots, names_of, score_plots, short
from .plots import FIELD, SIZE, templates
from .progress import clock

TEMPLATE, SCRIPT = "live.html", "live.js"
REFRESH_SECONDS = 5  # the page's, and the least between two pages of one evaluation and the next
MARK_BYTES = 4096  # within which the page says whose it is

State = Literal["training", "finishing", "done", "stopped"]


@dataclass(frozen=True)
class View:
    """A run at a moment.

    weights: of the scores that the config names, None or 0 where one has none. max_steps, patience: 0 for no limit.
    facts: what it depends on, in words. words: why it ended, as part of a sentence. is_early: by patience.
    records: the evaluations so far, as in the log. seconds_left: at most; None where that is unknown.
    kept: where it stopped, the step after which --resume goes on; None where there is no such. written: seconds since 1970.
    """

    model: str
    key: str
    weights: Mapping[str, float | None]
    max_steps: int
    patience: int
    facts: Mapping[str, str]
    state: State = "training"
    words: str = ""
    is_early: bool = False
    step: int = 0
    records: Sequence[Record] = ()
    seconds_left: float | None = None
    kept: int | None = None
    written: float = 0.0

    @property
    def is_going_on(self) -> bool:
        return self.state in ("training", "finishing")


def view_of(out: Path, training: Mapping[str, Any], facts: Mapping[str, str]) -> View:
    """A run towards `out` before its first step. training: [training] of its config, interpolated; Any: JSON."""
    return View(str(out), _key(out), training["score_weights"], training["max_steps"], training["patience"], facts)


def refuse_page(path: Path, out: Path, *, force: bool, resume: bool) -> None:
    """Raises DataError where `path` is no place for the page of a run towards `out`.

    resume: the page that an earlier process left of that run may be replaced.
    """
    if path.is_dir():
        raise DataError(str(path), "is a folder", "give the name of a file")
    if any(path.resolve().is_relative_to(folder.resolve()) for folder in (out, hidden_folder(out))):
        raise DataError(str(path), "is in the folder of the model, which appears whole", "give a path outside of it")
    if not (resume and _is_page_of(path, out)):
        refuse_to_overwrite(path, force=force)


class LivePage:
    """The page of a run at `path`, which is replaced whole again and again; None for no page.

    say: is told where a page cannot be written. That ends a run before its first step, and no later one.
    """

    def __init__(self, path: Path | None, say: Callable[[str], None]) -> None:
        self.path, self._say = path, say
        self._view: View | None = None
        self._shown = 0.0  # on the clock that never goes back
        self._is_there = self._has_complained = False

    def begin(self, view: View) -> None:
        """Says what run it is; the page comes with the first `show`."""
        self._view = view

    def show(self, step: int, records: Sequence[Record], seconds_left: float | None, *, is_news: bool) -> None:
        """Writes how far the run is: at once where there is news, else now and then."""
        self._change(step=step, records=records, seconds_left=seconds_left)
        if is_news or time.monotonic() - self._shown >= REFRESH_SECONDS:
            self._write()

    def end_learning(self, words: str, *, is_early: bool) -> None:
        """What is left is to calibrate and score the best model. words, is_early: as in `View`."""
        self._change(state="finishing", words=words, is_early=is_early)
        self._write()

    def show_finished(self, view: View, records: Sequence[Record], words: str, *, is_early: bool) -> None:
        """Writes the end of a run that another process made."""
        self._view = replace(view, step=records[-1]["step"], records=records)
        self._change(state="done", words=words, is_early=is_early)
        self._write()

    @contextmanager
    def telling_the_end(self, out: Path) -> Iterator[None]:
        """Writes how the block ended. A process that is killed with SIGKILL writes nothing: the page shows its age."""
        try:
            yield
        except BaseException as err:
            if self._is_there:
                self._change(state="stopped", words=_why(err), kept=_kept(hidden_folder(out) / CHECKPOINT))
                self._write()
            raise
        self._change(state="done")
        self._write()

    def _change(self, **changes: Any) -> None:
        """Any: fields of the view."""
        if self._view is not None:
            self._view = replace(self._view, **changes)

    def _write(self) -> None:
        if self.path is None or self._view is None:
            return
        self._change(written=time.time())
        self._shown = time.monotonic()
        try:
            with whole_file(self.path, force=True) as temporary:
                temporary.write_text(to_html(self._view), encoding="utf-8")
        except (DataError, OSError) as err:
            if not self._is_there:
                raise
            if not self._has_complained:
                self._say(f"{self.path}: cannot be written any more, training goes on without it: {err}")
            self._has_complained = True
        self._is_there = True


def to_html(view: View) -> str:
    """The page: fetches nothing, and runs nothing but a script that reloads it while the run goes on."""
    from markupsafe import Markup

    script = (Path(__file__).parent / SCRIPT).read_text(encoding="utf-8")
    records = view.records
    main, others = score_plots(records, view.weights)
    values: dict[str, Any] = {  # Any: what the template shows
        "view": view,
        "heading": heading(view),
        "sentence": sentence(view),
        "share": min(view.step / view.max_steps, 1.0) if view.max_steps else None,
        "left": None if view.seconds_left is None else clock(view.seconds_left),
        "n_waited": view.step - _first_best(records) if records and view.patience else None,
        "best": best_of(records),
        "plots": {"Scores on dev": main, "Loss per step": loss_plots(records), "Other scores on dev": others},
        "names": names_of(records, view.weights),
        "evaluations": evaluations(records),
        "short": short,
        "time": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(view.written)),
        "refresh": REFRESH_SECONDS if view.is_going_on else 0,
        "script": Markup(script),
        "script_digest": b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "size": SIZE,
        "field": FIELD,
    }
    return templates().get_template(TEMPLATE).render(**values)


def heading(view: View) -> str:
    """The state in a word or two."""
    if view.state == "done":
        return "Done, stopped early" if view.is_early else "Done"
    return {"training": "Training", "finishing": "Scoring the best model", "stopped": "Stopped"}[view.state]


def sentence(view: View) -> str:
    """What the heading leaves open."""
    if view.state == "training":
        return f"Step {view.step:,}" + (f" of {view.max_steps:,}." if view.max_steps else ".")
    words = f"{view.words[:1].upper()}{view.words[1:]}." if view.words else "The run is over."
    if view.state == "finishing":
        return f"{words} Its best model is calibrated and scored now."
    if view.state == "done":
        return words
    remedy = "" if view.kept is None else f" The same command with --resume goes on after step {view.kept:,}."
    return f"At step {view.step:,}, by {view.words}.{remedy}"


def _first_best(records: Sequence[Record]) -> int:
    return int(max(records, key=lambda record: (record["score"], -record["step"]))["step"])


def _why(err: BaseException) -> str:
    """What ended a run, in a few words."""
    if isinstance(err, KeyboardInterrupt):
        return "Ctrl-C"
    if isinstance(err, SystemExit) and isinstance(err.code, int) and err.code > 128:
        names = {number.value: number.name for number in signal.Signals}
        return names.get(err.code - 128, f"exit code {err.code}")
    if isinstance(err, DataError):
        return f"a fault: {err}"
    return f"an error: {type(err).__name__} {str(err).partition(chr(10))[0]}".rstrip()


def _kept(checkpoint: Path) -> int | None:
    with suppress(DataError):  # what it says of the run must not hide why it ended
        return int(Checkpoint(checkpoint).plain["step"]) if checkpoint.is_file() else None
    return None


def _key(out: Path) -> str:
    """What tells the pages of two runs apart."""
    return hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:16]


def _is_page_of(path: Path, out: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'name="copydesk-run" content="{_key(out)}"'.encode() in file.read(MARK_BYTES)
