"""A run tells how it goes: a line and all scores at each evaluation, why it ended, and which model it kept."""

import io
import json
from pathlib import Path
from typing import Any

from test_train import SMALL, corpus, digests

from annotate.schema import Schema
from training.split import split_corpus
from training.train import Settings, train

STEPS = SMALL | {"training.max_steps": 12, "training.eval_frequency": 3}
COUNTED = ("ents", "triggers_id", "triggers", "attributes", "arguments_id", "arguments", "arguments_attached", "stances")


def run(out: Path, schema: Schema, **overrides: object) -> str:
    """Trains a small model; returns what the stream got."""
    stream = io.StringIO()
    settings = Settings(schema, base="none", overrides=STEPS | overrides)
    train(split_corpus(corpus(), "here"), out, settings, say=lambda line: None, stream=stream)
    return stream.getvalue()


def records(out: Path) -> list[dict[str, Any]]:
    """The evaluations in the log, which is strict JSON."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    return [json.loads(line, parse_constant=refuse) for line in (out / "log.jsonl").read_text().splitlines()]


def test_each_evaluation_leaves_every_score_with_its_labels(tmp_path: Path, schema: Schema) -> None:
    """With training.max_steps 60 the small model learns its six articles by heart."""
    text = run(tmp_path / "model", schema, **{"training.max_steps": 60, "training.eval_frequency": 20})
    first, *_, last = records(tmp_path / "model")
    assert [record["step"] for record in records(tmp_path / "model")] == [0, 20, 40, 60]
    for name in COUNTED:
        assert {f"{name}_{ending}" for ending in ("p", "r", "f", "per_type")} <= set(last["scores"])
    table = last["scores"]["ents_per_type"]
    assert list(table) == sorted(table) and set(table["GPE"]) == {"p", "r", "f"}
    assert last["scores"]["triggers_f"] > first["scores"]["triggers_f"]
    assert f"{last['scores']['triggers_f']:>9.3f}" in text.splitlines()[-1]
    meta = json.loads((tmp_path / "model" / "meta.json").read_text())["performance"]
    best = max(records(tmp_path / "model"), key=lambda record: (record["score"], record["step"]))
    assert {name: meta[name] for name in best["scores"] if name in meta} == {
        name: best["scores"][name] or 0.0 for name in best["scores"] if name in meta
    }
    assert meta["triggers_per_type"] == best["scores"]["triggers_per_type"]


def test_what_dev_cannot_score_is_null_in_the_log(tmp_path: Path, schema: Schema) -> None:
    """The articles of dev have no stances at all."""
    articles = corpus()
    parts = split_corpus(articles, "here")
    silent = {a.id: a for a in corpus(stances=None)}
    parts.parts["dev"] = [silent[a.id] for a in parts.parts["dev"]]
    settings = Settings(schema, base="none", overrides=STEPS)
    train(parts, tmp_path / "model", settings, say=lambda line: None, stream=io.StringIO())
    for record in records(tmp_path / "model"):
        assert record["scores"]["stances_f"] is None and record["scores"]["stances_per_type"] is None
        assert record["scores"]["triggers_f"] is not None


def test_the_log_has_no_time_in_it(tmp_path: Path, schema: Schema) -> None:
    for name in ("one", "two"):
        run(tmp_path / name, schema)
    assert (tmp_path / "one" / "log.jsonl").read_bytes() == (tmp_path / "two" / "log.jsonl").read_bytes()
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_a_loss_that_is_no_number_is_null_in_the_log() -> None:
    from training.progress import _plain

    assert _plain({"b": float("nan"), "a": {"y": 1, "x": float("inf")}, "c": "macro F"}) == {
        "a": {"x": None, "y": 1.0},
        "b": None,
        "c": "macro F",
    }
