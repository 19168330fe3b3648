"""Annotations back from Label Studio, each with its annotator, every mark accounted for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import outputs
from ..errors import DataError
from ..records import Article, write_records
from ..schema import Schema
from .changes import by_article
from .connection import Connection
from .ledger import Ledger
from .tasks import from_task


@dataclass(frozen=True)
class Pulled:
    """What a project held: all its articles in order of their ids, and what became of each mark."""

    articles: list[Article]
    ledger: Ledger

    def __str__(self) -> str:
        made = [annotation for article in self.articles for annotation in article.annotations]
        names = sorted({annotation.annotator for annotation in made})
        n_skipped = sum(annotation.is_skipped for annotation in made)
        n_untouched = sum(not article.annotations for article in self.articles)
        return (
            f"articles     {len(self.articles)}, {n_untouched} of them without an annotation\n"
            f"annotations  {len(made) - n_skipped}, and {n_skipped} skipped\n"
            f"annotators   {', '.join(names) or 'none'}\n{self.ledger.summary()}"
        ).rstrip()


def pull(connection: Connection, schema: Schema, title: str, *, say: Callable[[str], None] = lambda line: None) -> Pulled:
    """Everything in the project of this title, articles that nobody annotated yet included.

    Raises DataError where there is no such project or a task in it is no article, ServiceError where the server fails.
    """
    project = connection.find_project(title.strip())
    if project is None:
        raise DataError(
            f"--project '{title}'", f"is not on {connection.address.url}", "check the title there, or push to it first"
        )
    names = {person.id: person.handle for person in connection.people()}

    def annotator_of(number: int | None) -> str:
        return names.get(number or 0, "unknown" if number is None else f"user-{number}")

    say("exporting the project")
    ledger = Ledger()
    tasks = connection.export(project.id)
    by_article(tasks)
    articles = [from_task(task, schema, ledger, annotator_of) for task in tasks]
    return Pulled(sorted(articles, key=lambda article: article.id), ledger)


def refuse_to_overwrite(out: Path, ledger: Path | None, *, force: bool) -> None:
    """Stops before the export where an output is there already."""
    for path in (out, ledger):
        if path is not None and str(path) != "-":
            outputs.refuse_to_overwrite(path, force=force)


def write(pulled: Pulled, out: Path, ledger: Path | None, *, force: bool = False) -> None:
    """Writes the records and, where wanted, the list of what became of each mark; each file appears whole."""
    if ledger is not None:
        pulled.ledger.write(ledger, force=force)
    write_records(out, pulled.articles, force=force)
