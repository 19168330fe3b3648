"""Parts a corpus into train, dev and test so that no story is told in two of them."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from annotate.counts import n_of
from annotate.errors import DataError
from annotate.outputs import whole_folder
from annotate.records import Article, annotation_of, to_line, write_records
from annotate.sources import read_articles

from .leaks import stories_of

Part = Literal["train", "dev", "test"]
SPLIT = "split.json"  # says which article went where
PARTS: tuple[Part, ...] = ("train", "dev", "test")
SHARES = (0.7, 0.1, 0.2)


class Split(NamedTuple):
    """The parts of a corpus, and the articles that nobody annotated, which are in none of them."""

    parts: dict[Part, list[Article]]
    unused: list[Article]

    def to_json(self) -> dict[str, list[str]]:
        """Part -> article ids, sorted."""
        ids = {str(part): sorted(a.id for a in articles) for part, articles in self.parts.items()}
        return ids | {"unused": sorted(a.id for a in self.unused)}


def split_by_story(
    articles: Iterable[Article], *, seed: int = 0, shares: Sequence[float] = SHARES
) -> dict[Part, list[Article]]:
    """The articles of each part, sorted by id; the same whatever the order they come in.

    Articles without a story stay with those that are nearly the same text.
    shares: of the articles, for train, dev and test. Parts come as close to them as whole stories allow.
    From three stories on no part with a share is empty; with two, test is; with one, dev and test are.
    """
    _check_shares(shares)
    articles = sorted(articles, key=lambda a: a.id)
    story_of = stories_of(articles)
    stories: dict[str, list[Article]] = {}
    for article in articles:
        stories.setdefault(story_of[article.id], []).append(article)
    left = sorted(stories, key=lambda story: (_hash(story, seed), story))
    n_articles = sum(map(len, stories.values()))
    parts: dict[Part, list[Article]] = {"train": [], "dev": [], "test": []}
    both: list[tuple[Part, float]] = [("test", shares[2]), ("dev", shares[1])]
    wanted = [(part, share) for part, share in both if share]
    if len(left) <= len(wanted):  # too few for all: dev goes before test, because training needs it in order to stop
        wanted = [w for w in wanted if w[0] == "dev"][: len(left) - 1]
    for i, (part, share) in enumerate(wanted):
        n_others = len(wanted) - i  # every part still to come needs a story, train too
        chosen = _choose(left, stories, target=share * n_articles / sum(shares), at_most=len(left) - n_others)
        left = [story for story in left if story not in chosen]
        parts[part] = [article for story in chosen for article in stories[story]]
    parts["train"] = [article for story in left for article in stories[story]]
    return {part: sorted(parts[part], key=lambda a: a.id) for part in PARTS}


def _check_shares(shares: Sequence[float]) -> None:
    if len(shares) != 3 or not all(share >= 0 for share in shares) or not shares[0] > 0:  # NaN is neither
        text = ", ".join(f"{share:g}" for share in shares)
        raise DataError(
            f"shares {text}", "leave nothing to train on", "give --dev and --test shares that add up to less than 1"
        )


def _choose(left: Sequence[str], stories: Mapping[str, list[Article]], *, target: float, at_most: int) -> set[str]:
    """Stories that together have about `target` articles: in the given order, each one that brings the sum nearer."""
    chosen: set[str] = set()
    size = 0
    for story in left:
        n = len(stories[story])
        if len(chosen) < at_most and abs(size + n - target) < abs(size - target):
            chosen.add(story)
            size += n
    return chosen or {min(left, key=lambda story: len(stories[story]))}


def _hash(story: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}\n{story}".encode()).hexdigest()


def split_records(path: Path, *, seed: int = 0, shares: Sequence[float] = SHARES, annotator: str | None = None) -> Split:
    """The split of a file or folder of articles. Raises DataError when nobody annotated any article."""
    return split_corpus(read_articles([str(path)]), str(path), seed=seed, shares=shares, annotator=annotator)


def split_corpus(
    articles: Iterable[Article],
    place: str,
    *,
    seed: int = 0,
    shares: Sequence[float] = SHARES,
    annotator: str | None = None,
) -> Split:
    """The split of a corpus, articles without a usable annotation apart. `place` is what a fault points at."""
    used, unused = usable(articles, annotator=annotator)
    if not used:
        raise DataError(place, *nothing_to_learn(len(unused), annotator))
    return Split(split_by_story(used, seed=seed, shares=shares), unused)


def usable(articles: Iterable[Article], *, annotator: str | None = None) -> tuple[list[Article], list[Article]]:
    """The articles that can be learnt from, and the others: skipped, or annotated by nobody (of that name)."""
    used: list[Article] = []
    unused: list[Article] = []
    for article in articles:
        annotation = annotation_of(article, annotator)
        layers = () if annotation is None else (annotation.mentions, annotation.events, annotation.stances)
        (used if any(layer is not None for layer in layers) else unused).append(article)
    return used, unused


def nothing_to_learn(n_articles: int, annotator: str | None) -> tuple[str, str]:
    """Finding and remedy for a corpus without a usable annotation."""
    if not n_articles:
        return "has no article", "give a file with annotated articles"
    who = f" by '{annotator}'" if annotator else " by a person"
    return f"has {n_of(n_articles, 'article')} but no annotation{who}", "annotate some, or name another --annotator"


def write_split(split: Split, out: Path, *, settings: Mapping[str, Any], force: bool = False) -> None:
    """Writes train.jsonl, dev.jsonl, test.jsonl and split.json (settings, corpus digest, which article went where).

    Any: whatever settings should be remembered, as plain JSON.
    """
    names = {SPLIT, *(f"{part}.jsonl" for part in PARTS)}
    with whole_folder(out, force=force, mark=SPLIT, own=lambda _: names) as folder:
        for part, articles in split.parts.items():
            write_records(folder / f"{part}.jsonl", articles)
        corpus = corpus_digest(article for articles in split.parts.values() for article in articles)
        plain = {**settings, "corpus": corpus, **split.to_json()}
        (folder / SPLIT).write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def corpus_digest(articles: Iterable[Article]) -> str:
    """SHA-256 of the articles with their annotations, whatever their order."""
    digest = hashlib.sha256()
    for line in sorted(hashlib.sha256(to_line(article).encode()).digest() for article in articles):
        digest.update(line)
    return digest.hexdigest()
