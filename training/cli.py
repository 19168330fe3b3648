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


@app.command()
def package(
    model: Annotated[Path, typer.Argument(help="Trained model: the --out of `copydesk train`.")],
    out: Annotated[Path, typer.Option(help="Folder for the wheel.")] = Path("dist"),
    name: Annotated[str, typer.Option(help="Name of the package, without its language.")] = "news_events",
    version: Annotated[str, typer.Option(help="Version of the package.")] = "0.1.0",
    license: Annotated[str, typer.Option(help="Licence that you give the weights.")] = "not stated by the model's owner",
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Pack a trained model as a wheel that needs nothing but spaCy."""
    from training.package import package

    print(package(model, out, name=name, version=version, license=license, force=force))


@app.command()
def split(
    records: Annotated[Path, typer.Argument(help="Annotated articles, JSON Lines.")],
    out: Annotated[Path, typer.Option(help="Folder for train.jsonl, dev.jsonl, test.jsonl and split.json.")],
    seed: Annotated[int, typer.Option(help="Another seed draws other stories.")] = 0,
    dev: Annotated[float, typer.Option(help="Share of the articles that decide when training stops.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the articles that training never sees.")] = 0.2,
    annotator: Annotated[str | None, typer.Option(help="Whose annotations count, where there is no gold.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Part a corpus into train, dev and test, so that no story is told in two of them."""
    from training.split import split_records, write_split

    done = split_records(records, seed=seed, shares=(1 - dev - test, dev, test), annotator=annotator)
    write_split(done, out, settings={"seed": seed, "shares": [1 - dev - test, dev, test]}, force=force)
    for part, ids in done.to_json().items():
        print(f"{part:<6} {len(ids):>6} articles")
