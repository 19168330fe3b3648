"""What makes a training doubtful is said before it, in one line each."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import TEXT, event, gold_article
from test_train import run

from annotate.records import Annotation, Article
from annotate.schema import Schema
from annotate.scores import MIN_STORIES
from training.corpus import FEW, TOO_WIDE, doubts, shown_by, shown_by_layer
from training.split import Split


def articles(n: int, prefix: str = "t", **layers: object) -> list[Article]:
    """The example article as told by `n` stories, each with another text, and with these layers instead of its own."""
    made = []
    for i in range(n):
        article = gold_article(f"{prefix}{i}", story=f"{prefix}{i}")
        annotation = article.annotations[0].model_copy(update=layers)
        own = " ".join(f"{prefix}{i}word{k}" for k in range(60))
        made.append(article.model_copy(update={"annotations": (annotation,), "text": f"{TEXT} {own}"}))
    return made


def said(train: Sequence[Article], dev: Sequence[Article] = (), schema: Schema | None = None) -> list[str]:
    """The lines, but for those about sentences that the parts share."""
    split = Split({"train": list(train), "dev": list(dev), "test": []}, [])
    return [line for line in doubts(split, schema=schema) if "nearly as in train" not in line]


def about(lines: Sequence[str], start: str) -> str:
    """The one line that begins so."""
    found = [line for line in lines if line.startswith(start)]
    assert len(found) == 1, lines
    return found[0]


@pytest.mark.parametrize(("n", "is_told"), [(FEW - 1, True), (FEW, False)])
def test_labels_with_few_examples_are_told_with_their_numbers(n: int, is_told: bool) -> None:
    lines = [line for line in said(articles(n)) if line.startswith("labels with fewer than 10 examples in train")]
    assert lines == (
        [
            "labels with fewer than 10 examples in train (ACCUSE 9, AGAINST 9, CONSULT 9, DATE 9, modality=ASSERTED 9,"
            " modality=PLANNED 9, role ACTOR 9, role DATE 9 and 1 more): they will hardly be learnt"
        ]
        if is_told
        else []
    )


def test_an_entity_label_and_a_role_of_one_name_are_two_labels() -> None:
    """DATE: the mention stays, the argument goes."""
    no_arguments = articles(FEW, events=(event("e2", "talks", "CONSULT", modality="PLANNED"),))
    line = about(said(no_arguments, articles(1, "d")), "labels that train lacks but dev or test has")
    assert "role DATE" in line and "(DATE" not in line and ", DATE" not in line


def test_shared_stories_are_named() -> None:
    twin = articles(1)[0].model_copy(update={"id": "twin"})
    assert "stories in train and in dev (t0): scores on dev flatter" in said(articles(1), [twin])


def test_labels_that_only_dev_has_are_named() -> None:
    bare = articles(FEW, events=(), stances=())
    line = about(said(bare, articles(1, "d")), "labels that train lacks but dev or test has")
    assert line.startswith("labels that train lacks but dev or test has (ACCUSE, AGAINST, CONSULT, modality=ASSERTED")
    assert line.endswith("they cannot be learnt")


def test_labels_of_the_scheme_that_nobody_used_are_named_once(schema: Schema) -> None:
    lines = said(articles(FEW), articles(1, "d"), schema)
    line = about(lines, "labels of the scheme without an example in train")
    assert line.startswith("labels of the scheme without an example in train (PERSON, NORP, ORG, LOC, FAC and ")
    assert "GPE" not in line
    assert not [line for line in lines if line.startswith("labels that train lacks")]


def test_an_absent_layer_is_one_line_and_its_labels_are_none(schema: Schema) -> None:
    lines = said(articles(FEW, events=None, stances=None), schema=schema)
    assert "nobody annotated events or stances in train: the model will not predict them" in lines
    line = about(lines, "labels of the scheme without an example in train")
    assert line == (
        "labels of the scheme without an example in train (PERSON, NORP, ORG, LOC, FAC and 2 more): they cannot be learnt"
    )


def test_a_role_never_seen_with_a_type_that_the_scheme_allows_is_grouped(schema: Schema) -> None:
    """ACCUSE has an actor and a recipient, CONSULT a date; LOCATION is never seen at all, so it is no pair."""
    lines = said(articles(FEW), schema=schema)
    assert about(lines, "roles that train never shows") == (
        "roles that train never shows with a type (ACTOR with CONSULT; RECIPIENT with CONSULT; DATE with ACCUSE):"
        " they will not be found there"
    )


def test_a_role_is_only_missed_where_the_scheme_allows_it(schema: Schema) -> None:
    roles = {name: role.model_copy(update={"events": ["ACCUSE"]}) for name, role in schema.roles.items()}
    roles["DATE"] = roles["DATE"].model_copy(update={"events": ["CONSULT"]})
    lines = said(articles(FEW), schema=schema.model_copy(update={"roles": roles}))
    assert not [line for line in lines if line.startswith("roles that train never shows")]


def test_hundreds_of_pairs_stay_one_short_line(schema: Schema) -> None:
    """40 types and 30 roles, each role seen with one type alone."""
    types = {f"TYPE{i}": "A type." for i in range(40)}
    roles = {f"ROLE{i}": schema.roles["ACTOR"] for i in range(30)}
    wide = schema.model_copy(update={"events": types, "roles": roles})
    events = [event(f"e{i}", "talks", f"TYPE{i}", **({f"ROLE{i}": "m1"} if i < 30 else {})) for i in range(40)]
    lines = said(articles(FEW, events=tuple(events)), schema=wide)
    line = about(lines, "roles that train never shows")
    assert "ROLE0 with TYPE1, TYPE2, TYPE3 and 36 more; " in line and "; 27 more roles)" in line
    assert len(line) < 250


def test_a_small_dev_set_is_told_with_the_width_that_it_shows() -> None:
    line = about(said(articles(FEW), articles(4, "d")), "dev has")
    assert line.startswith("dev has 4 stories, too few for any interval (from 10 on there is one): two models look alike on it")
    assert f"{shown_by(8, 4):.2f} (triggers)" in line and f"{shown_by(4, 4):.2f} (stances)" in line


def test_a_dev_set_that_is_large_enough_is_no_doubt() -> None:
    assert shown_by(2000, 200) < TOO_WIDE < shown_by(200, 200)
    events = tuple(event(f"e{i}", "talks", "CONSULT") for i in range(100))
    lines = said(articles(FEW), articles(20, "d", mentions=None, events=events, stances=None))
    assert not [line for line in lines if line.startswith("dev has")]


@pytest.mark.parametrize(("n_items", "n_stories"), [(1, 1), (5, 1), (1, 2), (3, 40)])
def test_the_width_is_a_difference_of_two_f1(n_items: int, n_stories: int) -> None:
    assert 0 < shown_by(n_items, n_stories) <= 1


def test_the_width_shrinks_with_items_and_with_stories() -> None:
    assert shown_by(400, 20) == pytest.approx(shown_by(100, 20) / 2)
    assert shown_by(100, 40) < shown_by(100, 20) < shown_by(100, MIN_STORIES)


@pytest.mark.parametrize(
    ("lacking", "chosen"),
    [(["stances"], "by what else it has"), (["mentions", "events", "stances"], "by nothing: the last one is kept")],
)
def test_layers_that_dev_lacks_are_told(lacking: list[str], chosen: str) -> None:
    line = about(said(articles(1), articles(1, "d", **dict.fromkeys(lacking))), "layers that train has")
    assert line == f"layers that train has and nobody annotated in dev ({', '.join(lacking)}): the best step is chosen {chosen}"


def test_what_dev_has_and_train_has_not_is_no_width_of_it() -> None:
    lines = said(articles(1, mentions=None, stances=None), articles(MIN_STORIES, "d"))
    assert "(triggers)" in about(lines, "dev has") and "mentions" not in about(lines, "dev has")


def test_no_dev_is_told_as_before() -> None:
    lines = said([articles(1)[0], articles(1, "u")[0]])
    assert about(lines, "no dev articles").endswith("whose scores flatter")
    assert not [line for line in lines if line.startswith("dev has")]


def test_unannotated_articles_are_counted() -> None:
    bare = articles(1)[0].model_copy(update={"annotations": (Annotation(annotator="gold"),)})
    split = Split({"train": articles(2), "dev": [], "test": []}, [bare])
    assert next(doubts(split)) == "1 article without annotation: left out"


def test_training_says_what_of_the_scheme_it_never_sees(tmp_path: Path, schema: Schema) -> None:
    lines = run(articles(3), tmp_path / "model", schema)
    about(lines, "labels of the scheme without an example in train")
    about(lines, "roles that train never shows with a type")
    about(lines, "labels with fewer than 10 examples in train")
    about(lines, "dev has 1 story, too few for any interval")


def test_what_a_part_can_show_is_told_of_each_layer_that_it_has() -> None:
    n = MIN_STORIES + 2
    shown = {"mentions": shown_by(3 * n, n), "triggers": shown_by(2 * n, n), "arguments": shown_by(3 * n, n)}
    assert shown_by_layer(articles(n, stances=None)) == shown
    assert shown_by_layer([]) == {}
