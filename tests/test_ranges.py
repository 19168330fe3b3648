"""What a search may change is checked before anything is trained, with file, setting and remedy in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from spacy.util import load_config

from annotate.errors import DataError
from training.draws import N_RANDOM, Draws
from training.pipeline import CONFIGS
from training.ranges import RANGES, Between, OneOf, Scalar, Space, fit_ranges, read_ranges, short_names

BLANK = load_config(CONFIGS / "blank.cfg", interpolate=False)


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ranges.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_ranges_are_read_in_alphabetical_order_however_they_are_nested(tmp_path: Path) -> None:
    text = """
        training.dropout = { low = 0.1, high = 0.4 }
        "training.optimizer.L2" = { low = 0.001, high = 0.1, log = true }
        [components.ner]
        loss_weight = { choices = [1, 2] }
        [components.arguments.model.hidden_width]
        low = 32
        high = 256
    """
    assert list(read_ranges(toml(tmp_path, text)).items()) == [
        ("components.arguments.model.hidden_width", Between(32, 256)),
        ("components.ner.loss_weight", OneOf((1, 2))),
        ("training.dropout", Between(0.1, 0.4)),
        ("training.optimizer.L2", Between(0.001, 0.1, log=True)),
    ]


@pytest.mark.parametrize("config", ["base", "blank", "transformer"])
def test_the_shipped_ranges_fit_each_shipped_config_and_hold_its_settings(config: str) -> None:
    space, lines = fit_ranges(read_ranges(RANGES), load_config(CONFIGS / f"{config}.cfg", interpolate=False), {}, "here")
    assert len(space.ranges) > 4 and not lines
    assert all(space.ranges[name].holds(own) for name, own in space.own.items())


FAULTS = {
    "not TOML": ("training.dropout = {", "ranges.toml: is not TOML"),
    "nothing": ("", "ranges.toml: states no range; write"),
    "a number": ("training.dropout = 0.3", "training.dropout: is no range; write"),
    "a section": ("[training.dropout]", "training.dropout: is no range; write"),
    "misspelt": ("training.dropout = { low = 0.1, hgih = 0.3 }", "training.dropout: has the unknown key 'hgih'"),
    "half": ("training.dropout = { low = 0.1 }", "training.dropout: has no high"),
    "both": ("training.dropout = { low = 0.1, choices = [0.3] }", "training.dropout: has choices and bounds"),
    "wrong way": ("training.dropout = { low = 0.4, high = 0.1 }", r"nothing between low \(0.4\) and high \(0.1\)"),
    "empty": ("training.dropout = { low = 0.4, high = 0.4 }", r"nothing between low \(0.4\) and high \(0.4\)"),
    "no choice": ("training.dropout = { choices = [] }", "training.dropout: has no choices"),
    "one value": ("training.dropout = { choices = 3 }", "training.dropout: has choices that are no list"),
    "lists": ("training.dropout = { choices = [[1], [2]] }", "training.dropout: has choices that are no list of numbers"),
    "twice": ("training.dropout = { choices = [0.1, 0.1] }", "training.dropout: has a choice twice"),
    "text": ("training.dropout = { low = 'a', high = 1 }", r"has a low that is no number \('a'\)"),
    "NaN": ("training.dropout = { low = 0.1, high = nan }", r"has a high that is no number \(nan\)"),
    "endless": ("training.dropout = { low = 0.1, high = inf }", r"has a high that is no number \(inf\)"),
    "huge": (f"training.dropout = {{ low = 0.1, high = 1{'0' * 400} }}", "has a high that is no number"),
    "true": ("training.dropout = { low = true, high = 1 }", r"has a low that is no number \(True\)"),
    "log of 0": ("training.dropout = { low = 0, high = 1, log = true }", r"has log, and a low that is not above 0 \(0\)"),
    "log": ("training.dropout = { low = 1, high = 2, log = 'yes' }", "has a log that is neither true nor false"),
    "unknown setting": ("training.drop_out = { low = 0.1, high = 0.4 }", "training.drop_out: is not a setting of the config"),
    "unknown part": ("components.nre.loss_weight = { low = 1, high = 4 }", "components.nre.loss_weight: is not a setting"),
    "within a number": ("training.dropout.rate = { low = 1, high = 4 }", "training.dropout.rate: is not a setting"),
    "section": ("training.batcher = { low = 1, high = 4 }", "training.batcher: is a section of the config; name one"),
    "null": ("training.before_update = { low = 1, high = 4 }", "before_update: is None in the config: no number or word"),
    "list": ("training.frozen_components = { choices = ['ner'] }", r"frozen_components: is \[\] in the config: no number"),
    "not whole": ("training.patience = { low = 0.5, high = 4 }", r"patience: is a whole number in the config \(600\)"),
    "no width": (
        "components.ner.model.hidden_width = { low = 0, high = 64 }",
        "hidden_width: is 128 in the config, and from 0",
    ),
    "choice of no width": (
        "components.ner.model.hidden_width = { choices = [0, 64] }",
        "hidden_width: is 128 in the config, and 0 here; give at least 1",
    ),
    "negative": ("training.dropout = { low = -0.1, high = 0.4 }", "dropout: is 0.2 in the config, and below 0 here"),
    "words": ("training.dropout = { choices = [0.1, 'high'] }", "dropout: is 0.2 in the config, and not always a number"),
    "bounds of a word": ("nlp.lang = { low = 1, high = 2 }", "nlp.lang: is 'en' in the config, and not a word here"),
    "numbers for a switch": (
        "training.optimizer.use_averages = { choices = [0, 1] }",
        "is True in the config, and not true or",
    ),
    "the judge": ("training.score_weights.ents_f = { low = 0.1, high = 1 }", "would change what the trials are judged by"),
    "luck": ("training.seed = { low = 1, high = 100 }", "training.seed: would change what the trials are judged by"),
}


@pytest.mark.parametrize(("text", "finding"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_line_with_file_and_remedy(text: str, finding: str, tmp_path: Path) -> None:
    path = toml(tmp_path, text)
    with pytest.raises(DataError, match=finding) as caught:
        fit_ranges(read_ranges(path), BLANK, {}, str(path))
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "; " in message and "\n" not in message


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nope.toml: cannot be read \(No such file"):
        read_ranges(tmp_path / "nope.toml")


def test_what_is_given_or_left_out_is_not_searched_and_said() -> None:
    config = BLANK.copy()
    del config["components"]["stance"]
    ranges = {name: Between(0.5, 2.0) for name in ("training.dropout", "components.ner.loss_weight")}
    ranges |= {"components.stance.threshold": Between(0.1, 0.9), "training.batcher.size": OneOf((100, 200))}
    given = {"training.dropout": 0.3, "training.batcher": {"@batchers": "spacy.batch_by_sequence.v1", "size": 4}}
    space, lines = fit_ranges(ranges, config, given, "here")
    assert space == Space({"components.ner.loss_weight": Between(0.5, 2.0)}, {"components.ner.loss_weight": 1.0})
    assert lines == [
        "training.dropout is given: it is not searched",
        "components.stance.threshold is not searched: no stances are annotated",
        "training.batcher.size is given: it is not searched",
    ]
    with pytest.raises(DataError, match="here: leaves nothing to search"):
        fit_ranges({"training.dropout": Between(0.1, 0.4)}, BLANK, given, "here")


def test_numbers_are_of_the_kind_that_the_config_has() -> None:
    ranges = {
        "components.ner.loss_weight": OneOf((1, 2)),
        "training.dropout": Between(0, 1),
        "training.patience": Between(1, 9),
    }
    space, _ = fit_ranges(ranges, BLANK, {}, "here")
    plain = space.to_json()
    assert [type(v) for v in plain["components.ner.loss_weight"]["choices"]] == [float, float]
    assert type(plain["training.dropout"]["low"]) is float and type(plain["training.patience"]["low"]) is int


def test_drawn_numbers_are_short_and_stay_within() -> None:
    assert Between(0.1, 0.4).rounded(0.123456) == 0.123
    assert Between(0.12345, 0.4).rounded(0.12346) == 0.12345
    assert Between(0.1, 0.39999).rounded(0.39999) == 0.39999
    assert Between(1, 5000).rounded(1234) == 1234


def test_short_names_tell_settings_apart() -> None:
    names = ["components.ner.loss_weight", "components.triggers.loss_weight", "training.dropout", "dropout", "x.weight"]
    assert short_names(names) == ["ner.loss_weight", "triggers.loss_weight", "training.dropout", "dropout", "weight"]


def drawn(n: int, score: Callable[[dict[str, Scalar]], float], *, seed: int = 0) -> list[dict[str, Scalar]]:
    """So many draws, each learnt from, of a rate, a width and a word."""
    ranges = {"rate": Between(0.0001, 1.0, log=True), "width": Between(1, 9), "word": OneOf(("a", "b", "c"))}
    draws = Draws(Space(ranges, {"rate": 0.001, "width": 5, "word": "a"}), seed)
    draws.learn_own(score({"rate": 0.001, "width": 5, "word": "a"}))
    made = []
    for _ in range(n):
        made.append(draws.draw())
        draws.learn(score(made[-1]))
    return made


def test_draws_stay_within_and_are_the_same_for_a_seed() -> None:
    made = drawn(20, lambda own: 0.0)
    assert all(0.0001 <= own["rate"] <= 1 and own["width"] in range(1, 10) and own["word"] in "abc" for own in made)
    assert 4 < sum(own["rate"] < 0.01 for own in made) < 16  # half of the factors, a hundredth of the numbers
    assert made == drawn(20, lambda own: 0.0) != drawn(20, lambda own: 0.0, seed=1)


def test_draws_get_better_by_what_they_learn() -> None:
    def score(own: dict[str, Scalar]) -> float:
        return float(own["word"] == "b") - abs(own["width"] - 7) / 8

    scores = [score(own) for own in drawn(40, score)]
    assert sum(scores[:N_RANDOM]) / N_RANDOM + 0.4 < sum(scores[-10:]) / 10
