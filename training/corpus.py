"""The articles of a training run: read, checked against the scheme, in their parts, with what is doubtful about them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from annotate.check import check_article
from annotate.errors import DataError, RecordError
from annotate.records import Article, annotation_of
from annotate.schema import Schema
from annotate.sources import scan_articles, without_repeats

from .leaks import leaks
from .split import PARTS, Part, Split, nothing_to_learn, split_corpus, usable


def read_parts(records: Path, schema: Schema, *, dev: Path | None = None, seed: int = 0, annotator: str | None = None) -> Split:
    """The split to train on: of a folder made by `copydesk split`, or of a file, whose articles are split here.

    dev: a file with the dev articles; a file of records is then all train.
    Raises RecordError at the first article with a fault, DataError where there is nothing to train on.
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
    return Split(parts, unused)


def _read(path: Path, schema: Schema) -> Iterator[Article]:
    """The articles of a file; raises RecordError, with its place, at the first that has a fault (warnings pass)."""
    for place, article in without_repeats(scan_articles([str(path)], schema=schema)):
        if isinstance(article, RecordError):
            raise article
        for fault in check_article(article, schema):
            if not fault.is_warning:
                raise RecordError(place, fault.finding, fault.remedy)
        yield article


def doubts(split: Split, annotator: str | None = None) -> Iterator[str]:
    """What makes the training or its scores doubtful, in words."""
    if split.unused:
        yield f"{len(split.unused)} articles without annotation: left out"
    if not split.parts["dev"]:
        yield "no dev articles: the best step is chosen by the training articles themselves, whose scores flatter"
    stories = {part: {a.story_or_id for a in split.parts[part]} for part in PARTS}
    for part in ("dev", "test"):
        both = sorted(stories["train"] & stories[part])
        if both:
            yield f"stories in train and in {part} ({_some(both)}): scores on {part} flatter"
    yield from leaks(split.parts)
    counts = _labels(split.parts["train"], annotator)
    once = sorted(label for label, n in counts.items() if n == 1)
    if once:
        yield f"labels with a single example in train ({_some(once)}): they will hardly be learnt"
    others = _labels([*split.parts["dev"], *split.parts["test"]], annotator)
    unseen = sorted(set(others) - set(counts))
    if unseen:
        yield f"labels that train lacks but dev or test has ({_some(unseen)}): they cannot be learnt"


def _labels(articles: Iterable[Article], annotator: str | None) -> Counter[str]:
    """How often each entity label, event type, role and stance label occurs; attributes' values too."""
    counts: Counter[str] = Counter()
    for article in articles:
        annotation = annotation_of(article, annotator)
        if annotation is not None:
            counts.update(m.label for m in annotation.mentions or ())
            counts.update(s.label for s in annotation.stances or ())
            for event in annotation.events or ():
                counts[event.label] += 1
                counts.update(a.role for a in event.arguments)
                counts.update(f"{name}={value}" for name, value in event.attributes.items())
    return counts


def _some(names: Sequence[str], n_shown: int = 5) -> str:
    more = f" and {len(names) - n_shown} more" if len(names) > n_shown else ""
    return ", ".join(names[:n_shown]) + more
