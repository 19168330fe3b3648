"""A short training on the starter corpus must not score less than it did."""

import io
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import pytest

from annotate.schema import Schema
from training.corpus import read_parts
from training.evaluate import evaluate
from training.pipeline import load_model
from training.split import PARTS, corpus_digest
from training.train import Settings, train

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "corpus"
BASE = ROOT / "models" / "base" / "en_core_web_md"
STEPS = {"training.max_steps": 150, "training.eval_frequency": 150}
DIGEST = "e84576342aea9e74d5b2ef0ffe7c6288b0ab27ff1c846fb0e82e101c01052133"
# About 0.03 below what this corpus gave at seed 0: raised when the model gets better. A new corpus needs new floors.
FLOORS = {"mentions": 0.855, "triggers_id": 0.62, "triggers": 0.23, "arguments_attached": 0.17, "stances": 0.19}
FLOORS_GIVEN = {"arguments": 0.65, "attributes": 0.755, "stances": 0.325}


@pytest.mark.slow
@pytest.mark.skipif(not (BASE / "config.cfg").exists(), reason="no base pipeline; `copydesk download en_core_web_md` gets it")
def test_scores_stay_above_their_floors(schema: Schema, tmp_path: Path) -> None:
    split = read_parts(CORPUS, schema)
    assert corpus_digest(a for part in PARTS for a in split.parts[part]) == DIGEST, "the corpus has changed: set new floors"
    before = getrusage(RUSAGE_SELF)
    settings = Settings(schema, base=str(BASE), overrides=STEPS)
    train(split, tmp_path / "model", settings, say=lambda line: None, stream=io.StringIO())
    scores = evaluate(load_model(str(tmp_path / "model")), split.parts["test"], n_resamples=1)
    found = {score: result.counts.f1 for score, result in scores.results.items()}
    given = {score: result.counts.f1 for score, result in scores.given.items()}
    after = getrusage(RUSAGE_SELF)
    print(found, given)
    assert after.ru_utime - before.ru_utime < 90  # seconds
    assert {name: round(found[name], 3) for name, floor in FLOORS.items() if found[name] < floor} == {}
    assert {name: round(given[name], 3) for name, floor in FLOORS_GIVEN.items() if given[name] < floor} == {}
