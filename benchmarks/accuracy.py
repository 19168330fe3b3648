"""Trains on a public set's train part, selects by dev, and scores its test part once."""

import io
import os
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.loop import train

from annotate.records import Article, read_records
from training.convert import convert_records
from training.evaluate import evaluate
from training.pipeline import CONFIGS, initialize, layers_in, load_model, make_config
from training.thresholds import choose_thresholds

BASE = Path("models/base/en_core_web_md")
# What differs from configs/*.cfg. Chosen on dev; what was tried is in docs/experiments.md.
SETTINGS: dict[str, dict[str, Any]] = {  # Any: what JSON holds
    "wikievents": {"training.max_steps": 1200, "training.eval_frequency": 150, "training.patience": 600},
    "casie": {
        "training.max_steps": 2800,
        "training.eval_frequency": 700,
        "training.patience": 1500,
        "training.dropout": 0.1,
        "components.ner.loss_weight": 0.25,
    },
}
SHOWN = ("mentions", "triggers_id", "triggers", "arguments_id", "arguments", "arguments_attached", "attributes")
SHOWN_GIVEN = ("arguments", "attributes")


def measure(data: Path, name: str, *, base: Path | None, seed: int, parts: tuple[str, ...]) -> dict[str, Any]:
    """Scores and costs of one training run. parts: the parts to score. Any: plain JSON."""
    before = process_time()
    with tempfile.TemporaryDirectory() as folder:
        nlp = _learn(data / name, Path(folder), SETTINGS[name], base=base, seed=seed)
    result: dict[str, Any] = {"seed": seed, "training_cpu_seconds": round(process_time() - before)}
    for part in parts:
        articles = list(read_records(data / name / f"{part}.jsonl"))
        scores = evaluate(nlp, articles, n_resamples=1000 if part == "test" else 1).to_json()
        result[part] = {s: _short(scores[s]) for s in SHOWN if s in scores}
        result[part]["given"] = {s: _short(scores["given"][s]) for s in SHOWN_GIVEN if s in scores["given"]}
        result["words_per_cpu_second"] = round(_words_per_second(nlp, articles))
    return result


def _learn(data: Path, work: Path, settings: dict[str, Any], *, base: Path | None, seed: int) -> Language:
    """Trains on train.jsonl and gives the step that is best on dev.jsonl."""
    blank = spacy.blank("en")
    for part in ("train", "dev"):
        convert_records(read_records(data / f"{part}.jsonl"), blank, work / f"{part}.spacy")
    config = make_config(
        CONFIGS / ("blank.cfg" if base is None else "base.cfg"),
        train_path=work / "train.spacy",
        dev_path=work / "dev.spacy",
        layers=layers_in(work / "train.spacy"),
        base=base,
        seed=seed,
        overrides=settings,
    )
    table = io.StringIO() if "COPYDESK_QUIET" in os.environ else sys.stderr
    train(initialize(config), work, stdout=table, stderr=sys.stderr)
    nlp = load_model(work / "model-best")
    choose_thresholds(nlp, DocBin().from_disk(work / "dev.spacy").get_docs(nlp.vocab))
    return nlp


def _short(score: dict[str, Any]) -> dict[str, Any]:
    return {key: score[key] if key == "ci" else round(score[key], 4) for key in ("p", "r", "f", "n_gold", "ci")}


def _words_per_second(nlp: Language, articles: list[Article]) -> float:
    """spaCy tokens per CPU second, from raw text."""
    before = process_time()
    n_words = sum(len(doc) for doc in nlp.pipe(article.text for article in articles))
    return n_words / (process_time() - before)
