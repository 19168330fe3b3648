"""Trains on a public set's train part, selects by dev, and scores its test part once."""

import io
import os
import random
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import spacy
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Corpus, Example
from spacy.training.loop import train
from spacy.util import registry

from annotate.matching import Score
from annotate.records import Annotation, Article, annotation_of, read_records
from annotate.scores import Result
from training.convert import convert_records, from_doc, to_doc
from training.evaluate import PREDICTED, Pair, evaluate, score
from training.packing import codecs_found_once
from training.pipeline import CONFIGS, initialize, layers_in, load_model, make_config
from training.thresholds import choose_thresholds
from training.transformer import find_checkpoint

from .speed import words_per_cpu_second

BASES = {"md": "models/base/en_core_web_md", "blank": None}
SEEDS = (0, 1, 2)
M2E2 = {"training.max_steps": 1200, "training.eval_frequency": 200, "training.patience": 600}
# What differs from configs/*.cfg: casie and wikievents chosen on dev (docs/experiments.md), the others a start.
SETTINGS: dict[str, dict[str, Any]] = {  # Any: what JSON holds
    "casie": {
        "training.max_steps": 1400,
        "training.eval_frequency": 350,
        "training.patience": 1400,
        "training.dropout": 0.1,
        "components.ner.loss_weight": 0.25,
    },
    "m2e2": M2E2,
    "m2e2_by_sentence": M2E2,
    "wikievents": {"training.max_steps": 1200, "training.eval_frequency": 150, "training.patience": 600},
    "dse": {"training.max_steps": 800, "training.eval_frequency": 200, "training.patience": 600},
    "conllpp": {
        "training.max_steps": 2000,
        "training.eval_frequency": 400,
        "training.patience": 1200,
        "training.dropout": 0.1,
    },
    "crossner_politics": {"training.max_steps": 400, "training.eval_frequency": 50, "training.patience": 200},
}
# Of a transformer, whatever the set: capped, so that a CPU has done them in some minutes, and tuned on nothing.
TRANSFORMER: dict[str, Any] = {  # Any: what JSON holds
    "training.max_steps": 240,
    "training.eval_frequency": 60,
    "training.batcher.size": 400,
    "training.optimizer.learn_rate.warmup_steps": 24,
    "components.transformer.model.freeze_embeddings": True,
}
# Which entities are marked there follows from nothing in the text: no component looks for them, they are given.
MENTIONS_GIVEN = ("dse",)
BY_SENTENCE = "_by_sentence"  # another split of a set: sentences of one article are in several parts
GIVEN_TRIGGERS: tuple[Score, ...] = ("arguments", "arguments_attached")


