"""Articles of a public set in the making, and what all sets need: offsets of words, no leaks, files."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from annotate.records import GOLD, Annotation, Argument, Article, Event, Mention, Stance, write_records

SPLITS = ("train", "dev", "test")
Splits = dict[str, list[Article]]


class Draft:
    """Collects one article's annotation; `layers` names those that the set annotates."""

    def __init__(self, article_id: str, text: str, layers: Sequence[str], *, story: str | None = None) -> None:
        self.id, self.text, self.layers, self.story = article_id, text, layers, story
        self.mentions: dict[tuple[int, int, str], Mention] = {}
        self.events: list[Event] = []
        self.stances: list[Stance] = []

    def mention(self, start: int, end: int, label: str = "ENTITY") -> str:
        """The id of the mention there, which is made if need be."""
        start, end = self._trim(start, end)
        known = self.mentions.setdefault(
            (start, end, label), Mention(id=f"m{len(self.mentions) + 1}", start=start, end=end, label=label)
        )
        return known.id

    def event(
        self, place: tuple[int, int], label: str, arguments: Iterable[tuple[str, str]], attributes: dict[str, str] | None = None
    ) -> None:
        """Adds an event; arguments: role and mention id."""
        start, end = self._trim(*place)
        unique = tuple(Argument(role=role, mention=mention) for role, mention in dict.fromkeys(arguments))
        more = {"attributes": attributes} if attributes else {}
        self.events.append(Event(id=f"e{len(self.events) + 1}", start=start, end=end, label=label, arguments=unique, **more))

    def _trim(self, start: int, end: int) -> tuple[int, int]:
        while start < end and self.text[start].isspace():
            start += 1
        while end > start and self.text[end - 1].isspace():
            end -= 1
        if start == end:
            raise ValueError(f"{self.id}: an empty range")
        return start, end

    def article(self) -> Article:
        made = {"mentions": tuple(self.mentions.values()), "events": tuple(self.events), "stances": tuple(self.stances)}
        annotation = Annotation(annotator=GOLD, **{layer: made[layer] for layer in self.layers})
        story = {"story": self.story} if self.story else {}
        return Article(id=self.id, text=self.text, annotations=(annotation,), **story)


def write_splits(out: Path, name: str, splits: Splits) -> None:
    for split, articles in splits.items():
        n_articles = write_records(out / name / f"{split}.jsonl", articles, force=True)
        layers = Counter(
            layer
            for a in articles
            for layer in ("mentions", "events", "stances")
            for _ in getattr(a.annotations[0], layer) or ()
        )
        print(name, split, n_articles, dict(layers))


def without_leaks(splits: Splits, *, share: float = 0.5, size: int = 8) -> Splits:
    """Drops training articles that share at least half of the shorter text's 8-word shingles with a dev or test article."""
    held = [(a.id, _shingles(a.text, size)) for split in ("dev", "test") for a in splits[split]]
    where = defaultdict(list)
    for place, (_, grams) in enumerate(held):
        for gram in grams:
            where[gram].append(place)
    kept = []
    for article in splits["train"]:
        grams = _shingles(article.text, size)
        common = Counter(place for gram in grams for place in where.get(gram, ()))
        leaks = [held[k][0] for k, n in common.items() if n >= share * min(len(grams), len(held[k][1]))]
        if leaks:
            print("  dropped from train:", article.id, "is in", leaks)
        else:
            kept.append(article)
    return splits | {"train": kept}


def _shingles(text: str, size: int) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1))}


def token_offsets(tokens: Iterable[str]) -> list[tuple[int, int]]:
    """Where each token lies in the tokens joined by single spaces."""
    out, position = [], 0
    for token in tokens:
        out.append((position, position + len(token)))
        position += len(token) + 1
    return out


def json_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]
