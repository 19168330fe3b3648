"""What a stopped run leaves, and how another process takes it up."""

import contextlib
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any

from annotate.errors import DataError
from annotate.outputs import forget_all_but, hidden_folder

from .checkpoint import NAME, Checkpoint
from .run import difference

ARTICLES = ("train.spacy", "dev.spacy")  # each run writes its own before it goes on or forgets

Say = Callable[[str], None]


def forget_earlier(folder: Path, say: Say, *, what: str = "run", worth: str = NAME, but: Container[str] = ARTICLES) -> None:
    """Throws away what an earlier run left in its folder, and says so where one could have gone on with its file `worth`."""
    if (folder / worth).is_file():
        say(f"an earlier {what} was stopped before its end and is forgotten now: --resume would have gone on with it")
    forget_all_but(but, folder)


@contextlib.contextmanager
def saying_how_to_go_on(kept: Path, say: Say) -> Iterator[None]:
    """Does so where the block is stopped and the file `kept` is there."""
    try:
        yield
    except BaseException:
        if kept.is_file():
            say(f"stopped: what was learnt is kept in {kept.parent}; the same command with --resume goes on from there")
        raise


def find_state(out: Path, about: dict[str, Any], say: Say) -> Checkpoint | None:
    """What a stopped run towards `out` left; None where it left nothing. Any: plain JSON.

    Raises DataError where that run had other articles, settings or versions.
    """
    path = hidden_folder(out) / NAME
    if not path.is_file():
        say("there is no run to go on with: training from the start")
        return None
    checkpoint = Checkpoint(path)
    other = difference(checkpoint.plain["about"], about)
    if other is not None:
        raise DataError(str(out), f"the run that was stopped had {other}", "give what it had, or leave out --resume")
    say(f"going on after step {checkpoint.plain['step']}")
    return checkpoint
