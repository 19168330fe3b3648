"""Scores are probabilities: monotone, within 0 and 1, learnt from few items without harm, measured as by hand."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from conftest import gold_annotation
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from test_components import articles, examples_of, plain, train_small
from test_train import corpus, run

from annotate.records import Annotation, Article
from annotate.schema import Schema
from training import components
from training.calibration import (
    before_after,
    calibrate,
    calibrated,
    fit,
    fit_line,
    held_out,
    judge_model,
    lines,
    reliability,
    remarks,
    settings_of,
    uncalibrated,
)
from training.components.confidence import confidence, logit
from training.convert import from_doc, to_doc
from training.evaluate import evaluate
from training.judged import Judged, judge
from training.pipeline import load_model
from training.report import to_text

CHANCES = st.floats(0, 1)
LINES = st.builds(lambda slope, offset: {"slope": slope, "offset": offset}, st.floats(0.05, 20), st.floats(-20, 20))


@pytest.fixture(scope="module")
def nlp(tmp_path_factory: pytest.TempPathFactory) -> Language:
    return train_small(tmp_path_factory.mktemp("small"), articles(), 25)  # half learnt: sure of little


@pytest.fixture(scope="module")
def calibrated_nlp(nlp: Language, tmp_path_factory: pytest.TempPathFactory) -> Language:
    """A copy of it, calibrated on what it learnt, loaded from disk."""
    path = tmp_path_factory.mktemp("model") / "model"
    nlp.to_disk(path)
    copy = load_model(path)
    calibrate(copy, judge_model(copy, articles()))
    copy.to_disk(path)
    return load_model(path)


def items(scores: Sequence[float], rights: Sequence[bool], layer: str = "mentions") -> list[Judged]:
    return [Judged(layer, "GPE", s, (), r, f"s{i % 7}") for i, (s, r) in enumerate(zip(scores, rights, strict=True))]


@settings(deadline=None)
@given(CHANCES, CHANCES, LINES, st.lists(CHANCES, max_size=2))
def test_a_calibrated_score_rises_with_the_networks_and_stays_within_0_and_1(
    first: float, second: float, line: dict[str, float], ends: list[float]
) -> None:
    low, high = (confidence(own, line, *ends) for own in sorted((first, second)))
    assert 0.0 <= low <= high <= min([1.0, *(round(end, 4) for end in ends)])


@settings(deadline=None)
@given(CHANCES, CHANCES, CHANCES, LINES)
def test_it_rises_with_what_the_item_joins(own: float, first: float, second: float, line: dict[str, float]) -> None:
    low, high = (confidence(own, line, end) for end in sorted((first, second)))
    assert low <= high


@settings(deadline=None)
@given(CHANCES)
def test_without_a_calibration_it_is_the_networks(own: float) -> None:
    assert confidence(own, None, 0.1) == round(own, 4)


@settings(deadline=None)
@given(st.lists(st.tuples(CHANCES, st.booleans()), min_size=1, max_size=60))
def test_whatever_is_learnt_keeps_the_order(found: list[tuple[float, bool]]) -> None:
    slope, offset = fit_line([logit(s) for s, _ in found], [r for _, r in found])
    assert slope >= 0.05
    assert abs(offset) < 50


def test_many_items_decide_alone_and_none_changes_nothing() -> None:
    random = Random(0)
    own = [random.random() for _ in range(20_000)]
    rights = [random.random() < confidence(p, {"slope": 0.5, "offset": -1.0}) for p in own]
    assert fit_line([logit(p) for p in own], rights) == pytest.approx((0.5, -1.0), abs=0.05)
    assert fit_line([], []) == (1.0, 0.0)


def test_one_item_changes_little() -> None:
    line = dict(zip(("slope", "offset"), fit_line([logit(0.9)], [False]), strict=True))
    assert 0.4 < confidence(0.9, line) < 0.9


def test_scores_that_mislead_become_the_share_that_is_right() -> None:
    fitted = fit(items([0.2, 0.9] * 100, [True, False] * 100))["mentions"]
    assert fitted["slope"] == 0.05
    assert confidence(0.5, fitted) == pytest.approx(0.5, abs=0.05)


def test_an_argument_is_never_surer_than_its_event_and_its_mention() -> None:
    pair = Judged("arguments", "ACTOR", 0.99, (("mentions", 0.9), ("events", 0.6)), True)
    fitted = fit([*items([0.6] * 40, [True, False] * 20, "events"), pair])
    event = calibrated(Judged("events", "ACCUSE", 0.6, (), True), fitted)
    assert calibrated(pair, fitted) <= event < 0.6


def test_the_expected_calibration_error_is_that_of_a_hand_count() -> None:
    found = reliability([0.95, 0.91, 0.55, 0.51, 0.5, 1.0], [True, False, True, False, False, True])
    # 0.9 to 1: three with mean 0.9533, two right; 0.5 to 0.6: three with mean 0.52, one right
    assert found.error == pytest.approx(0.5 * abs(2.86 / 3 - 2 / 3) + 0.5 * abs(0.52 - 1 / 3))
    assert [(b.low, b.high, b.n) for b in found.bins] == [(0.5, 0.6, 3), (0.9, 1.0, 3)]
    assert found.to_json()["n"] == 6
    assert reliability([], []).error == 0.0


@settings(deadline=None)
@given(st.lists(st.tuples(CHANCES, st.booleans()), max_size=40))
def test_the_error_lies_within_0_and_1_and_the_bins_hold_all(found: list[tuple[float, bool]]) -> None:
    measured = reliability([s for s, _ in found], [r for _, r in found])
    assert measured.n_items == len(found)
    assert 0.0 <= measured.error <= 1.0


def test_judge_counts_as_evaluation_does() -> None:
    gold = gold_annotation()
    scored = {
        "mentions": tuple(m.model_copy(update={"score": 0.5}) for m in gold.mentions or ()),
        "events": tuple(
            e.model_copy(
                update={
                    "score": 0.5,
                    "attribute_scores": {"modality": 0.5},
                    "label": "ACCUSE",
                    "arguments": tuple(a.model_copy(update={"score": 0.5}) for a in e.arguments),
                }
            )
            for e in gold.events or ()
        ),
        "stances": tuple(s.model_copy(update={"score": 0.5, "label": "FAVOR"}) for s in gold.stances or ()),
    }
    judged = list(judge(gold, gold.model_copy(update=scored), "s"))
    assert [(i.layer, i.label, i.is_right) for i in judged] == [
        *(("mentions", label, True) for label in ("GPE", "GPE", "DATE")),
        ("events", "ACCUSE", True),
        ("arguments", "ACTOR", True),
        ("arguments", "RECIPIENT", True),
        ("attributes", "modality=ASSERTED", True),
        ("events", "ACCUSE", False),
        ("arguments", "DATE", False),
        ("stances", "FAVOR", False),
    ]
    assert next(i.ends for i in judged if i.layer == "arguments") == (("mentions", 0.5), ("events", 0.5))
    assert list(judge(gold, gold)) == []  # nothing has a score
    absent = Annotation(annotator="gold", mentions=gold.mentions)
    assert {i.layer for i in judge(absent, gold.model_copy(update=scored))} == {"mentions"}
    bare = gold.model_copy(update=scored | {"mentions": None, "events": scored["events"][:1], "stances": ()})
    assert {i.layer for i in judge(gold, bare)} == {"events", "attributes"}


def test_calibration_changes_scores_and_nothing_else(nlp: Language, calibrated_nlp: Language) -> None:
    def bare(doc: object) -> object:
        return json.loads(re.sub(r'"(score|m\d+|e\d+)": [\d.]+', r'"\1": 0', json.dumps(doc)))

    changed = 0
    for article in articles():
        before, after = plain(nlp(article.text)), plain(calibrated_nlp(article.text))
        assert bare(after) == bare(before)
        changed += after != before
    assert changed > 0
    with uncalibrated(calibrated_nlp) as is_calibrated:
        assert is_calibrated
        assert all(plain(calibrated_nlp(a.text)) == plain(nlp(a.text)) for a in articles())
    with uncalibrated(nlp) as is_calibrated:
        assert not is_calibrated


def test_calibration_lessens_the_error_and_what_the_model_gives_is_what_was_learnt(
    nlp: Language, calibrated_nlp: Language
) -> None:
    own, given = judge_model(nlp, articles()), judge_model(calibrated_nlp, articles())
    fitted = fit(own)
    assert [i.score for i in given] == pytest.approx([calibrated(i, fitted) for i in own], abs=2e-4)
    found = before_after(own, given)
    assert {"mentions", "events", "attributes", "arguments", "stances"} >= set(found) >= {"mentions", "events"}
    for layer, both in found.items():
        assert both.after.error <= both.before.error + 0.02, layer


def test_evaluate_measures_before_and_after(calibrated_nlp: Language) -> None:
    scores = evaluate(calibrated_nlp, articles())
    found = scores.to_json()["calibration"]
    assert set(found) == set(scores.calibration)
    assert found["mentions"]["n"] == scores.results["mentions"].counts.tp + scores.results["mentions"].counts.fp
    assert any(own["ece"] != own["before"]["ece"] for own in found.values())  # of entities this model is as sure as can be
    assert json.loads(json.dumps(found, allow_nan=False)) == json.loads(json.dumps(found))
    assert [line.split()[0] for line in lines(scores.calibration)] == ["calibration", *found]
    assert "\n".join(lines(scores.calibration)) in to_text(scores)


def test_attribute_scores_go_to_the_record_and_back(nlp: Language) -> None:
    (eg, *_) = examples_of(nlp, articles())
    article = from_doc(nlp(eg.reference.text), Article(id="a", text=eg.reference.text), annotator="gold")
    (event,) = article.annotations[0].events or ()
    assert set(event.attribute_scores or {}) == {"modality"}
    again = from_doc(to_doc(article, article.annotations[0], nlp)[0], article, annotator="gold")
    assert again.annotations[-1].events == (event,)


def test_remarks_name_what_is_too_few_and_the_error_on_other_stories() -> None:
    mentions = items([0.9] * 100, [True, False] * 50)
    said = list(remarks([*mentions, *items([0.8] * 3, [True] * 3, "stances")]))
    assert said[0].startswith("expected calibration error on dev stories left out: mentions 0.400 to 0.0")
    assert said[1].startswith("few found on dev (stances 3): ")
    assert held_out(items([0.5], [True])) == {}
    assert list(remarks([])) == []


def test_a_calibrated_model_needs_its_components_alone(calibrated_nlp: Language, tmp_path: Path) -> None:
    calibrated_nlp.to_disk(tmp_path / "model")
    shutil.copytree(Path(components.__file__).parent, tmp_path / "parts")
    text = articles()[0].text
    code = (
        "import json, sys, parts, spacy\n"
        f"doc = spacy.load('model')({text!r})\n"
        "assert not {'training', 'annotate', 'copydesk'} & set(sys.modules)\n"
        "print(json.dumps([doc.spans[key].attrs for key in ('mentions', 'events', 'stances')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    doc = calibrated_nlp(text)
    assert json.loads(done.stdout) == [doc.spans[key].attrs for key in ("mentions", "events", "stances")]


def test_training_calibrates_on_dev_and_says_how_well(tmp_path: Path, schema: Schema) -> None:
    said = run(corpus(), tmp_path / "model", schema)
    cfgs = {layer: cfg for layer, cfg in settings_of(load_model(tmp_path / "model"))}
    assert set(cfgs) == {"mentions", "events", "attributes", "arguments", "stances"}
    assert all(set(cfg["calibration"]) == {"slope", "offset"} for cfg in cfgs.values())
    assert all(set(cfg["cutoffs"]) == {"labels", "rest"} for layer, cfg in cfgs.items() if layer != "attributes")
    assert any("found on dev" in line for line in said)
