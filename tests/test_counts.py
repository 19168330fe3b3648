"""Counting labels: every layer, the total apart from the labels."""

import pytest
from conftest import gold_article

from annotate.counts import ALL, count_labels, write_table
from annotate.errors import RecordError
from annotate.records import Stance


def test_counts_every_layer() -> None:
    counts = count_labels([gold_article("a"), gold_article("b", story=None)])
    assert counts["stories", ALL] == 2
    assert counts["articles", "Harbor Courier"] == 2
    assert counts["mentions", "GPE"] == 4
    assert (counts["events", "ACCUSE"], counts["arguments", "RECIPIENT"], counts["modality", "PLANNED"]) == (2, 2, 2)
    assert (counts["stances", "AGAINST"], counts["stances", "of the article itself"]) == (2, 0)


def test_table_counts_the_stances_of_the_article_once() -> None:
    article = gold_article("a")
    (annotation,) = article.annotations
    own = (*(annotation.stances or ()), Stance(holder=None, target="m1", label="FAVOR"))
    article = article.model_copy(update={"annotations": (annotation.model_copy(update={"stances": own}),)})
    table = write_table(count_labels([article])).splitlines()
    assert table[-2].split(maxsplit=2) == ["stories", "1"]
    stances = next(line for line in table if line.startswith("stances"))
    assert stances.split(maxsplit=2) == ["stances", "2", "AGAINST 1, FAVOR 1, of the article itself 1"]


def test_articles_of_two_annotators_without_gold_are_not_counted() -> None:
    both = (*gold_article("a", annotator="ana").annotations, *gold_article("a", annotator="bo").annotations)
    with pytest.raises(RecordError, match="ana, bo"):
        count_labels([gold_article("a").model_copy(update={"annotations": both})])
