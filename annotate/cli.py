"""The commands of this room."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class MarksAs(StrEnum):
    """What annotations become in a project."""

    ANNOTATIONS = "annotations"
    PREDICTIONS = "predictions"


Inputs = Annotated[
    list[str], typer.Argument(help="JSON Lines, texts, folders, CSV, Parquet, hf:NAME[:SPLIT], or - for standard input.")
]
Scheme = Annotated[Path | None, typer.Option("--schema", help="Label scheme, where it is not the default one.")]
TextColumn = Annotated[str, typer.Option(help="Column of tables that holds the text.")]
IdColumn = Annotated[str, typer.Option(help="Column of tables that holds the id.")]
Out = Annotated[Path, typer.Option(help="Records to write (JSON Lines; - for standard output).")]
LedgerFile = Annotated[
    Path | None, typer.Option("--ledger", help="File for the list of what became of each mark (JSON Lines).")
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Url = Annotated[str | None, typer.Option(help="Address of the server: LABEL_STUDIO_URL, else the local one that runs.")]
Home = Annotated[Path | None, typer.Option(help="Folder of the server's data and login.")]
Env = Annotated[Path | None, typer.Option(help="Folder of the server's program, where it is not the home's env.")]

app = typer.Typer()
studio_app = typer.Typer(no_args_is_help=True, help="Run a local Label Studio server.")
app.add_typer(studio_app, name="studio")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _tell(line: str, *, beside: Path) -> None:
    """Prints a result, on standard error where the records themselves go to standard output."""
    print(line, file=sys.stderr if str(beside) == "-" else sys.stdout)


@studio_app.command()
def install(home: Home = None, env: Env = None) -> None:
    """Install the server's program, which `up` does too where it is missing."""
    from .studio import server

    server.install(server.studio_at(home, env, os.environ), _say)


@studio_app.command()
def up(home: Home = None, env: Env = None, port: Annotated[int, typer.Option(help="Its port on 127.0.0.1.")] = 8080) -> None:
    """Start the server and print its address and login."""
    from .studio import server

    studio = server.studio_at(home, env, os.environ)
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or "editor"
    running = server.start(studio, port, user=user, say=_say)
    print(server.describe(studio, running))


@studio_app.command()
def add(
    names: Annotated[list[str], typer.Argument(help="Short names of annotators, of small letters, digits, dots, - and _.")],
    home: Home = None,
) -> None:
    """Make accounts for annotators on the local server and print their logins."""
    from .studio.connection import Connection, add_person, find_address
    from .studio.server import studio_at

    studio = studio_at(home, None, os.environ)
    with Connection(find_address(None, os.environ, studio)) as connection:
        for name in names:
            print(add_person(studio, connection, name))


@studio_app.command()
def down(home: Home = None, env: Env = None) -> None:
    """Stop the server; its data stays."""
    from .studio import server

    studio = server.studio_at(home, env, os.environ)
    stopped = server.stop(studio)
    print(f"stopped; the data stays in {studio.home}" if stopped else f"nothing runs for {studio.home}")


@studio_app.command()
def status(home: Home = None, env: Env = None) -> None:
    """Say whether the server runs, where, and how to log in."""
    from .studio import server

    studio = server.studio_at(home, env, os.environ)
    print(server.describe(studio, server.status(studio)))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Project folder to make.")],
    name: Annotated[str | None, typer.Option(help="Name of the label scheme (the folder's where not given).")] = None,
) -> None:
    """Make a project folder with label scheme, guidelines and training configs."""
    from .project import make_project

    make_project(folder, name=name)
    print(f"{folder} is ready; {folder / 'README.md'} says how to go on")


@app.command()
def check(
    inputs: Inputs,
    schema: Scheme = None,
    text_column: TextColumn = "text",
    id_column: IdColumn = "id",
) -> None:
    """List every fault of articles and their annotations."""
    from .check import Tally, check_scanned
    from .errors import one_line
    from .schema import DEFAULT_SCHEMA, read_schema
    from .sources import Columns, scan_articles

    scheme, tally = read_schema(schema or DEFAULT_SCHEMA), Tally()
    scanned = scan_articles(
        inputs,
        columns=Columns(text_column, id_column),
        schema=scheme,
        pass_over=lambda path: _say(f"{path}: passed over, it is no kind of file that is read here"),
    )
    for place, fault in check_scanned(scanned, scheme, tally, name=", ".join(inputs)):
        warning = "warning: " if fault.is_warning else ""
        print(f"{one_line(place)}: {warning}{one_line(fault.finding)}; {one_line(fault.remedy)}")
    print(tally)
    if tally.n_faults:
        raise typer.Exit(1)


@app.command("compile")
def compile_(
    sources: Annotated[list[Path], typer.Argument(help="Files in the inline notation, or folders with *.marked files.")],
    out: Out,
    schema: Scheme = None,
    annotator: Annotated[str, typer.Option(help="Who made the marks.")] = "gold",
    counts: Annotated[bool, typer.Option("--counts", help="Print how often each label occurs.")] = False,
    force: Force = False,
) -> None:
    """Turn articles in the inline notation into records."""
    from .counts import count_labels, write_table
    from .notation import marked_files, read_marked
    from .records import write_records
    from .schema import DEFAULT_SCHEMA, read_schema
    from .sources import refuse_to_replace

    refuse_to_replace([*marked_files(sources), schema], out)
    articles = list(read_marked(sources, read_schema(schema or DEFAULT_SCHEMA), annotator=annotator))
    n_articles = write_records(out, articles, force=force)
    _tell(f"{n_articles:,} articles in {out}", beside=out)
    if counts:
        _tell(write_table(count_labels(articles)), beside=out)


