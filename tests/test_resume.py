"""A run that was killed goes on, and ends with the same bytes as one that was not; both as spaCy's own loop would."""

import io
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_train import SMALL, corpus, digests

from annotate.errors import DataError
from annotate.outputs import hidden_folder
from annotate.records import Article, write_records
from annotate.schema import Schema
from benchmarks.survival import run_with_kills
from training.checkpoint import NAME
from training.run import difference
from training.split import split_corpus
from training.train import Settings, train

STEPS = SMALL | {
    "training.max_steps": 12,
    "training.eval_frequency": 3,
    "components.attributes.model.ngram_rows": 512,
    "components.stance.model.ngram_rows": 512,
}
SCHEDULES = {
    "training.batcher.size": {"@schedules": "compounding.v1", "start": 20, "stop": 200, "compound": 1.1},
    "training.optimizer.learn_rate": {"@schedules": "compounding.v1", "start": 0.002, "stop": 0.001, "compound": 0.9},
}
PARTS = {"training.accumulate_gradient": 2, "training.optimizer.use_averages": False}
SETTINGS = {
    "as shipped": {},
    "patience": {"training.patience": 6, "training.max_steps": 0},
    "epochs and schedules": SCHEDULES | {"training.max_epochs": 5, "training.max_steps": 0},
    "parts of batches and another optimizer": PARTS | {"training.optimizer.@optimizers": "RAdam.v1"},
}


class StoppedError(Exception):
    """What stands for any end of a process that is no kill."""


