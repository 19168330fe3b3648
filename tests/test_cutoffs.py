"""What scores too little is left out, nothing is left dangling, and what stays is as right as was promised."""

import subprocess
import sys
from math import inf
from pathlib import Path

import pytest
from conftest import TEXT, gold_annotation
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from test_components import articles, train_small

from annotate.errors import DataError
from annotate.integrity import integrity_faults
from annotate.records import Annotation, Argument, Article, Event, Mention, Stance, read_records, write_records
from annotate.schema import read_schema
from apply.cutoffs import Cutoffs, cutoffs_of, left_in, remarks
from apply.predict import predict_scanned
from training.pipeline import load_model
from training.thresholds import give_scores_meaning

SCORE = st.one_of(st.none(), st.floats(0, 1))
LABEL = st.sampled_from(["A", "B"])
LAYER = st.sampled_from(["mentions", "events", "arguments", "stances"])
KEYS = st.tuples(LAYER, LABEL)
LIMIT = st.one_of(st.floats(0, 1), st.just(inf))


@st.composite
def annotations(draw: st.DrawFn) -> Annotation:
    def mark(kind: type[Mention] | type[Event], prefix: str, i: int, **more: object) -> Mention | Event:
        return kind(id=f"{prefix}{i}", start=i, end=i + 1, label=draw(LABEL), score=draw(SCORE), **more)

    mentions = [mark(Mention, "m", i) for i in range(draw(st.integers(1, 4)))]
    names = [m.id for m in mentions]
    events = []
    for i in range(draw(st.integers(0, 3))):
        fillers = draw(st.lists(st.sampled_from(names), unique=True))
        arguments = tuple(Argument(role=draw(LABEL), mention=filler, score=draw(SCORE)) for filler in fillers)
        events.append(mark(Event, "e", i, arguments=arguments))
    ends = st.tuples(st.sampled_from([None, *names]), st.sampled_from([*names, *(e.id for e in events)]))
    pairs = draw(st.lists(ends, unique=True, max_size=4))
    stances = tuple(Stance(holder=h, target=t, label=draw(LABEL), score=draw(SCORE)) for h, t in pairs if h != t)
    return Annotation(annotator="model:x@1", mentions=tuple(mentions), events=tuple(events), stances=stances)


@settings(deadline=None)
@given(annotations(), st.builds(Cutoffs, st.floats(0, 1), st.dictionaries(KEYS, LIMIT), st.dictionaries(LAYER, LIMIT)))
def test_nothing_dangles_and_only_what_scores_too_little_goes(annotation: Annotation, cutoffs: Cutoffs) -> None:
    left = left_in(annotation, cutoffs)
    assert [f for f in integrity_faults(Article(id="a", text=TEXT, annotations=(left,))) if not f.is_warning] == []
    for layer in ("mentions", "events", "stances"):
        assert all(cutoffs.keep(layer, item.label, item.score) for item in getattr(left, layer))
    assert set(left.mentions) == {m for m in annotation.mentions if cutoffs.keep("mentions", m.label, m.score)}
    ids = {item.id for item in (*left.mentions, *left.events)}
    assert {e.id for e in left.events} == {e.id for e in annotation.events if cutoffs.keep("events", e.label, e.score)}
    for event in left.events:
        before = next(e for e in annotation.events if e.id == event.id)
        wanted = (a for a in before.arguments if a.mention in ids and cutoffs.keep("arguments", a.role, a.score))
        assert event.arguments == tuple(wanted)
    assert set(left.stances) == {
        s
        for s in annotation.stances
        if s.target in ids and (s.holder is None or s.holder in ids) and cutoffs.keep("stances", s.label, s.score)
    }


def test_an_absent_layer_stays_absent_and_an_item_without_score_stays() -> None:
    gold = gold_annotation()
    assert left_in(gold, Cutoffs(1.0)) == gold
    absent = Annotation(annotator="gold", mentions=gold.mentions)
    assert left_in(absent, Cutoffs(1.0)) == absent


def test_a_label_has_its_own_limit_or_that_of_the_rest_and_never_below_the_least() -> None:
    cutoffs = Cutoffs(0.3, {("mentions", "GPE"): 0.2, ("mentions", "ORG"): inf}, {"mentions": 0.6})
    assert cutoffs.keep("mentions", "GPE", 0.3) and not cutoffs.keep("mentions", "GPE", 0.29)
    assert cutoffs.keep("mentions", "LAW", 0.6) and not cutoffs.keep("mentions", "LAW", 0.59)
    assert not cutoffs.keep("mentions", "ORG", 1.0) and not cutoffs.keep("mentions", "ORG", None)
    assert cutoffs.keep("events", "AID", 0.3)


def dev() -> list[Article]:
    """Every article twice; the second time nobody sees the visits, so that half of those found are wrong."""
    again = []
    for article in articles():
        (own,) = article.annotations
        events = tuple(e for e in own.events or () if e.label != "CONSULT")
        again.append(
            article.model_copy(update={"id": f"{article.id}-2", "annotations": (own.model_copy(update={"events": events}),)})
        )
    return [*articles(), *again]


