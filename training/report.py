"""Scores for people to read: a table for the terminal, and a page that also shows every error in its sentence."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from annotate.counts import n_of
from annotate.differences import NOUNS, words_of
from annotate.matching import Counts, Item, Score
from annotate.outputs import refuse_to_overwrite, whole_file
from annotate.schema import Schema
from annotate.scores import COVERAGE, MIN_STORIES, Result, in_words
from annotate.sources import read_articles, refuse_to_replace

from .calibration import lines as calibration_lines
from .diagram import figures, without_figure
from .errors import Error, confusions, errors_of, kind_order, sense_of
from .evaluate import Pair, Scores, evaluate, flattering
from .passages import Piece, passage

MAX_ARTICLES = 60  # what a browser shows without effort
FEW = 10  # gold marks of a label; with fewer its scores say little
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
    from .run import parts_of

    outputs = [path for path in (json_file, html_file) if path is not None]
    refuse_to_replace([records, *parts_of(model)], *outputs)
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
    if scores.calibration:
        lines += ["", *calibration_lines(scores.calibration)]
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
    yield from flattering(scores)
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

    jinja = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals |= {"n_of": n_of, "in_words": in_words, "meaning": MEANING, "few": FEW, "nouns": NOUNS}

    def marked(pair: Pair, side: str) -> Markup:  # the fragment comes escaped
        annotation = pair.gold if side == "gold" else pair.found
        return Markup(marked_article(pair.article, annotation, schema=schema))

    errors = sorted(_errors(scores), key=_order)
    choices = _choices(errors)
    shown = scores.pairs[:MAX_ARTICLES]
    n_errors = Counter(number for number, _ in errors)
    values: dict[str, Any] = {  # Any: what the template shows
        "title": title,
        "scores": scores,
        "notes": list(notes_on(scores)),
        "figures": list(figures(scores)),
        "without_figure": without_figure(scores),
        "charts": [(name, _by_frequency(result.counts)) for name, result in scores.results.items() if name in NOUNS],
        "confusions": confusions(((pair.gold, pair.found) for pair in scores.pairs), scores.results),
        "tally": Counter((error.score, error.kind) for _, error in errors),
        "kinds": [(choice.name, sense_of(choice.name)) for choice in choices["kind"]],
        "choices": choices,
        "errors": [_view(scores.pairs[number], number, error, choices) for number, error in errors],
        "articles": [(pair, n_errors[number]) for number, pair in enumerate(shown)],
        "n_hidden": len(scores.pairs) - len(shown),
        "marked": marked,
        "style": Markup(style()),
    }
    return jinja.get_template(TEMPLATE).render(**values)


class Choice(NamedTuple):
    """Something to filter by. key: its name in the style sheet, where its own could be anything; n: how many errors."""

    name: str
    key: str
    n: int


class Side(NamedTuple):
    """What one side has where the other has something else or nothing."""

    side: str
    labels: tuple[str, ...]
    words: str


class View(NamedTuple):
    """An error as the page shows it. anchor: of its article, empty where the page does not have the article."""

    kind: str
    noun: str
    keys: tuple[str, ...]
    sides: tuple[Side, ...]
    pieces: list[Piece]
    article: str
    anchor: str


def _errors(scores: Scores) -> Iterator[tuple[int, Error]]:
    """The errors of the scores that show each mark once, each with the number of its article."""
    for number, pair in enumerate(scores.pairs):
        for score, errors in errors_of(pair.gold, pair.found).items():
            if score in NOUNS and score in scores.results:
                yield from ((number, error) for error in errors)


def _order(numbered: tuple[int, Error]) -> tuple[Any, ...]:
    """Sorts by layer, kind and labels, so that what is alike stands together. Any: what can be compared."""
    number, error = numbered
    labels = [item.labels for item in error.items]
    return list(NOUNS).index(error.score), kind_order(error.kind), labels, number, [item.offsets for item in error.items]


def _choices(errors: Sequence[tuple[int, Error]]) -> dict[str, list[Choice]]:
    """What the errors, which are sorted, can be filtered by: layers, kinds, and labels by their first layer and frequency."""
    layers = Counter(NOUNS[error.score] for _, error in errors)
    kinds = Counter(error.kind for _, error in errors)
    labels = Counter(label for _, error in errors for label in _labels(error))
    first: dict[str, int] = {}
    for _, error in errors:
        for label in _labels(error):
            first.setdefault(label, list(NOUNS).index(error.score))
    groups = {
        "layer": (layers, list(layers)),
        "kind": (kinds, sorted(kinds, key=kind_order)),
        "label": (labels, sorted(labels, key=lambda label: (first[label], -labels[label], label))),
    }
    return {
        group: [Choice(name, f"{group}-{number}", counts[name]) for number, name in enumerate(names)]
        for group, (counts, names) in groups.items()
    }


def _labels(error: Error) -> list[str]:
    return sorted({label for item in error.items for label in item.labels})


def _view(pair: Pair, number: int, error: Error, choices: dict[str, list[Choice]]) -> View:
    names = {"layer": [NOUNS[error.score]], "kind": [error.kind], "label": _labels(error)}
    keys = tuple(choice.key for group, own in choices.items() for choice in own if choice.name in names[group])
    text = pair.article.text
    items: list[tuple[str, Item]] = [(side, item) for side, item in (("gold", error.gold), ("found", error.found)) if item]
    marks = [(side, span) for side, item in items for span in zip(item.offsets[::2], item.offsets[1::2], strict=True)]
    return View(
        kind=error.kind,
        noun=NOUNS[error.score],
        keys=keys,
        sides=tuple(Side(side, item.labels, words_of(text, item)) for side, item in items),
        pieces=passage(text, marks),
        article=pair.article.title or pair.article.id,
        anchor=f"a{number}" if number < MAX_ARTICLES else "",
    )


def _by_frequency(counts: Counts) -> list[tuple[str, Counts]]:
    """Labels with their counts, those that gold has most often first."""
    rows = [(label, counts.of_label(label)) for label in counts.per_label]
    return sorted(rows, key=lambda row: (-row[1].n_gold, row[0]))
