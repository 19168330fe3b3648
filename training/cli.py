"""The commands of this room."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def download(
    name: Annotated[str, typer.Argument(help="Official pipeline: en_core_web_md or en_core_web_sm.")],
    out: Annotated[Path | None, typer.Option(help="Folder to put it in (models/base/NAME where not given).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Get an official pretrained pipeline to start training from, checked by its digests."""
    from training.pretrained import fetch_pipeline

    print(fetch_pipeline(name, out or Path("models/base") / name, force=force))
