"""A search gives the same table and bytes for a seed, whatever stopped it, and a model that training alone would give."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_resume import STEPS, StoppedError, random_states_of_the_others  # noqa: F401  (a fixture)
from test_train import corpus, digests

from annotate.errors import DataError
from annotate.outputs import hidden_folder
from annotate.records import Article, write_records
from annotate.schema import Schema
from benchmarks.survival import run_with_kills
from training.search import SEARCH, Found, Trial, search, shown_by_score
from training.search_report import to_text
from training.split import Split, split_corpus
from training.train import Settings, train

RATE = "training.optimizer.learn_rate.initial_rate"
WIDTH = "components.ner.model.hidden_width"
RANGES = f"{RATE} = {{ low = 0.002, high = 0.05, log = true }}\n{WIDTH} = {{ choices = [32, 64] }}\n"
HARMFUL = f"{RATE} = {{ low = 1e-9, high = 1e-8, log = true }}\n"
SMALLER = STEPS | {WIDTH: 64, "training.max_steps": 12}
GIVEN = {name: value for name, value in SMALLER.items() if name != WIDTH}


class Stop(io.StringIO):
    """A stream that ends the search at the line of step 6 of a trial; counts the trainings."""

    def __init__(self, trial: int = -1) -> None:
        super().__init__()
        self.trial, self.n_trainings = trial, 0

    def write(self, text: str) -> int:
        self.n_trainings += text.count("\nstep ")
        if "\n6/" in f"\n{text}":
            self.trial -= 1
            if self.trial == 0:
                raise StoppedError
        return super().write(text)


def look(
    out: Path,
    schema: Schema,
    n_trials: int = 3,
    *,
    articles: list[Article] | None = None,
    text: str = RANGES,
    stream: Stop | None = None,
    said: list[str] | None = None,
    **options: object,
) -> Found:
    """Searches with small models beside a file with the ranges, whose folder may be there."""
    own = {name: options.pop(name) for name in ("seed", "overrides") if name in options}
    out.parent.mkdir(exist_ok=True)
    ranges = out.parent / "ranges.toml"
    ranges.write_text(text, encoding="utf-8")
    settings = Settings(schema, base="none", **{"overrides": GIVEN, **own})
    say = (lambda line: None) if said is None else said.append
    split = options.pop("split", None) or split_corpus(articles or corpus(), "here")
    return search(split, out, settings, n_trials=n_trials, ranges=ranges, say=say, stream=stream or Stop(), **options)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, schema: Schema) -> tuple[Path, Found]:
    out = tmp_path_factory.mktemp("searched") / "model"
    return out, look(out, schema)


def without_table(folder: Path) -> dict[str, str]:
    return {name: digest for name, digest in digests(folder).items() if name != SEARCH}


def test_a_search_leaves_a_model_its_table_and_nothing_else(searched: tuple[Path, Found], schema: Schema) -> None:
    out, found = searched
    assert sorted(path.name for path in out.parent.iterdir()) == ["model", "ranges.toml"]
    plain = json.loads((out / SEARCH).read_text())
    assert plain == json.loads(json.dumps(found.to_json())) and plain["best"] == found.best.number
    assert [trial.number for trial in found.trials] == [1, 2, 3]
    assert found.trials[0].settings == {RATE: 0.002, WIDTH: 128}
    for trial in found.trials[1:]:
        assert 0.002 <= trial.settings[RATE] <= 0.05 and trial.settings[WIDTH] in (32, 64)
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert found.best.score == max(line["score"] for line in log) > found.trials[0].score
    whole = next(line["scores"] for line in log if line["step"] == found.best.step)
    assert {"ents_f", "triggers_f", "stances_f"} <= found.best.scores.keys() < whole.keys()
    assert found.best.scores.items() <= whole.items()


def test_the_model_is_what_training_alone_gives_with_the_settings_of_the_best(
    searched: tuple[Path, Found], tmp_path: Path, schema: Schema
) -> None:
    out, found = searched
    settings = Settings(schema, base="none", overrides={**GIVEN, **found.best.settings})
    train(split_corpus(corpus(), "here"), tmp_path / "alone", settings, say=lambda line: None, stream=io.StringIO())
    assert without_table(out) == digests(tmp_path / "alone")


def test_the_first_trial_is_a_training_with_the_configs_own_settings(tmp_path: Path, schema: Schema) -> None:
    said: list[str] = []
    found = look(tmp_path / "searched", schema, 2, text=HARMFUL, overrides=SMALLER, said=said)
    settings = Settings(schema, base="none", overrides=SMALLER)
    train(split_corpus(corpus(), "here"), tmp_path / "alone", settings, say=lambda line: None, stream=io.StringIO())
    assert found.best.number == 1 and to_text(found).endswith("no other trial scores more")
    assert without_table(tmp_path / "searched") == digests(tmp_path / "alone")
    assert f"{RATE} is 0.002 in the config, which is not in its range: nothing is learnt from trial 1" in said


def test_the_same_seed_gives_the_same_table_and_bytes_and_another_does_not(
    searched: tuple[Path, Found], tmp_path: Path, schema: Schema
) -> None:
    out, found = searched
    again = look(tmp_path / "again", schema)
    assert to_text(again) == to_text(found) and digests(tmp_path / "again") == digests(out)
    split = split_corpus(corpus(), "here")  # of another seed, the split would be another too
    other = look(tmp_path / "other", schema, 2, split=split, seed=1)
    assert other.trials[1].settings != found.trials[1].settings


def test_a_search_that_was_stopped_goes_on_to_the_same_bytes_also_for_more_trials(
    searched: tuple[Path, Found], tmp_path: Path, schema: Schema
) -> None:
    out = tmp_path / "model"
    said: list[str] = []
    with pytest.raises(StoppedError):
        look(out, schema, 2, stream=Stop(2), said=said)
    assert said[-1].startswith("stopped: what was learnt is kept in ") and said[-1].endswith("--resume goes on from there")
    second = Stop(2)
    with pytest.raises(StoppedError):
        look(out, schema, 3, stream=second, resume=True)
    with pytest.raises(DataError, match="--search 1: is less than the 2 trials that are done; give 2 or more"):
        look(out, schema, 1, resume=True)
    with pytest.raises(DataError, match=r"the search that was stopped had another seed \(0, now 1\); give what it had"):
        look(out, schema, resume=True, split=split_corpus(corpus(), "here"), seed=1)
    last = Stop()
    look(out, schema, resume=True, stream=last, said=said)
    assert (second.n_trainings, last.n_trainings) == (2, 1), "a trial that was done was trained again"
    assert sum("as it was trained before" in line for line in said) == 2
    assert digests(out) == digests(searched[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "ranges.toml"]


@pytest.mark.slow
def test_kills_leave_the_same_bytes(tmp_path: Path) -> None:
    write_records(tmp_path / "records.jsonl", corpus())
    (tmp_path / "ranges.toml").write_text(RANGES)
    flags = [f"--{name}={json.dumps(value)}" for name, value in GIVEN.items()]
    start = [sys.executable, "-m", "copydesk", "train", str(tmp_path / "records.jsonl"), "--base", "none", *flags]
    command = [*start, "--search", "2", "--ranges", str(tmp_path / "ranges.toml")]
    run_with_kills([*command, "--out", str(tmp_path / "whole")], [])
    said = run_with_kills([*command, "--out", str(tmp_path / "killed"), "--resume"], [(2, 0.0), (5, 0.05)])
    assert len(said) == 3, "it ended before it could be killed"
    assert "as it was trained before" in said[-1]
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "ranges.toml", "records.jsonl", "whole"]


def test_a_search_that_is_done_is_not_done_again(searched: tuple[Path, Found], schema: Schema) -> None:
    out, found = searched
    before = digests(out)
    said: list[str] = []
    stream = Stop()
    assert look(out, schema, resume=True, said=said, stream=stream) == found
    assert said[-1].endswith("is there already, whole, and of this very search") and stream.n_trainings == 0
    for options in ({"resume": False}, {"resume": True, "n_trials": 4}):
        with pytest.raises(DataError, match="is there already; give another path, or --force"):
            look(out, schema, **options)
    assert digests(out) == before and not hidden_folder(out.with_name("model.search")).exists()


def test_only_the_best_weights_are_kept_on_the_way(tmp_path: Path, schema: Schema) -> None:
    with pytest.raises(StoppedError):
        look(tmp_path / "model", schema, stream=Stop(3), text=HARMFUL, overrides=SMALLER)
    folder = hidden_folder(tmp_path / "model.search")
    assert sorted(path.name for path in folder.iterdir()) == [".trial-1.run", ".trial-3.run", "lock", SEARCH]


def test_a_search_that_is_begun_anew_says_what_it_forgets(tmp_path: Path, schema: Schema) -> None:
    with pytest.raises(StoppedError):
        look(tmp_path / "model", schema, stream=Stop(1))
    said: list[str] = []
    with pytest.raises(StoppedError):
        look(tmp_path / "model", schema, stream=Stop(1), said=said)
    assert any("an earlier search was stopped before its end and is forgotten now" in line for line in said)


def test_a_search_that_is_refused_forgets_nothing(tmp_path: Path, schema: Schema) -> None:
    with pytest.raises(StoppedError):
        look(tmp_path / "model", schema, stream=Stop(1))
    before = digests(hidden_folder(tmp_path / "model.search"))
    for wrong in ({"text": "training.droput = { low = 0.1, high = 0.2 }"}, {"overrides": {"training.patiens": 3}}):
        with pytest.raises(DataError):
            look(tmp_path / "model", schema, **wrong)
    assert before.items() <= digests(hidden_folder(tmp_path / "model.search")).items()


def test_settings_that_come_again_are_not_trained_again(tmp_path: Path, schema: Schema) -> None:
    stream = Stop()
    found = look(tmp_path / "model", schema, 4, text=f"{WIDTH} = {{ choices = [16, 32] }}\n", overrides=GIVEN, stream=stream)
    assert stream.n_trainings == 3 and len(found.trials) == 4
    by_settings = {trial.settings[WIDTH]: trial.score for trial in found.trials}
    assert all(by_settings[trial.settings[WIDTH]] == trial.score for trial in found.trials)


def test_the_test_articles_have_no_say(searched: tuple[Path, Found], tmp_path: Path, schema: Schema) -> None:
    whole = split_corpus(corpus(), "here")
    found = look(tmp_path / "model", schema, 2, split=Split({**whole.parts, "test": []}, []))
    assert found.trials == searched[1].trials[:2]


def refused(tmp_path: Path, schema: Schema, **options: object) -> str:
    """What a search that cannot be is told; it leaves nothing behind."""
    stream = Stop()
    with pytest.raises(DataError) as caught:
        look(tmp_path / "model", schema, stream=stream, **options)
    assert stream.n_trainings == 0 and [path.name for path in tmp_path.iterdir()] == ["ranges.toml"]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_wrong_ranges_end_it_before_anything_is_trained(tmp_path: Path, schema: Schema) -> None:
    place = tmp_path / "ranges.toml"
    message = refused(tmp_path, schema, text="training.droput = { low = 0.1, high = 0.2 }")
    assert message == f"{place}: training.droput: is not a setting of the config; check its spelling, or remove it"
    assert refused(tmp_path, schema, text="").startswith(f"{place}: states no range; ")
    message = refused(tmp_path, schema, overrides=GIVEN | {RATE: 0.01, WIDTH: 8})
    assert message.startswith(f"{place}: leaves nothing to search; ")


def test_without_dev_articles_there_is_no_search(tmp_path: Path, schema: Schema) -> None:
    split = Split({"train": corpus(), "dev": [], "test": []}, [])
    assert refused(tmp_path, schema, split=split).startswith("dev: has no articles, and they judge the trials; give some")


def test_without_optuna_there_is_one_line(tmp_path: Path, schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.search.find_spec", lambda name: None)
    assert refused(tmp_path, schema) == "--search: needs optuna; run pip install 'copydesk[search]'"


def test_ranges_without_a_search_are_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "copydesk", "train", "a.jsonl", "--out", str(tmp_path / "m"), "--ranges", "r.toml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "copydesk: --ranges: is given without --search; add --search 12, or leave it out\n"


def trial(number: int, score: float) -> Trial:
    return Trial(number, {WIDTH: 8 * number, "training.dropout": 0.1}, score, 3, {"ents_f": score, "triggers_f": 0.25})


def test_the_table_has_the_best_first_and_of_equals_the_first() -> None:
    lines = to_text(Found({}, 0.05, (trial(1, 0.5), trial(2, 0.52), trial(3, 0.4), trial(4, 0.52)))).splitlines()
    assert lines[0].split() == ["trial", "score", "ents", "triggers", "hidden_width", "dropout"]
    assert [line.split()[0] for line in lines[1:5]] == ["2", "4", "1", "3"]
    assert lines[1].split() == ["2", "0.520", "0.520", "0.250", "16", "0.1"]


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.53, "trial 2 scores 0.030 more; on dev, what differs by less than about 0.05 looks alike: it may be chance, and"),
        (
            0.57,
            "trial 2 scores 0.070 more; on dev, what differs by less than about 0.05 looks alike: it is more than that, but",
        ),
        (0.50, "no other trial scores more"),
    ],
)
def test_what_the_gain_is_worth_is_said(score: float, words: str) -> None:
    last = to_text(Found({}, 0.05, (trial(1, 0.5), trial(2, score)))).splitlines()[-1]
    assert last.startswith(words)
    assert ("the best of 2 always flatters" in last) == (score > 0.5)


def test_the_smallest_difference_of_scores_is_that_of_their_layers_weighted() -> None:
    by_layer = {"mentions": 0.02, "triggers": 0.04, "arguments": 0.03}
    weights = {"ents_f": 0.2, "triggers_f": 0.4, "attributes_f": 0.1, "arguments_attached_f": 0.2, "stances_f": 0.1}
    assert shown_by_score(weights, by_layer) == pytest.approx(0.2 * 0.02 + 0.5 * 0.04 + 0.2 * 0.03)
    assert shown_by_score({"triggers_f": 1.0, "triggers_p": None}, by_layer) == 0.04
    assert shown_by_score({"of_my_own": 0.5}, by_layer) == 0.5  # nobody knows: all may be chance