def measure(
    data: Path,
    name: str,
    *,
    base: str | None,
    seed: int,
    parts: Sequence[str] = ("dev", "test"),
    settings: Mapping[str, Any] | None = None,
    n_words: int = 50_000,
) -> dict[str, Any]:
    """Scores and costs of one training run. Any: plain JSON.

    base: an installed pipeline, its folder, or that of a transformer's checkpoint. parts: the parts to score. settings: more
    that differ from the config. n_words: how many the speed is measured on, at least. Peak memory: of the process so far.
    """
    before = process_time()
    with tempfile.TemporaryDirectory() as folder, codecs_found_once():
        work = Path(folder)
        usual = TRANSFORMER if _is_checkpoint(base) else SETTINGS[name]
        articles = read_set(data, name)
        nlp = _learn(name, articles, work, {**usual, **(settings or {})}, base=base, seed=seed)
        n_bytes = sum(path.stat().st_size for path in (work / "model-best").rglob("*") if path.is_file())
    result: dict[str, Any] = {"seed": seed, "training_cpu_seconds": round(process_time() - before)}
    result["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # Linux counts in KiB
    result["model_mb"] = round(n_bytes / 1e6, 1)
    for part in parts:
        n_resamples = 1000 if part == "test" else 1
        found = scores(nlp, articles[part], n_resamples=n_resamples)
        result[part] = {key: _short(value, with_interval=part == "test") for key, value in found.items()}
        result["words_per_cpu_second"] = round(_words_per_second(nlp, articles[part], n_words))
    return result


def scores(nlp: Language, articles: Sequence[Article], *, n_resamples: int) -> dict[str, Result]:
    """Each score that pipeline and articles make possible.

    given …: with gold mentions and triggers. given triggers …: with gold triggers and the mentions that the model finds.
    """
    whole = evaluate(nlp, articles, n_resamples=n_resamples)
    found: dict[str, Result] = {} if _mentions_given(nlp) else {str(key): value for key, value in whole.results.items()}
    found |= {f"given {key}": value for key, value in whole.given.items()}
    if {"triggers", "arguments"} <= set(nlp.pipe_names):
        helped = score(list(given_triggers(nlp, articles)), can=GIVEN_TRIGGERS, n_resamples=n_resamples)
        found |= {f"given triggers {key}": value for key, value in helped.results.items()}
    return found


def _is_checkpoint(base: str | None) -> bool:
    return base is not None and (Path(base) / "config.json").is_file()


def _mentions_given(nlp: Language) -> bool:
    return "ner" not in nlp.pipe_names


def read_set(data: Path, name: str) -> dict[str, list[Article]]:
    """The parts of a set; of one that is split by sentence, those of the set split by article dealt anew, as many to each."""
    folder = data / name.removesuffix(BY_SENTENCE)
    parts = {part: list(read_records(folder / f"{part}.jsonl")) for part in ("train", "dev", "test")}
    if not name.endswith(BY_SENTENCE):
        return parts
    articles = sorted((a for own in parts.values() for a in own), key=lambda a: a.id)
    random.Random(0).shuffle(articles)
    ends = np.cumsum([0, *map(len, parts.values())]).tolist()
    return {part: articles[start:end] for part, start, end in zip(parts, ends, ends[1:], strict=False)}


def _learn(
    name: str,
    articles: Mapping[str, Iterable[Article]],
    work: Path,
    settings: Mapping[str, Any],
    *,
    base: str | None,
    seed: int,
) -> Language:
    """Trains on the train part and gives the step that is best on dev."""
    blank = spacy.blank("en")
    for part in ("train", "dev"):
        convert_records(articles[part], blank, work / f"{part}.spacy")
    layers = layers_in(work / "train.spacy")
    if name in MENTIONS_GIVEN:
        layers -= {"mentions"}
        settings = {"corpora.dev": {"@readers": "copydesk.given_mentions.v1", "path": "${paths.dev}"}, **settings}
    checkpoint = find_checkpoint(base) if base is not None and _is_checkpoint(base) else None
    config = make_config(
        CONFIGS / ("transformer.cfg" if checkpoint else "blank.cfg" if base is None else "base.cfg"),
        train_path=work / "train.spacy",
        dev_path=work / "dev.spacy",
        layers=layers,
        base=None if checkpoint else base,
        transformer=checkpoint,
        seed=seed,
        overrides=settings,
    )
    table = io.StringIO() if "COPYDESK_QUIET" in os.environ else sys.stderr
    train(initialize(config), work, stdout=table, stderr=sys.stderr)
    nlp = load_model(work / "model-best")
    reader = make_given_mentions(work / "dev.spacy") if name in MENTIONS_GIVEN else Corpus(work / "dev.spacy")
    choose_thresholds(nlp, reader(nlp))
    return nlp


@registry.readers("copydesk.given_mentions.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_given_mentions(path: Path) -> Callable[[Language], Iterator[Example]]:
    """Reads a .spacy file as examples whose predicted side has the mentions already, and nothing else."""

    def read(nlp: Language) -> Iterator[Example]:
        for reference in DocBin().from_disk(path).get_docs(nlp.vocab):
            predicted = reference.copy()
            for layer in ("events", "stances"):
                predicted.spans.pop(layer, None)
            yield Example(predicted, reference)

    return read


def given_triggers(nlp: Language, articles: Iterable[Article]) -> Iterator[Pair]:
    """Each article with what the model makes of its gold triggers, whose mentions it has to find."""
    golds = [(article, annotation_of(article)) for article in articles]
    pairs = [(article, gold) for article, gold in golds if gold is not None and gold.events is not None]
    docs = [to_doc(article, _bare(gold), nlp)[0] for article, gold in pairs]
    with nlp.select_pipes(disable=["triggers"]):
        done = list(nlp.pipe(docs))
    for doc, (article, gold) in zip(done, pairs, strict=True):
        found = from_doc(doc, article.model_copy(update={"annotations": ()}), annotator=PREDICTED).annotations[0]
        own = {event.id: event.arguments for event in found.events or ()}
        # at the gold offsets: a trigger that begins inside a token had grown
        events = tuple(event.model_copy(update={"arguments": own.get(event.id, ())}) for event in gold.events or ())
        yield Pair(article, gold, found.model_copy(update={"events": events}))


def _bare(gold: Annotation) -> Annotation:
    """The triggers with their types, and nothing else."""
    events = tuple(event.model_copy(update={"arguments": (), "attributes": {}}) for event in gold.events or ())
    return gold.model_copy(update={"mentions": None, "events": events, "stances": None})


def _short(result: Result, *, with_interval: bool) -> dict[str, Any]:
    plain = result.to_json()
    interval = plain["ci"] if with_interval else None
    rounded = {key: round(plain[key], 4) for key in ("p", "r", "f")}
    return {**rounded, "n_gold": plain["n_gold"], "ci": interval and [round(end, 4) for end in interval]}


def _words_per_second(nlp: Language, articles: Sequence[Article], n_words: int) -> float:
    """spaCy tokens per CPU second, from raw text; where the mentions are given, putting them on the text included."""
    if not _mentions_given(nlp):
        return words_per_cpu_second(nlp, [article.text for article in articles], n_words=n_words)
    n_done, before = 0, process_time()
    while n_done < n_words:
        golds = ((article, annotation_of(article)) for article in articles)
        bare = ((article, gold and gold.model_copy(update={"stances": None})) for article, gold in golds)
        n_done += sum(len(doc) for doc in nlp.pipe(to_doc(article, gold, nlp)[0] for article, gold in bare))
    return n_done / (process_time() - before)
