"""A run tells how it goes: a line and all scores at each evaluation, why it ended, and which model it kept."""

import io
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_train import COMMAND, SMALL, content_of, corpus, digests

from annotate.records import write_records
from annotate.schema import Schema
from training.pipeline import load_model
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


# -- why it ends, and what it keeps ---------------------------------------------------------------------------------------

STILL = {"training.optimizer.learn_rate": 0.0}  # every evaluation finds the same


@pytest.mark.parametrize(
    ("patience", "steps"), [(6, [0, 3, 6]), (9, [0, 3, 6, 9]), (13, [0, 3, 6, 9, 12]), (0, [0, 3, 6, 9, 12])]
)
def test_a_run_stops_after_so_many_steps_without_a_better_score(
    patience: int, steps: list[int], tmp_path: Path, schema: Schema
) -> None:
    text = run(tmp_path / "model", schema, **STILL | {"training.patience": patience})
    assert [record["step"] for record in records(tmp_path / "model")] == steps
    said = f"stopped early: no better score than that of step 0 for {patience} steps"
    assert (text.splitlines()[-1] == said) == (steps[-1] < 12)


def test_patience_counts_from_the_best_score(tmp_path: Path, schema: Schema) -> None:
    text = run(tmp_path / "model", schema, **SPOILT | {"training.patience": 30, "training.max_steps": 0})
    made = records(tmp_path / "model")
    best = max(record["score"] for record in made)
    first = next(record["step"] for record in made if record["score"] == best)
    assert first > 0 and made[-1]["step"] == first + 30
    assert text.splitlines()[-1] == f"stopped early: no better score than that of step {first} for 30 steps"


# A rate that grows five hundredfold: the network learns at first, and then forgets all of it.
SPOILT = {
    "training.eval_frequency": 10,
    "training.max_steps": 60,
    "training.optimizer.use_averages": False,
    "training.optimizer.learn_rate": {"@schedules": "compounding.v1", "start": 0.002, "stop": 1.0, "compound": 1.12},
}


def test_the_model_kept_is_that_of_the_best_evaluation_not_the_last(tmp_path: Path, schema: Schema) -> None:
    run(tmp_path / "long", schema, **SPOILT)
    made = records(tmp_path / "long")
    best = max(made, key=lambda record: (record["score"], record["step"]))
    assert best["score"] > made[-1]["score"] + 0.1 and best["step"] < 60
    run(tmp_path / "short", schema, **SPOILT | {"training.max_steps": best["step"]})
    assert records(tmp_path / "short")[-1] == best
    assert content_of(load_model(tmp_path / "long")) == content_of(load_model(tmp_path / "short"))
    meta = json.loads((tmp_path / "long" / "meta.json").read_text())["performance"]
    assert meta["triggers_f"] == best["scores"]["triggers_f"]


# -- on a terminal --------------------------------------------------------------------------------------------------------


def on_terminal(command: list[str], *, n_columns: int = 120) -> str:
    """What a terminal of that width gets from a command's stderr."""
    import fcntl
    import pty
    import termios

    own, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, n_columns, 0, 0))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                read = os.read(own, 65536)
            except OSError:  # Linux: the other end is closed
                read = b""
            if not read:
                break
            text += read
    os.close(own)
    assert process.returncode == 0, text.decode()
    return text.decode()


def command_for(folder: Path, **overrides: object) -> list[str]:
    write_records(folder / "records.jsonl", corpus())
    flags = [f"--{name}={json.dumps(value)}" for name, value in (STEPS | overrides).items()]
    return [*COMMAND, str(folder / "records.jsonl"), "--base", "none", "--out", str(folder / "model"), *flags]


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
@pytest.mark.parametrize("n_columns", [120, 60])
def test_a_terminal_gets_a_bar_below_the_lines(n_columns: int, tmp_path: Path) -> None:
    steps = {"training.max_steps": 60, "training.eval_frequency": 20}
    text = on_terminal(command_for(tmp_path, **steps), n_columns=n_columns)
    bars = re.findall(r"(\d+)/60 \|([^|\r\n]*)\| +(\d+) %  time left <(\S+)", text)
    assert len(bars) >= 4
    done = [int(step) for step, *_ in bars]
    assert done == sorted(done) and done[-1] > 20
    assert all(int(percent) == round(100 * int(step) / 60) for step, _, percent, _ in bars)
    filled = [len(bar.replace(" ", "")) for _, bar, _, _ in bars]
    assert filled == sorted(filled) and filled[-1] > filled[0]
    assert any(re.fullmatch(r"\d\d:\d\d", left) for *_, left in bars)
    assert all(len(piece) <= n_columns for piece in re.split(r"[\r\n]+", text) if "time left" in piece)
    screen = [line.split("\r")[-1] for line in text.replace("\r\n", "\n").split("\n")]  # what is not written over
    assert [line.split("/")[0] for line in screen if re.match(r"\d+/60 +[\d,]+ ", line)] == ["0", "20", "40", "60"]
    assert not any("time left" in line for line in screen)


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
def test_a_run_without_a_last_step_shows_how_many_it_has_made(tmp_path: Path) -> None:
    text = on_terminal(command_for(tmp_path, **STILL | {"training.max_steps": 0, "training.patience": 12}))
    assert re.search(r"\r\d+ steps in \d\d:\d\d  time left unknown", text)


def test_a_stream_that_is_no_terminal_gets_lines_only(tmp_path: Path, schema: Schema) -> None:
    text = run(tmp_path / "model", schema)
    assert "\r" not in text and "\x1b" not in text and "%" not in text
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["0/12", "3/12", "6/12", "9/12", "12/12"]
