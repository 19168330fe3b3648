"""Turns public data sets into OUT/<set>/<split>.jsonl, in the record format.

usage: python -m benchmarks.convert SOURCES OUT

SOURCES holds each set's repository as checked out; docs/benchmarks.md names repositories, commits and folder names.
A layer that a set does not annotate is absent from its records.
"""

import bisect
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
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


def wikievents(sources: Path) -> Splits:
    official = {split: list(_wikievents_official(sources, split)) for split in ("dev", "test")}
    return without_leaks({"train": list(_wikievents_train(sources)), **official})


def _wikievents_train(sources: Path) -> Iterator[Article]:
    """Rebuilds the training articles: trigger places from one release, argument texts from another, nearest mention wins."""
    human = json.loads((sources / "wikievents_triggersdata/train.json").read_text(encoding="utf-8"))
    recon = json_lines(sources / "wikievents_train_recon/data/wikievents/wiki-train-human.jsonl")
    texts = {d["doc_id"] if "doc_id" in d else d["docid"]: d for d in recon}
    for key, document in human.items():
        source = texts[key]
        spans = token_offsets(source["tokens"])
        draft = Draft(key, " ".join(source["tokens"]), ("mentions", "events"))
        for template, event in zip(document["templates"], source["event_mentions"], strict=False):
            _add_template(draft, spans, template, event)
        if draft.events:  # 12 articles were left unannotated
            yield draft.article()


def _add_template(draft: Draft, spans: list[tuple[int, int]], template: dict[str, Any], event: dict[str, Any]) -> None:
    """An event of the training articles: `template` tells where things are, `event` which of an entity's mentions is meant."""
    trigger, at = template["Human_Trig"][0][0]
    named = defaultdict(list)
    for argument in event["arguments"]:
        named[argument["role"]].append(argument["text"])
    arguments = []
    for role, entities in template.items():
        if role == "incident_type" or role.endswith("_Trig") or not entities:
            continue
        for k, entity in enumerate(entities):
            wanted = named[role][k] if k < len(named[role]) else None
            same = [m for m in entity if m[0] == wanted] or entity
            distances = [max(0, m[1] - at - len(trigger), at - m[1] - len(m[0])) for m in same]
            text, start = same[distances.index(min(distances))][:2]
            arguments.append((role, draft.mention(*_whole_tokens(spans, start, text))))
    draft.event(_whole_tokens(spans, at, trigger), _two_levels(template["incident_type"]), arguments)


def _whole_tokens(spans: list[tuple[int, int]], start: int, text: str) -> tuple[int, int]:
    starts = [s for s, _ in spans]
    first = bisect.bisect_right(starts, start) - 1
    last = bisect.bisect_right(starts, start + len(text) - 1) - 1
    return spans[first][0], spans[last][1]


def _wikievents_official(sources: Path, split: str) -> Iterator[Article]:
    for d in json_lines(sources / f"wikievents/data/wikievents/{split}.jsonl"):
        spans = token_offsets(d["tokens"])
        entities = {m["id"]: m for m in d["entity_mentions"]}
        draft = Draft(d["doc_id"], " ".join(d["tokens"]), ("mentions", "events"))
        for event in d["event_mentions"]:
            arguments = []
            for a in event["arguments"]:
                m = entities[a["entity_id"]]
                arguments.append((a["role"], draft.mention(spans[m["start"]][0], spans[m["end"] - 1][1])))
            t = event["trigger"]
            draft.event((spans[t["start"]][0], spans[t["end"] - 1][1]), _two_levels(event["event_type"]), arguments)
        yield draft.article()


def _two_levels(event_type: str) -> str:
    return ".".join(event_type.split(".")[:2])


def casie(sources: Path) -> Splits:
    """Articles, TextEE's split 1. Spans shifted in the source are moved to the nearest occurrence of their text."""
    lists = sources / "textee_splits/data/preprocessing/casie/split1"
    split_of = {
        name.removesuffix(".txt").removesuffix(".json"): split
        for split in SPLITS
        for name in (lists / f"{split}.txt").read_text().split()
    }
    splits: Splits = {split: [] for split in SPLITS}
    for path in sorted((sources / "casie/data/annotation").glob("*.json")):
        if path.stem in split_of:
            splits[split_of[path.stem]].append(_casie_article(path.stem, json.loads(path.read_text(encoding="utf-8"))))
    return without_leaks(splits)


def _casie_article(article_id: str, d: dict[str, Any]) -> Article:
    text = d["content"]
    draft = Draft(article_id, text, ("mentions", "events"))
    for event in (e for hopper in (d["cyberevent"] or {}).get("hopper", []) for e in hopper["events"]):
        place = _anchored(text, event["nugget"])
        if place is None:
            continue
        found = [(a, _anchored(text, a)) for a in event.get("argument", [])]
        arguments = [(a["role"]["type"], draft.mention(*at, a.get("type", "ENTITY"))) for a, at in found if at]
        realis = {"General": "Generic"}.get(event.get("realis"), event.get("realis"))
        draft.event(place, event["subtype"], arguments, {"realis": realis} if realis else None)
    return draft.article()


def _anchored(text: str, item: dict[str, Any]) -> tuple[int, int] | None:
    start, end, wanted = item["startOffset"], item["endOffset"], item["text"]
    if not wanted.strip():
        return None
    if text[start:end] == wanted:
        return start, end
    hits, at = [], text.find(wanted)
    while at >= 0:
        hits.append(at)
        at = text.find(wanted, at + 1)
    if not hits:
        return None
    start = min(hits, key=lambda hit: abs(hit - start))
    return start, start + len(wanted)


def dse(sources: Path) -> Splits:
    """Sentences with two marked entities and their directed stance; dev and test without sentences seen before."""
    seen: set[str] = set()
    splits: Splits = {}
    for split, name in zip(SPLITS, ("train", "valid", "test"), strict=True):
        splits[split], mine = [], set()
        for i, line in enumerate((sources / f"dse/dataset/{name}.txt").read_text(encoding="utf-8").splitlines()):
            marked, _, _, label = line.split("\t")
            if split != "train" and (marked in seen or marked in mine):
                continue
            mine.add(marked)
            if marked.count("[") == 2 == marked.count("]"):
                splits[split].append(_dse_article(f"dse-{split}-{i}", marked, label))
        seen |= mine
    return splits


def _dse_article(article_id: str, marked: str, label: str) -> Article:
    """label: 1 and 2 are for, 3 and 4 against; 1 and 3 go from the first entity to the second, 2 and 4 back."""
    text, spans = _unmarked(marked)
    draft = Draft(article_id, text, ("mentions", "stances"))
    first, second = (draft.mention(*s) for s in spans)
    if label in "1234":
        holder, target = (first, second) if label in "13" else (second, first)
        draft.stances.append(Stance(holder=holder, target=target, label="FAVOR" if label in "12" else "AGAINST"))
    return draft.article()


def _unmarked(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """Text without the brackets, and both spans grown to whole words (the source cuts some one letter short)."""
    text, spans, opened = "", [], 0
    for character in marked:
        if character == "[":
            opened = len(text)
        elif character == "]":
            spans.append((opened, len(text)))
        else:
            text += character
    whole = []
    for start, end in spans:
        while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
            start -= 1
        while end < len(text) and text[end].isalpha() and text[end - 1].isalnum():
            end += 1
        whole.append((start, end))
    return text, whole


if __name__ == "__main__":
    for make in (wikievents, casie, dse):
        write_splits(Path(sys.argv[2]), make.__name__, make(Path(sys.argv[1])))
