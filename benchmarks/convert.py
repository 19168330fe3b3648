"""Turns public data sets into OUT/<set>/<split>.jsonl, in the record format.

usage: python -m benchmarks.convert SOURCES OUT [SET …]

SOURCES holds each set's repository as checked out; docs/benchmarks.md names repositories, commits and folder names.
A layer that a set does not annotate is absent from its records. Without a SET, all are made.
"""

import bisect
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from annotate.records import Article, Stance

from .draft import SPLITS, Draft, Splits, json_lines, token_offsets, without_leaks, write_splits

M2E2_SPLIT = Path(__file__).with_name("m2e2_split.json")


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


def m2e2(sources: Path, *, split: Path = M2E2_SPLIT) -> Splits:
    """Sentences, split by article: the split in use elsewhere shares most test articles with train."""
    part_of = {digest: part for part, digests in json.loads(split.read_text()).items() for digest in digests}
    splits: Splits = {part: [] for part in SPLITS}
    for d in json.loads((sources / "m2e2/text_only_event.json").read_text(encoding="utf-8")):
        story = d["sentence_id"].rsplit("_", 1)[0]
        part = part_of.get(article_digest(story))
        if part is not None:
            splits[part].append(_m2e2_sentence(d, story))
    return splits


def article_digest(name: str) -> str:
    """How benchmarks/m2e2_split.json, which holds nothing of the set itself, names an article."""
    return sha256(name.encode()).hexdigest()[:8]


def _m2e2_sentence(d: dict[str, Any], story: str) -> Article:
    """An argument takes the mention that is marked in its place, whatever the label; else a new one."""
    spans = token_offsets(d["words"])
    draft = Draft(d["sentence_id"], " ".join(d["words"]), ("mentions", "events"), story=story)
    for marked in d.get("golden-entity-mentions", []):
        if marked["start"] < marked["end"]:
            draft.mention(*_place(spans, marked), _entity_label(marked))
    for event in d["golden-event-mentions"]:
        arguments = []
        for argument in event["arguments"]:
            place = _place(spans, argument)
            there = [m.id for m in draft.mentions.values() if (m.start, m.end) == place]
            arguments.append((argument["role"], there[0] if there else draft.mention(*place, _entity_label(argument))))
        draft.event(_place(spans, event["trigger"]), event["event_type"], arguments)
    return draft.article()


def _place(spans: Sequence[tuple[int, int]], marked: dict[str, Any]) -> tuple[int, int]:
    """The characters of a range of words. Any: what JSON holds."""
    return spans[marked["start"]][0], spans[marked["end"] - 1][1]


def _entity_label(marked: dict[str, Any]) -> str:
    """The main type, as in PER:Individual. Any: what JSON holds."""
    return (marked.get("entity-type") or "ENTITY").partition(":")[0]


def conllpp(sources: Path) -> Splits:
    """Sentences of Reuters news; the test part is the corrected one."""
    return {split: list(_columns(sources / f"conllpp/data/conllpp_{split}.txt", "conllpp", split)) for split in SPLITS}


def crossner_politics(sources: Path) -> Splits:
    """Sentences of Wikipedia on politics."""
    folder = sources / "crossner/ner_data/politics"
    return {split: list(_columns(folder / f"{split}.txt", "crossner_politics", split)) for split in SPLITS}


def _columns(path: Path, name: str, split: str) -> Iterator[Article]:
    """The sentences of a file with a word a line, its tag last, and an empty line after each sentence."""
    sentences: list[list[tuple[str, str]]] = [[]]
    for line in path.read_text(encoding="utf-8").splitlines():
        columns = line.split()
        if columns and columns[0] != "-DOCSTART-":
            sentences[-1].append((columns[0], columns[-1]))
        elif sentences[-1]:
            sentences.append([])
    for number, words in enumerate(filter(None, sentences)):
        yield _tagged(f"{name}-{split}-{number}", words)


def _tagged(article_id: str, words: Sequence[tuple[str, str]]) -> Article:
    """words: each with its tag. A mention goes on while the tag is I- with the label it began with."""
    spans = token_offsets(word for word, _ in words)
    draft = Draft(article_id, " ".join(word for word, _ in words), ("mentions",))
    began, label = 0, ""
    for place, tag in enumerate([*(tag for _, tag in words), "O"]):
        if label and tag != f"I-{label}":
            draft.mention(spans[began][0], spans[place - 1][1], label)
            label = ""
        if not label and tag != "O":
            began, label = place, tag.partition("-")[2]
    return draft.article()


SETS: dict[str, Callable[[Path], Splits]] = {
    made.__name__: made for made in (wikievents, casie, dse, m2e2, conllpp, crossner_politics)
}


def main(sources: Path, out: Path, names: Sequence[str]) -> None:
    for name in names or SETS:
        write_splits(out, name, SETS[name](sources))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
