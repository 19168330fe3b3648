"""The commands of this room."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@app.command()
def apply(
    model: Annotated[str, typer.Argument(help="Folder of a trained model, or name of an installed one.")],
    inputs: Annotated[
        list[str], typer.Argument(help="JSON Lines, texts, folders, CSV, Parquet, hf:NAME[:SPLIT], or - for standard input.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the records and tables.")],
    csv: Annotated[bool, typer.Option("--csv", help="Write the tables as CSV too.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Write a page of marked articles too.")] = False,
    text_column: Annotated[str, typer.Option(help="Column of tables that holds the text.")] = "text",
    id_column: Annotated[str, typer.Option(help="Column of tables that holds the id.")] = "id",
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Leave out what is less likely than this to be right.")
    ] = None,
    precision: Annotated[
        float | None, typer.Option(min=0, max=1, help="Leave out, label by label, what dev cannot promise this precision for.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Find events, stances and mentions in articles, as records and tables."""
    from annotate.outputs import refuse_folder
    from annotate.sources import Columns, refuse_to_replace, scan_articles, without_repeats
    from training.pipeline import load_model, schema_of

    from .cutoffs import cutoffs_of, remarks
    from .results import apply_model, summary_lines
    from .tables import Layout

    refuse_folder(out, force=force)
    refuse_to_replace([model, *inputs], out)
    nlp = load_model(model)
    cutoffs = cutoffs_of(nlp, min_score=min_score, precision=precision)
    for line in remarks(nlp, cutoffs):
        _say(line)
    scanned = scan_articles(
        inputs,
        columns=Columns(text_column, id_column),
        schema=schema_of(nlp),
        pass_over=lambda path: _say(f"{path}: passed over, it is no kind of file that is read here"),
    )
    summary = apply_model(
        nlp, without_repeats(scanned), out, as_csv=csv, with_page=html, force=force, cutoffs=cutoffs, say=_say
    )
    for line in summary_lines(summary, Layout(schema_of(nlp))):
        print(line)
    _say(summary.speed)
    if summary.n_errors:
        _say(f"{summary.n_errors:,} of {summary.n_articles:,} articles could not be used; articles.parquet says why")
        raise typer.Exit(1)
