"""Two annotators compared: the numbers by hand, the same whoever comes first, and a list of what to talk about."""

import csv
from pathlib import Path

import pytest
from conftest import event, gold_annotation, gold_article, mention
from typer.testing import CliRunner

from annotate.agreement import ARTICLE_STANCES, Pair, agree, pairs_of, to_text
from annotate.errors import DataError
from annotate.records import Annotation, Article, Stance, write_records
from annotate.schema import Schema
from annotate.sources import join_annotations
from copydesk import app


def ben() -> Annotation:
    """Another's view of the example article: one more name, no talks, another type, the same stance and one of the article."""
    return Annotation(
        annotator="ben",
        mentions=(*(gold_annotation().mentions or ()), mention("m4", "Paris", "GPE")),
        events=(event("e1", "accused", "THREATEN", ACTOR="m1", RECIPIENT="m2"),),
        stances=(Stance(holder="m1", target="m2", label="AGAINST"), Stance(holder=None, target="m2", label="FAVOR")),
    )


def both(article_id: str = "a", *, story: str | None = "s") -> Article:
    return gold_article(article_id, story=story, annotator="ana").model_copy(
        update={"annotations": (gold_annotation("ana"), ben())}
    )


def test_every_layer_is_counted_by_hand() -> None:
    (pairs,) = pairs_of([both()]).values()
    found = {name: (r.counts.tp, r.counts.fn, r.counts.fp) for name, r in agree(pairs).results.items()}  # both, ana, ben
    assert found["mentions"] == (3, 0, 1)
    assert found["triggers_id"] == (1, 1, 0)
    assert found["triggers"] == (0, 2, 1)
    assert found["arguments_attached"] == (0, 3, 2)
    assert found["stances"] == (1, 0, 0)
    assert found[ARTICLE_STANCES] == (0, 0, 1)


def test_f1_is_the_same_whoever_comes_first() -> None:
    (pairs,) = pairs_of([both()]).values()
    turned = [Pair(article, second, first) for article, first, second in pairs]
    one, other = agree(pairs).results, agree(turned).results
    assert {name: r.counts.f1 for name, r in one.items()} == {name: r.counts.f1 for name, r in other.items()}


def test_kappa_is_cohens() -> None:
    """Of 10 mentions: 4 GPE and 3 ORG by both, 2 GPE that ben calls ORG, 1 the other way round."""
    labels = [("GPE", "GPE")] * 4 + [("ORG", "ORG")] * 3 + [("GPE", "ORG")] * 2 + [("ORG", "GPE")]
    words = ["Tehran", "accused", "Washington", "of", "bad", "faith", "before", "Friday", "planned", "talks"]
    text = " ".join(words)
    marks = [
        tuple(mention(f"m{i}", word, pair[side], text=text) for i, (word, pair) in enumerate(zip(words, labels, strict=True)))
        for side in (0, 1)
    ]
    made = tuple(Annotation(annotator=name, mentions=own) for name, own in zip(("ana", "ben"), marks, strict=True))
    (pairs,) = pairs_of([Article(id="a", text=text, annotations=made)]).values()
    kappa = agree(pairs).kappas["label of mentions"]
    assert kappa.n == 10
    assert kappa.value == pytest.approx((0.7 - (0.6 * 0.5 + 0.4 * 0.5)) / 0.5)


def test_a_layer_that_one_did_not_annotate_is_not_compared() -> None:
    article = both().model_copy(update={"annotations": (gold_annotation("ana"), Annotation(annotator="ben", mentions=()))})
    (pairs,) = pairs_of([article]).values()
    assert set(agree(pairs).results) == {"mentions"}


def test_stances_of_the_article_are_compared_without_mentions() -> None:
    own = gold_annotation("anna").model_copy(
        update={"mentions": None, "stances": (Stance(holder=None, target="e1", label="FAVOR"),)}
    )
    pair = Pair(gold_article("a"), own, own.model_copy(update={"annotator": "boris"}))
    assert agree([pair]).results["stances of the article"].counts.tp == 1
    assert "stances" not in agree([pair]).results


def test_three_annotators_are_three_pairs_and_skipped_articles_none() -> None:
    skipped = Annotation(annotator="cem", meta={"skipped": True})
    third = gold_annotation("cem")
    articles = [
        both("a").model_copy(update={"annotations": (*both().annotations, third)}),
        both("b").model_copy(update={"annotations": (*both().annotations, skipped)}),
    ]
    assert {names: len(own) for names, own in pairs_of(articles).items()} == {
        ("ana", "ben"): 2,
        ("ana", "cem"): 1,
        ("ben", "cem"): 1,
    }
    assert list(pairs_of(articles, annotators=["cem", "ana"])) == [("cem", "ana")]


def test_nothing_in_common_is_said() -> None:
    with pytest.raises(DataError, match="have none that two annotators annotated"):
        pairs_of([gold_article("a")])


def test_annotations_of_two_files_are_joined_by_article() -> None:
    one, other = gold_article("a", annotator="ana"), gold_article("a", annotator="ben")
    (joined,) = join_annotations(iter([("one", one), ("two", other)]))
    assert [a.annotator for a in joined.annotations] == ["ana", "ben"]
    with pytest.raises(DataError, match="two: differs in its text"):
        join_annotations(iter([("one", one), ("two", other.model_copy(update={"text": other.text + " "}))]))
    with pytest.raises(DataError, match="annotated by 'ana' a second time"):
        join_annotations(iter([("one", one), ("two", one)]))


def test_table_names_both_and_has_intervals_from_ten_stories_on() -> None:
    (pairs,) = pairs_of([both(f"a{i}", story=f"s{i}") for i in range(10)]).values()
    text = to_text(agree(pairs))
    assert text.startswith("ana and ben: 10 articles of 10 stories")
    assert "only ana" in text and "0.857 to 0.857" in text
    (pairs,) = pairs_of([both()]).values()
    assert "too few stories" in to_text(agree(pairs))


def test_command_writes_what_only_one_has(tmp_path: Path, schema: Schema) -> None:
    records, table = tmp_path / "both.jsonl", tmp_path / "differences.csv"
    write_records(records, [both()])
    command = ["agree", str(records), "--differences", str(table)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert {(r["only"], r["layer"], r["label"], r["words"]) for r in rows if r["layer"] in ("mention", "trigger")} == {
        ("ben", "mention", "GPE", "Paris"),
        ("ana", "trigger", "ACCUSE", "accused"),
        ("ana", "trigger", "CONSULT", "talks"),
        ("ben", "trigger", "THREATEN", "accused"),
    }
    assert "Tehran accused" in rows[0]["context"] or "Paris" in rows[0]["context"]
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 1
