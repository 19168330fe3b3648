"""The front door: one command, `copydesk`, made of the rooms' commands."""

import io
import os
import signal
import sys
from typing import Annotated

import typer

import annotate.cli
import apply.cli
import training.cli
from annotate.errors import DataError

__version__ = "0.1.0"

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="From marks in news articles to a spaCy model, and from the model to tables of events and stances.",
)
for room in (annotate.cli.app, training.cli.app, apply.cli.app):
    app.add_typer(room)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"copydesk {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Runs the command line; a fault in the user's data ends it with one line on stderr and exit code 1."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # what is half-written goes, as with Ctrl-C
    # The matrices are small: more threads cost more than they give, and sums would depend on how many there are.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr is: redirected, it may have a narrow encoding
    try:
        app()
    except DataError as fault:
        print(f"copydesk: {fault}", file=sys.stderr)
        sys.exit(1)
    except OSError as err:
        if err.filename is None and err.errno is None:
            raise
        place = err.filename or "this machine"
        print(f"copydesk: {place}: {err.strerror}; check the path, its rights and the free space", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
