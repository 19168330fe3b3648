"""The articles of a training run: read, checked against the scheme, in their parts, with what is doubtful about them."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from annotate.check import check_article
from annotate.counts import n_of
from annotate.errors import DataError, RecordError
from annotate.records import LAYERS, Annotation, Article, Layer, annotation_of
from annotate.schema import Schema
from annotate.scores import MIN_STORIES
from annotate.sources import scan_articles, without_repeats

from .leaks import leaks, stories_of
from .split import PARTS, Part, Split, nothing_to_learn, split_corpus, usable

LAYER_OF: Mapping[str, Layer] = {"triggers": "events", "arguments": "events"}
FEW = 10  # examples of a label, below which it is doubtful that it is learnt
TOO_WIDE = 0.03  # of F1: what a setting or fifty more articles may well change
DISAGREE = 0.2  # share of the gold items that only one of two models finds: 0.1 to 0.2 for two seeds of the starter model


def read_parts(records: Path, schema: Schema, *, dev: Path | None = None, seed: int = 0, annotator: str | None = None) -> Split:
    """The split to train on: of a folder made by `copydesk split`, or of a file, whose articles are split here.

    dev: a file with the dev articles; a file of records is then all train.
    Raises RecordError at the first article with a fault, DataError where there is nothing to train on or two parts have
    an article with the same id.
    """
    parts: dict[Part, list[Article]] = {part: [] for part in PARTS}
    unused: list[Article] = []
    if (records / "train.jsonl").is_file():
        for part in PARTS:
            if (records / f"{part}.jsonl").is_file():
                parts[part], more = usable(_read(records / f"{part}.jsonl", schema), annotator=annotator)
                unused += more
    elif dev is None:
        articles = _read(records, schema)
        return split_corpus(articles, str(records), seed=seed, annotator=annotator)
    else:
        parts["train"], unused = usable(_read(records, schema), annotator=annotator)
    if dev is not None:
        parts["dev"], more = usable(_read(dev, schema), annotator=annotator)
        unused += more
    if not parts["train"]:
        raise DataError(str(records), *nothing_to_learn(len(unused), annotator))
    _refuse_repeats(parts)
    return Split(parts, unused)


def _refuse_repeats(parts: Mapping[Part, Iterable[Article]]) -> None:
    """Raises DataError for an id that two parts have: scores of one would be of what the other has taught."""
    part_of: dict[str, Part] = {}
    for part, articles in parts.items():
        for article in articles:
            other = part_of.setdefault(article.id, part)
            if other != part:
                raise DataError(
                    f"article '{article.id}'", f"is in {other} and in {part}", "keep it in one of them, or give ids apart"
                )


def _read(path: Path, schema: Schema) -> Iterator[Article]:
    """The articles of a file; raises RecordError, with its place, at the first that has a fault (warnings pass)."""
    for place, article in without_repeats(scan_articles([str(path)], schema=schema)):
        if isinstance(article, RecordError):
            raise article
        for fault in check_article(article, schema):
            if not fault.is_warning:
                raise RecordError(place, fault.finding, fault.remedy)
        yield article


def doubts(split: Split, annotator: str | None = None, *, schema: Schema | None = None) -> Iterator[str]:
    """What makes the training or its scores doubtful, in words; with a scheme also what of it train never shows."""
    if split.unused:
        yield f"{n_of(len(split.unused), 'article')} without annotation: left out"
    if not split.parts["dev"]:
        yield "no dev articles: the best step is chosen by the training articles themselves, whose scores flatter"
    stories = {part: {a.story_or_id for a in split.parts[part]} for part in PARTS}
    for part in ("dev", "test"):
        both = sorted(stories["train"] & stories[part])
        if both:
            yield f"stories in train and in {part} ({_some(both)}): scores on {part} flatter"
    yield from leaks(split.parts)
    annotations = {part: list(_annotations(split.parts[part], annotator)) for part in PARTS}
    yield from _too_few(annotations["train"], [*annotations["dev"], *annotations["test"]], schema)
    if schema is not None:
        yield from _unseen_roles(annotations["train"], schema)
    taught = [layer for layer in LAYERS if _has(annotations["train"], layer)]
    if split.parts["dev"]:
        yield from _unjudged(annotations["dev"], taught)
    yield from _too_wide(annotations["dev"], _n_stories(split.parts["dev"]), taught)


def _has(annotations: Iterable[Annotation], layer: Layer) -> bool:
    return any(getattr(annotation, layer) is not None for annotation in annotations)


def _unjudged(dev: Sequence[Annotation], taught: Sequence[Layer]) -> Iterator[str]:
    """The layers that train has and dev has not, in one line."""
    without = [layer for layer in taught if not _has(dev, layer)]
    if without:
        rest = "by what else it has" if len(without) < len(taught) else "by nothing: the last one is kept"
        yield f"layers that train has and nobody annotated in dev ({', '.join(without)}): the best step is chosen {rest}"


def _annotations(articles: Iterable[Article], annotator: str | None) -> Iterator[Annotation]:
    return (found for article in articles if (found := annotation_of(article, annotator)) is not None)


def _too_few(train: Sequence[Annotation], others: Sequence[Annotation], schema: Schema | None) -> Iterator[str]:
    """The labels of which train has few examples, or none though dev, test or the scheme has them."""
    counts = _labels(train)
    few = sorted((n, label) for label, n in counts.items() if n < FEW)
    if few:
        named = _some([f"{label} {n}" for n, label in few], 8)
        yield f"labels with fewer than {FEW} examples in train ({named}): they will hardly be learnt"
    unseen = sorted(_labels(others).keys() - counts.keys())
    if unseen:
        yield f"labels that train lacks but dev or test has ({_some(unseen)}): they cannot be learnt"
    if schema is not None:
        blank = [layer for layer in LAYERS if not _has(train, layer)]
        if blank:
            yield f"nobody annotated {' or '.join(blank)} in train: the model will not predict them"
        lacking = [label for label in _labels_of(schema, blank) if label not in counts and label not in unseen]
        if lacking:
            yield f"labels of the scheme without an example in train ({_some(lacking)}): they cannot be learnt"


def _labels(annotations: Iterable[Annotation]) -> Counter[str]:
    """How often each entity label, event type, role and stance label occurs; attributes' values too."""
    counts: Counter[str] = Counter()
    for annotation in annotations:
        counts.update(m.label for m in annotation.mentions or ())
        counts.update(s.label for s in annotation.stances or ())
        for event in annotation.events or ():
            counts[event.label] += 1
            counts.update(_role(a.role) for a in event.arguments)
            counts.update(f"{name}={value}" for name, value in event.attributes.items())
    return counts