@pytest.fixture(scope="module")
def nlp(tmp_path_factory: pytest.TempPathFactory) -> Language:
    """Half learnt, calibrated and with cut-offs, from disk."""
    folder = tmp_path_factory.mktemp("small")
    trained = train_small(folder, articles(), 12)
    give_scores_meaning(trained, dev())
    trained.meta["copydesk"] = {"schema": read_schema().model_dump(mode="json")}
    trained.to_disk(folder / "model")
    return load_model(folder / "model")


def found_by(nlp: Language, cutoffs: Cutoffs | None) -> list[Annotation]:
    bare = [("here", a.model_copy(update={"annotations": ()})) for a in articles()]
    return [p.article.annotations[0] for p in predict_scanned(nlp, bare, cutoffs=cutoffs) if p.article is not None]


def labels_in(found: list[Annotation]) -> set[str]:
    return {event.label for annotation in found for event in annotation.events or ()}


def test_labels_whose_precision_dev_cannot_promise_are_left_out(nlp: Language) -> None:
    assert labels_in(found_by(nlp, None)) == {"ACCUSE", "CONSULT", "SUPPORT"}
    assert labels_in(found_by(nlp, cutoffs_of(nlp, precision=0.4))) == {"ACCUSE", "CONSULT", "SUPPORT"}
    assert labels_in(found_by(nlp, cutoffs_of(nlp, precision=0.9))) == {"ACCUSE", "SUPPORT"}
    assert labels_in(found_by(nlp, cutoffs_of(nlp, precision=1.0))) == set()


def test_min_score_leaves_what_scores_at_least_that(nlp: Language) -> None:
    scores = sorted(event.score or 0 for annotation in found_by(nlp, None) for event in annotation.events or ())
    middle = scores[len(scores) // 2]
    assert scores[0] < middle
    for left, whole in zip(found_by(nlp, cutoffs_of(nlp, min_score=middle)), found_by(nlp, None), strict=True):
        assert left.events is not None and whole.events is not None
        assert [e.id for e in left.events] == [e.id for e in whole.events if (e.score or 0) >= middle]
        # an argument is never surer than its event and its mention, so its own score decides
        before = {(e.id, a.mention) for e in whole.events for a in e.arguments if (a.score or 0) >= middle}
        assert {(e.id, a.mention) for e in left.events for a in e.arguments} == before


def test_a_model_says_what_its_cutoffs_are_worth(nlp: Language) -> None:
    cutoffs = cutoffs_of(nlp, precision=0.9)
    assert cutoffs is not None
    said = list(remarks(nlp, cutoffs))
    assert said == ["left out, as dev cannot promise that precision: events CONSULT; arguments ACTOR, RECIPIENT"]
    assert list(remarks(nlp, cutoffs_of(nlp, min_score=0.5) or Cutoffs())) == []
    assert cutoffs_of(nlp) is None
    assert list(remarks(nlp, None)) == []


def test_labels_that_share_a_cutoff_and_scores_that_are_not_calibrated_are_said(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "model")
    changed = load_model(tmp_path / "model")
    changed.get_pipe("triggers").cfg["calibration"] = None
    changed.get_pipe("stance").cfg["cutoffs"] = {"labels": {}, "rest": [[0.95, 0.5]]}
    assert list(remarks(changed, cutoffs_of(changed, precision=0.4))) == [
        "scores not calibrated on dev, so no probabilities: events",
        "found too rarely on dev for a cut-off of their own, so by one for all such: stances AGAINST, FAVOR",
    ]


def test_a_model_without_cutoffs_has_no_precision_to_promise(tmp_path: Path) -> None:
    bare = train_small(tmp_path, articles(), 1)
    with pytest.raises(DataError, match="has no cut-offs for a precision; train it again with dev articles"):
        cutoffs_of(bare, precision=0.9)


def test_the_command_leaves_out_what_scores_too_little(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "model")
    write_records(tmp_path / "in.jsonl", [a.model_copy(update={"annotations": ()}) for a in articles()])

    def run(*options: str) -> tuple[list[str], set[str]]:
        command = [sys.executable, "-m", "copydesk", "apply", "model", "in.jsonl", "--out", "out", "--force", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        out = [a.annotations[0] for a in read_records(tmp_path / "out" / "records.jsonl")]
        return done.stderr.splitlines(), labels_in(out)

    assert run()[1] == {"ACCUSE", "CONSULT", "SUPPORT"}
    said, labels = run("--precision", "0.9")
    assert said[0] == "left out, as dev cannot promise that precision: events CONSULT; arguments ACTOR, RECIPIENT"
    assert labels == {"ACCUSE", "SUPPORT"}
    assert run("--min-score", "1")[1] == set()