@app.command()
def agree(
    inputs: Inputs,
    annotators: Annotated[str | None, typer.Option(help="Compare these alone, as in ana,ben.")] = None,
    differences: Annotated[Path | None, typer.Option(help="Write what only one of them marked to this file (CSV).")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the agreement to this file too.")] = None,
    schema: Scheme = None,
    force: Force = False,
) -> None:
    """Say how far annotators agree who marked the same articles, layer by layer."""
    from .agreement import agree_files
    from .schema import DEFAULT_SCHEMA, read_schema

    scheme, names = read_schema(schema or DEFAULT_SCHEMA), (annotators or "").split(",")
    outputs = {"differences_file": differences, "json_file": json_file}
    print(agree_files(inputs, scheme, annotators=[n.strip() for n in names if n.strip()], **outputs, force=force))


@app.command()
def page(
    inputs: Inputs,
    out: Annotated[Path, typer.Option(help="The page to write (HTML).")],
    title: Annotated[str, typer.Option(help="Its title.")] = "Articles",
    annotator: Annotated[str | None, typer.Option(help="Show this one's marks alone.")] = None,
    schema: Scheme = None,
    force: Force = False,
) -> None:
    """Show articles with their marks on a page to browse, annotators side by side."""
    from .outputs import refuse_to_overwrite
    from .page import write_page
    from .schema import DEFAULT_SCHEMA, read_schema
    from .sources import join_annotations, refuse_to_replace, scan_articles

    refuse_to_replace([*inputs, schema], out)
    refuse_to_overwrite(out, force=force)
    scheme = read_schema(schema or DEFAULT_SCHEMA)
    articles = join_annotations(scan_articles(inputs, schema=scheme))
    write_page(out, articles, title=title, schema=scheme, annotator=annotator, force=force)
    print(out)


@app.command()
def push(
    inputs: Inputs,
    project: Annotated[str, typer.Option(help="Title of the project, which is made where there is none.")],
    schema: Scheme = None,
    marks_as: Annotated[
        MarksAs | None, typer.Option("--as", help="What the articles' annotations become, where they are to be uploaded.")
    ] = None,
    annotator: Annotated[str | None, typer.Option(help="Upload the annotations of this one alone.")] = None,
    per_article: Annotated[int | None, typer.Option(min=1, help="How many people label each article.")] = None,
    create_annotators: Annotated[
        bool, typer.Option("--create-annotators", help="Make accounts on the local server for annotators without one.")
    ] = False,
    url: Url = None,
    home: Home = None,
    text_column: TextColumn = "text",
    id_column: IdColumn = "id",
) -> None:
    """Upload articles to a Label Studio project, with the labelling page of the scheme; twice doubles nothing."""
    from .schema import DEFAULT_SCHEMA, read_schema
    from .sources import Columns, read_articles
    from .studio import push as pushing
    from .studio.connection import Connection, add_person, find_address
    from .studio.server import studio_at

    scheme, studio = read_schema(schema or DEFAULT_SCHEMA), studio_at(home, None, os.environ)
    articles = pushing.articles_to_push(read_articles(inputs, columns=Columns(text_column, id_column), schema=scheme), scheme)
    with Connection(find_address(url, os.environ, studio)) as connection:
        pushed = pushing.push(
            connection,
            articles,
            scheme,
            project,
            marks_as=None if marks_as is None else marks_as.value,
            annotator=annotator,
            per_article=per_article,
            make_account=(lambda name: _say(add_person(studio, connection, name))) if create_annotators else None,
            say=_say,
        )
    print(pushed)


@app.command()
def pull(
    project: Annotated[str, typer.Option(help="Title of the project.")],
    out: Out,
    schema: Scheme = None,
    ledger: LedgerFile = None,
    url: Url = None,
    home: Home = None,
    force: Force = False,
) -> None:
    """Fetch every annotation of a Label Studio project, with its annotator."""
    from .schema import DEFAULT_SCHEMA, read_schema
    from .studio import pull as pulling
    from .studio.connection import Connection, find_address
    from .studio.server import studio_at

    scheme, studio = read_schema(schema or DEFAULT_SCHEMA), studio_at(home, None, os.environ)
    pulling.refuse_to_overwrite(out, ledger, force=force)
    with Connection(find_address(url, os.environ, studio)) as connection:
        pulled = pulling.pull(connection, scheme, project, say=_say)
    pulling.write(pulled, out, ledger, force=force)
    _tell(str(pulled), beside=out)


@app.command("import")
def import_(
    export: Annotated[Path, typer.Argument(help="JSON export of a Label Studio project made elsewhere.")],
    out: Out,
    schema_out: Annotated[Path, typer.Option(help="Scheme to draft from the labels and relations that occur.")],
    ledger: LedgerFile = None,
    force: Force = False,
) -> None:
    """Read a Label Studio export made with another labelling page."""
    from .studio.exports import import_export

    n_articles, schema, account = import_export(export, records=out, schema_out=schema_out, ledger_out=ledger, force=force)
    _tell(account.summary().rstrip(), beside=out)
    _tell(f"{n_articles:,} articles in {out}; drafted scheme in {schema_out}: read it, say what its labels mean", beside=out)
    _say(f"its language was taken for '{schema.language}' from the script")
