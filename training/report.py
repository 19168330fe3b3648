"""Scores for people to read: a table for the terminal, and a page that also shows the articles with their marks."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from annotate.counts import n_of
from annotate.differences import differences
from annotate.matching import Counts, Score
from annotate.outputs import refuse_to_overwrite, whole_file
from annotate.schema import Schema
from annotate.scores import COVERAGE, MIN_STORIES, Result, in_words
from annotate.sources import read_articles

from .evaluate import Pair, Scores, evaluate

MAX_ARTICLES = 60  # what a browser shows without effort
TEMPLATE = "report.html"

MEANING: dict[Score, str] = {
    "mentions": "offsets and label",
    "triggers_id": "offsets",
    "triggers": "offsets and event type",
    "arguments_id": "offsets of the mention and event type",
    "arguments": "offsets of the mention, event type and role",
    "arguments_attached": "those and offsets of the trigger",
    "attributes": "the values, on triggers that match",
    "stances": "offsets of holder and target, and the label",
}


def evaluate_files(
    model: str,
    records: Path,
    *,
    json_file: Path | None = None,
    html_file: Path | None = None,
    annotator: str | None = None,
    seed: int = 0,
    force: bool = False,
) -> str:
    """Scores a model on a file of records and returns the table; writes the scores and the page where asked to.

    Raises DataError when an output is there already (without `force`), or model or records cannot be used.
    """
    from .pipeline import load_model, schema_of

    outputs = [path for path in (json_file, html_file) if path is not None]
    for path in outputs:
        refuse_to_overwrite(path, force=force)
    nlp = load_model(model)
    schema = schema_of(nlp)
    articles = list(read_articles([str(records)], schema=schema))
    scores = evaluate(nlp, articles, annotator=annotator, seed=seed)
    for path in outputs:
        with whole_file(path, force=force) as temporary:
            if path is json_file:
                text = json.dumps(scores.to_json(), indent=2, ensure_ascii=False) + "\n"
            else:
                title = f"{Path(model).name} on {records.name}"
                text = to_html(scores, title=title, schema=schema)
            temporary.write_text(text, encoding="utf-8")
    return to_text(scores)


def to_text(scores: Scores) -> str:
    """The scores as tables of aligned columns."""
    lines = [f"{n_of(len(scores.pairs), 'article')} of {n_of(scores.n_stories, 'story', 'stories')}", ""]
    lines += _table("score", [(name, result) for name, result in scores.results.items()])
    if scores.given:
        lines += ["", *_table("with gold spans given", list(scores.given.items()))]
    for name, result in scores.results.items():
        if result.counts.per_label and name not in ("arguments_id", "arguments_attached"):
            lines += ["", *_label_table(name, result.counts)]
    notes = list(notes_on(scores))
    return "\n".join([*lines, "", *notes] if notes else lines)


def notes_on(scores: Scores) -> Iterator[str]:
    """What the numbers alone do not say: missing intervals, missing scores, articles and stances left out."""
    if any(r.n_stories < MIN_STORIES for r in scores.results.values()):
        few = min(r.n_stories for r in scores.results.values())
        yield f"{n_of(few, 'story', 'stories')}: interval not informative (from {MIN_STORIES} stories on there is one)"
    for name, reason in scores.unscored.items():
        yield f"{name}: not scored, {reason}"
    if scores.n_article_stances:
        yield f"{n_of(scores.n_article_stances, 'stance')} of an article itself: in no score, the model does not predict them"
    if scores.n_unused:
        yield f"{n_of(scores.n_unused, 'article')} without annotation: left out"


def _table(title: str, rows: Sequence[tuple[Score, Result]]) -> list[str]:
    interval = f"{COVERAGE:.0%} interval"
    lines = [f"{title:<22}{'P':>7}{'R':>7}{'F':>7}  {interval:<16}{'n':>8}"]
    for name, result in rows:
        lines.append(f"{name:<22}{_ratios(result.counts)}  {in_words(result):<16}{result.counts.n_gold:>8,}")
    return lines


def _label_table(title: str, counts: Counts) -> list[str]:
    width = max(22, *(len(label) + 1 for label in counts.per_label))
    lines = [f"{title + ' by label':<{width}}{'P':>7}{'R':>7}{'F':>7}{'n':>8}"]
    for label in counts.per_label:
        own = counts.of_label(label)
        lines.append(f"{label:<{width}}{_ratios(own)}{own.n_gold:>8,}")
    return lines


def _ratios(counts: Counts) -> str:
    return "".join(
        f"{ratio:>7.3f}" if ratio == ratio else f"{'-':>7}" for ratio in (counts.precision, counts.recall, counts.f1)
    )


def to_html(scores: Scores, *, title: str, schema: Schema | None = None) -> str:
    """The whole report as one page that fetches nothing; whatever it shows of articles and labels is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    from annotate.page import marked_article, style

    jinja = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
    jinja.globals |= {"n_of": n_of, "in_words": in_words, "meaning": MEANING}

    def marked(pair: Pair, side: str) -> Markup:  # the fragment comes escaped
        annotation = pair.gold if side == "gold" else pair.found
        return Markup(marked_article(pair.article, annotation, schema=schema))

    shown = scores.pairs[:MAX_ARTICLES]
    values: dict[str, Any] = {  # Any: what the template shows
        "title": title,
        "scores": scores,
        "notes": list(notes_on(scores)),
        "articles": [(pair, list(differences(pair.article.text, pair.gold, pair.found))) for pair in shown],
        "n_hidden": len(scores.pairs) - len(shown),
        "marked": marked,
        "style": Markup(style()),
    }
    return jinja.get_template(TEMPLATE).render(**values)
