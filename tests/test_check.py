"""`check` finds every fault of a file, with line, article and remedy."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import gold_annotation, gold_article, mention

from annotate.check import check_article, check_file, sound_articles
from annotate.errors import RecordError
from annotate.records import Annotation, Argument, Article, Event, Fault, Mention, Stance, to_line
from annotate.schema import Schema


def marked(text: str, start: int, end: int, label: str = "GPE") -> Article:
    mentions = (Mention(id="m1", start=start, end=end, label=label),)
    return Article(id="a", text=text, annotations=(Annotation(annotator="gold", mentions=mentions),))


def changed(**layers: object) -> Article:
    annotation = gold_annotation().model_copy(update=layers)
    return gold_article("a").model_copy(update={"annotations": (annotation,)})


def accusation(**fields: object) -> Event:
    return gold_annotation().events[0].model_copy(update=fields)  # type: ignore[index]


def test_a_sound_article_has_no_fault(article: Article, schema: Schema) -> None:
    assert list(check_article(article, schema)) == []


@pytest.mark.parametrize(
    ("article", "finding", "remedy"),
    [
        (
            changed(mentions=(*gold_annotation().mentions, mention("m9", "Paris", "CITY"))),  # type: ignore[misc]
            "mention 'm9' has the unknown label CITY",
            "the scheme's entity labels: PERSON, NORP, ORG",
        ),
        (changed(events=(accusation(label="BLAME"),)), "event 'e1' has the unknown type BLAME", "event types: AGREE"),
        (
            changed(events=(accusation(arguments=(Argument(role="VICTIM", mention="m1"),)),)),
            "event 'e1' has the unknown role VICTIM",
            "the scheme's roles: ACTOR, RECIPIENT, LOCATION, DATE",
        ),
        (
            changed(events=(accusation(arguments=(Argument(role="DATE", mention="m1"),)),)),
            "event 'e1' has as DATE the GPE 'm1'",
            "DATE is filled by DATE",
        ),
        (changed(events=(accusation(attributes={"tense": "PAST"}),)), "unknown attribute tense", "attributes: modality"),
        (changed(events=(accusation(attributes={"modality": "MAYBE"}),)), "unknown modality MAYBE", "values: ASSERTED"),
        (
            changed(stances=(Stance(holder="m3", target="m1", label="FAVOR"),)),
            "stance m3 -> m1 has a DATE as holder",
            "holders are PERSON, NORP, ORG, GPE",
        ),
        (
            changed(stances=(Stance(holder=None, target="m3", label="FAVOR"),)),
            "stance the article -> m3 has a DATE as target",
            "targets are events and PERSON",
        ),
        (changed(stances=(Stance(holder="m1", target="m2", label="LIKES"),)), "the unknown label LIKES", "FAVOR, AGAINST"),
        (marked("in Oslo today", 2, 7), "mention 'm1' has white space at its edge (' Oslo')", "mark the words alone"),
        (marked("in\u00a0Oslo", 2, 7), "mention 'm1' has white space at its edge", "mark the words alone"),
    ],
)
def test_marks_against_the_scheme_are_faults(article: Article, finding: str, remedy: str, schema: Schema) -> None:
    (fault,) = check_article(article, schema)
    assert finding in fault.finding
    assert remedy in fault.remedy
    assert not fault.is_warning


def test_stances_without_a_mentions_layer_point_to_nothing(schema: Schema) -> None:
    own = gold_annotation().model_copy(update={"mentions": None, "events": ()})
    article = gold_article("a").model_copy(update={"annotations": (own,)})
    assert [fault.finding for fault in check_article(article, schema)] == [
        "stance m1 -> m2 has the holder 'm1', which is no mention",
        "stance m1 -> m2 has the target 'm2', which is no mention or event",
    ]


def test_a_role_kept_to_some_events_is_a_fault_in_others(schema: Schema) -> None:
    roles = schema.roles | {"ACTOR": schema.roles["ACTOR"].model_copy(update={"events": ["AID", "CONSULT"]})}
    (fault,) = check_article(gold_article("a"), schema.model_copy(update={"roles": roles}))
    assert fault == Fault("event 'e1' (ACCUSE) has the role ACTOR", "only AID, CONSULT have it")


@pytest.mark.parametrize(
    ("article", "said"),
    [
        (marked("Norwegian", 0, 3), "mention 'm1' ('Nor') ends at 3, inside a word"),
        (marked("Norwegian", 3, 9), "mention 'm1' ('wegian') starts at 3, inside a word"),
        (marked("cafe\u0301 Oslo", 0, 4), "ends at 4, inside a character"),
        (marked("👩‍👩‍👧 Oslo", 0, 1), "ends at 1, inside a character"),
        (marked("a\r\nOslo", 2, 7), "white space"),
        (marked("हिन्दी में", 0, 1), "inside a character"),
    ],
    ids=["word end", "word start", "combining", "emoji", "crlf", "devanagari"],
)
def test_an_edge_inside_a_word_or_character_is_told(article: Article, said: str, schema: Schema) -> None:
    (fault,) = check_article(article, schema)
    assert said in fault.finding
    assert fault.is_warning == ("inside" in said)


@pytest.mark.parametrize(
    "article",
    [
        marked("Oslo’s", 0, 4),
        marked("Oslo's", 0, 4),
        marked("US-led", 0, 2),
        marked("在北京市长说", 1, 3),
        marked("東京タワーで", 0, 2),
        marked("ไปกรุงเทพมา", 2, 9),
        marked("(Oslo)", 1, 5),
        marked("🇳🇴Oslo", 2, 6),
    ],
    ids=["curly", "straight", "hyphen", "chinese", "japanese", "thai", "brackets", "flag"],
)
def test_an_edge_between_words_is_no_warning(article: Article, schema: Schema) -> None:
    assert list(check_article(article, schema)) == []


def test_whose_annotation_it_is_is_said_where_there_are_several(schema: Schema) -> None:
    wrong = gold_annotation("bob").model_copy(update={"stances": (Stance(holder="m1", target="m2", label="LIKES"),)})
    article = gold_article("a").model_copy(update={"annotations": (gold_annotation("ann"), wrong)})
    (fault,) = check_article(article, schema)
    assert fault.finding.endswith("(annotation by bob)")


def test_every_fault_of_a_file_is_found(schema: Schema, records_file: Callable[[str], Path]) -> None:
    good, bad = to_line(gold_article("a")), to_line(marked("in Oslo", 2, 99, "CITY")).replace('"a"', '"c"', 1)
    slips = '{"id": "d", "text": "x", "annotations": [{"annotator": "y", "mention": []}, {"events": []}]}\n'
    path = records_file(good + "not JSON\n" + bad + slips + good + '{"id": "e", "tex')
    found = [f"{place.removeprefix(str(path))}: {fault.finding}" for place, fault in check_file(path, schema)]
    assert [line.split(" (")[0] for line in found] == [
        ":2: is not JSON",
        ":3: article 'c': mention 'm1' ends at 99 but the text has 7 characters",
        ":3: article 'c': mention 'm1' has the unknown label CITY",
        ":4: article 'd': annotations.0: field 'mention' looks like a misspelt 'mentions'",
        ":4: article 'd': has no 'annotations.1.annotator'",
        f":5: article 'a': has the id of {path}:1",
        ":6: is cut off",
    ]


def test_sound_articles_stops_at_the_first_fault_but_not_at_a_warning(schema: Schema) -> None:
    warned, wrong = marked("Norwegian", 0, 3), marked("in Oslo", 2, 7)
    passed = sound_articles([warned, wrong], schema)
    assert next(passed) is warned
    with pytest.raises(RecordError, match="article 'a': mention 'm1' has white space at its edge"):
        next(passed)


def run_check(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "copydesk", "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_command_lists_faults_counts_them_and_exits_with_1(records_file: Callable[[str], Path]) -> None:
    path = records_file(to_line(gold_article("a")) + to_line(marked("in Oslo", 2, 7).model_copy(update={"id": "b"})))
    done = run_check(path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{path}:2: article 'b': mention 'm1' has white space at its edge (' Oslo'); mark the words alone",
        "2 articles, 2 annotations, 1 fault, 0 warnings",
    ]
    assert done.stderr == ""


@pytest.mark.parametrize("content", ["", "\n\n", '{"copydesk": {"format": 1}}\n'], ids=["empty", "blank", "header"])
def test_nothing_to_check_is_a_fault(content: str, records_file: Callable[[str], Path]) -> None:
    path = records_file(content)
    done = run_check(path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"{path}: has no articles; give at least one"


def test_warnings_alone_are_no_failure(records_file: Callable[[str], Path]) -> None:
    done = run_check(records_file(to_line(marked("Norwegian", 0, 3))))
    assert done.returncode == 0
    assert "warning: mention 'm1'" in done.stdout
    assert done.stdout.endswith("1 article, 1 annotation, 0 faults, 1 warning\n")


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("nmae = 'x'", "scheme.toml: name: Field required"),
        ("name = 'x'\ncolour = 1\n[entities]\nA = 'a.'", "unknown key 'colour'"),
    ],
)
def test_a_scheme_that_is_none_ends_the_command(scheme: str, said: str, records_file: Callable[..., Path]) -> None:
    done = run_check(records_file(to_line(gold_article("a"))), "--schema", records_file(scheme, "scheme.toml"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr and done.stderr.count("\n") == 1