def _labels_of(schema: Schema, without: Sequence[Layer]) -> Iterator[str]:
    """The same names for all that the scheme has, but for some layers."""
    if "mentions" not in without:
        yield from schema.entities
    if "events" not in without:
        yield from schema.events
        yield from (f"{name}={value}" for name, attribute in schema.attributes.items() for value in attribute.values)
        if "mentions" not in without:
            yield from map(_role, schema.roles)
    if "stances" not in without:
        yield from schema.stances.labels


def _role(name: str) -> str:
    """A role's name among labels: the scheme may have an entity label DATE and a role DATE."""
    return f"role {name}"


def _unseen_roles(train: Iterable[Annotation], schema: Schema) -> Iterator[str]:
    """The pairs of role and event type that the scheme allows and train never shows though it has both; in one line.

    The argument component gives no role to a type that it has not seen with it.
    """
    events = [event for annotation in train if annotation.mentions is not None for event in annotation.events or ()]
    seen = {(argument.role, event.label) for event in events for argument in event.arguments}
    types = [label for label in schema.events if any(event.label == label for event in events)]
    unseen: dict[str, list[str]] = {}
    for name, role in schema.roles.items():
        if any(name == other for other, _ in seen):
            unseen[name] = [t for t in types if (name, t) not in seen and (not role.events or t in role.events)]
    named = [f"{name} with {_some(own, 3)}" for name, own in unseen.items() if own]
    if named:
        more = [f"{n_of(len(named) - 3, 'more role')}"] if len(named) > 3 else []
        yield f"roles that train never shows with a type ({'; '.join([*named[:3], *more])}): they will not be found there"


def _too_wide(dev: Sequence[Annotation], n_stories: int, taught: Sequence[Layer]) -> Iterator[str]:
    """The layers of which dev has too little to tell two models apart that differ by TOO_WIDE in F1, in one line."""
    widths = {name: width for name, width in _widths(dev, n_stories).items() if LAYER_OF.get(name, name) in taught}
    wide = [f"{width:.2f} ({name})" for name, width in widths.items() if width > TOO_WIDE]
    if wide:
        fewer = f", too few for any interval (from {MIN_STORIES} on there is one)" if n_stories < MIN_STORIES else ""
        size = n_of(n_stories, "story", "stories")
        yield f"dev has {size}{fewer}: two models look alike on it whose F1 differ by less than about {', '.join(wide)}"


def shown_by_layer(articles: Sequence[Article], annotator: str | None = None) -> dict[str, float]:
    """About the smallest difference in F1 that these articles show in each layer that they have; see `shown_by`."""
    return _widths(list(_annotations(articles, annotator)), _n_stories(articles))


def _n_stories(articles: Sequence[Article]) -> int:
    return len(set(stories_of(articles).values()))


def _widths(annotations: Sequence[Annotation], n_stories: int) -> dict[str, float]:
    n_items = {
        "triggers": sum(len(a.events or ()) for a in annotations),
        "mentions": sum(len(a.mentions or ()) for a in annotations),
        "arguments": sum(len(event.arguments) for a in annotations for event in a.events or ()),
        "stances": sum(stance.holder is not None for a in annotations for stance in a.stances or ()),
    }
    return {name: shown_by(n, n_stories) for name, n in n_items.items() if n}


def shown_by(n_items: int, n_stories: int) -> float:
    """About the smallest difference in F1 that leaves chance behind on so many gold items in so many stories; 1.0 at most.

    The half width of a 95 % paired interval, t * sqrt(DISAGREE / n_items), t by its expansion in 1 / (n_stories - 1)
    (Abramowitz and Stegun 1964, 26.7.5). Two seeds of the starter model on its dev part, 12 stories, as `compare` has it:
    0.02 on 569 triggers, where this says 0.04; 0.03 on 923 arguments (0.03); 0.07 on 85 stances (0.11).
    """
    if n_stories < 2:
        return 1.0
    z = 1.96
    t = z + (z**3 + z) / (4 * (n_stories - 1))
    return min(1.0, t * math.sqrt(DISAGREE / n_items))


def _some(names: Sequence[str], n_shown: int = 5) -> str:
    more = f" and {len(names) - n_shown} more" if len(names) > n_shown else ""
    return ", ".join(names[:n_shown]) + more