class Stop(io.StringIO):
    """A stream that ends the run at a step's line."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def write(self, text: str) -> int:
        if f"\n{self.step}/" in f"\n{text}" or text.startswith(f"{self.step} "):
            raise StoppedError
        return super().write(text)


def begin(
    out: Path,
    schema: Schema,
    articles: list[Article] | None = None,
    *,
    stop: int = -1,
    resume: bool = False,
    said: list[str] | None = None,
    **settings: object,
) -> list[str]:
    """Trains a small model until the evaluation of step `stop`; returns what was said."""
    said = [] if said is None else said
    options = Settings(schema, base="none", **{"overrides": STEPS, **settings})
    train(split_corpus(articles or corpus(), "here"), out, options, say=said.append, stream=Stop(stop), resume=resume)
    return said


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory, schema: Schema) -> Path:
    """The hidden folder of a run that was stopped after the checkpoint of step 3."""
    out = tmp_path_factory.mktemp("stopped") / "model"
    said: list[str] = []
    with pytest.raises(StoppedError):
        begin(out, schema, stop=6, said=said)
    assert said[-1].startswith(f"stopped: what was learnt is kept in {hidden_folder(out)}; ") and "--resume" in said[-1]
    return hidden_folder(out)


@pytest.fixture
def stopped(left_behind: Path, tmp_path: Path) -> Path:
    """Where a model would be, had its run not been stopped."""
    shutil.copytree(left_behind, hidden_folder(tmp_path / "model"))
    return tmp_path / "model"


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_loop_is_spacys_own_byte_by_byte(settings: dict[str, object], tmp_path: Path, schema: Schema) -> None:
    from spacy.training.loop import train as spacys_train

    from training.convert import blank_of, convert_records
    from training.loop import learn
    from training.packing import codecs_found_once
    from training.pipeline import initialize, layers_in, make_config
    from training.train import CONFIGS

    data = tmp_path / "data.spacy"
    convert_records(corpus(), blank_of("en", "here"), data)
    parts = {"train_path": data, "dev_path": data, "layers": layers_in(data), "overrides": STEPS | settings}
    config = make_config(CONFIGS / "blank.cfg", **parts)
    for name in ("ours", "spacys"):
        (tmp_path / name).mkdir()
    with codecs_found_once():
        best = learn(initialize(config), tmp_path / "ours", io.StringIO(), about={})
        spacys_train(initialize(config), tmp_path / "spacys", stdout=io.StringIO(), stderr=io.StringIO())
    assert digests(best) == digests(tmp_path / "spacys" / "model-best")
    steps = [json.loads(line)["step"] for line in (tmp_path / "ours" / "log.jsonl").read_text().splitlines()]
    assert len(steps) > 2


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_run_that_was_stopped_ends_like_one_that_was_not(settings: dict[str, object], tmp_path: Path, schema: Schema) -> None:
    overrides = STEPS | settings
    begin(tmp_path / "whole", schema, overrides=overrides)
    out = tmp_path / "stopped"
    for stop, resume in ((3, False), (6, True)):
        with pytest.raises(StoppedError):
            begin(out, schema, overrides=overrides, stop=stop, resume=resume)
    assert "going on after step 3" in begin(out, schema, overrides=overrides, resume=True)
    assert digests(out) == digests(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stopped", "whole"]


@pytest.mark.slow
def test_three_kills_leave_the_same_bytes(tmp_path: Path) -> None:
    write_records(tmp_path / "records.jsonl", corpus())
    flags = [f"--{name}={json.dumps(value)}" for name, value in (STEPS | {"training.max_steps": 30}).items()]
    command = [sys.executable, "-m", "copydesk", "train", str(tmp_path / "records.jsonl"), "--base", "none", *flags]
    run_with_kills([*command, "--out", str(tmp_path / "whole")], [])
    said = run_with_kills([*command, "--out", str(tmp_path / "killed"), "--resume"], [(2, 0.0), (2, 0.1), (2, 0.02)])
    assert len(said) == 4, "it ended before it could be killed"
    assert all("going on after step" in own for own in said[1:])
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "records.jsonl", "whole"]


OTHERS = {
    "seed": ({"seed": 1}, r"another seed \(0, now 1\)"),
    "setting": ({"overrides": STEPS | {"training.dropout": 0.3}}, r"another settings.training.dropout \(0.2, now 0.3\)"),
    "longer": ({"overrides": STEPS | {"training.max_steps": 20}}, r"another settings.training.max_steps \(12, now 20\)"),
    "articles": ({"articles": corpus(7)}, "another corpus.digest"),
    "annotator": ({"annotator": "gold"}, r"another annotator \(None, now gold\)"),
}


@pytest.mark.parametrize(("change", "finding"), OTHERS.values(), ids=OTHERS)
def test_another_run_is_not_taken_up(change: dict[str, object], finding: str, stopped: Path, schema: Schema) -> None:
    before = digests(hidden_folder(stopped))[NAME]
    with pytest.raises(DataError, match=finding) as caught:
        begin(stopped, schema, resume=True, **change)
    assert "\n" not in str(caught.value)
    assert digests(hidden_folder(stopped))[NAME] == before
    assert not stopped.exists()


def test_learning_only_leaves_what_a_model_is_finished_from(tmp_path: Path, schema: Schema) -> None:
    begin(tmp_path / "whole", schema)
    out = tmp_path / "model"
    options = Settings(schema, base="none", overrides=STEPS)
    silent = {"say": lambda line: None, "stream": io.StringIO()}
    left = train(split_corpus(corpus(), "here"), out, options, **silent, learn_only=True)
    assert left == hidden_folder(out) and (left / NAME).is_file() and not out.exists()
    assert "going on after step 12" in begin(out, schema, resume=True)
    assert digests(out) == digests(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "whole"]


def test_other_versions_are_another_run() -> None:
    before = {"versions": {"spacy": "3.8.7", "numpy": "2.0"}, "config": "a" * 64}
    now = {"versions": {"spacy": "3.8.8", "numpy": "2.0"}, "config": "a" * 64}
    assert difference(before, now) == "another versions.spacy (3.8.7, now 3.8.8)"
    assert difference(before, before | {"config": "b" * 64}) == "another config"
    assert difference(before, before) is None


def test_a_run_that_is_done_is_not_done_again(tmp_path: Path, schema: Schema) -> None:
    said = begin(tmp_path / "model", schema, resume=True)
    assert "there is no run to go on with: training from the start" in said
    before = digests(tmp_path / "model")
    said = begin(tmp_path / "model", schema, resume=True)
    assert any("is there already, whole" in line for line in said)
    assert digests(tmp_path / "model") == before
    with pytest.raises(DataError, match="is there already"):
        begin(tmp_path / "model", schema, resume=True, seed=1)


def test_a_run_begun_anew_says_what_it_forgets(stopped: Path, schema: Schema) -> None:
    assert any("--resume would have gone on" in line for line in begin(stopped, schema))
    assert list(stopped.parent.iterdir()) == [stopped]


@pytest.mark.parametrize("wrong", [{"training.patiens": 3}, {"training.dropout": "much"}], ids=["no setting", "no number"])
def test_a_run_that_is_refused_forgets_nothing(wrong: dict[str, object], stopped: Path, schema: Schema) -> None:
    said: list[str] = []
    with pytest.raises(DataError):
        begin(stopped, schema, overrides=STEPS | wrong, said=said)
    assert not any("forgotten" in line for line in said)
    assert "going on after step 3" in begin(stopped, schema, resume=True)


def test_a_damaged_checkpoint_is_one_line(stopped: Path, schema: Schema) -> None:
    (hidden_folder(stopped) / NAME).write_bytes(b"PK half of one")
    with pytest.raises(DataError, match="is no checkpoint; begin anew"):
        begin(stopped, schema, resume=True)


@pytest.fixture(autouse=True)
def random_states_of_the_others() -> Iterator[None]:
    """Leaves the random states as they were."""
    import random

    import numpy as np

    python, of_numpy = random.getstate(), np.random.get_state()
    yield
    random.setstate(python)
    np.random.set_state(of_numpy)
