"""Tables that line up and a page that escapes what it shows and fetches nothing."""

import re
from html.parser import HTMLParser

import pytest
from conftest import gold_annotation, gold_article, mention

from annotate.differences import differences
from annotate.records import Stance
from annotate.schema import Schema
from training.evaluate import Pair, score
from training.report import notes_on, to_html, to_text

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def pairs(n: int, n_stories: int) -> list[Pair]:
    made = []
    for i in range(n):
        article = gold_article(f"a{i}", story=f"s{i % n_stories}")
        gold = article.annotations[0]
        found = gold.model_copy(update={"events": gold.events[:1], "mentions": (*gold.mentions, mention("m9", "Paris", "GPE"))})
        made.append(Pair(article, gold, found, gold))
    return made


class Tags(HTMLParser):
    """Collects element names and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_table_columns_line_up() -> None:
    lines = to_text(score(pairs(20, 12))).splitlines()
    start = lines.index(next(line for line in lines if line.startswith("score")))
    table = lines[start : lines.index("", start)]
    assert len({len(line) for line in table}) == 1
    assert re.match(r"triggers +1\.000 +0\.500 +0\.667  0\.667 to 0\.667 +40$", table[3])


def test_few_stories_are_said_in_words() -> None:
    text = to_text(score(pairs(6, 3)))
    assert "3 stories: interval not informative" in text
    assert " to " not in text.split("\n\n")[1]


def test_one_story_is_singular() -> None:
    assert next(notes_on(score(pairs(1, 1)))).startswith("1 story: interval not informative")


def test_notes_name_what_is_not_scored() -> None:
    article = gold_article("a")
    gold = article.annotations[0].model_copy(update={"stances": (Stance(holder=None, target="m1", label="FAVOR"),)})
    notes = list(notes_on(score([Pair(article, gold, gold, gold)], can=["mentions"], n_unused=2)))
    assert "stances: not scored, the model does not predict it" in notes
    assert "1 stance of an article itself: in no score, the model does not predict them" in notes
    assert "2 articles without annotation: left out" in notes


def test_differences_name_missed_and_invented_marks() -> None:
    one = pairs(1, 1)[0]
    found = {(d.noun, d.label, d.words, d.is_missed) for d in differences(one.article.text, one.gold, one.found)}
    assert found == {
        ("mention", "GPE", "Paris", False),
        ("trigger", "CONSULT", "talks", True),
        ("argument", "DATE", "Friday → talks", True),
    }


@pytest.mark.parametrize("where", ["id", "title", "outlet", "text", "label", "annotator"])
def test_page_escapes_whatever_articles_hold(where: str, schema: Schema) -> None:
    article, gold = gold_article("a"), gold_annotation()
    if where == "label":
        gold = gold.model_copy(update={"mentions": tuple(m.model_copy(update={"label": EVIL}) for m in gold.mentions)})
    elif where == "annotator":
        gold = gold.model_copy(update={"annotator": EVIL})
    elif where == "text":
        article = article.model_copy(update={"text": article.text + EVIL})
    else:
        article = article.model_copy(update={where: EVIL})
    empty = gold.model_copy(update={"mentions": (), "events": (), "stances": ()})
    page = to_html(score([Pair(article, gold, empty, gold)]), title="report", schema=schema)
    tags = Tags(page).seen
    assert {tag for tag, _ in tags}.isdisjoint({"script", "img", "iframe", "link", "object"})
    assert not [name for _, attrs in tags for name in attrs if name.startswith("on")]
    assert "alert(1)" in page


def test_page_fetches_nothing(schema: Schema) -> None:
    page = to_html(score(pairs(3, 3)), title=EVIL, schema=schema)
    tags = Tags(page).seen
    policy = next(attrs["content"] for tag, attrs in tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert not [attrs for _, attrs in tags if "src" in attrs]
    assert "url(" not in page
    assert "@import" not in page


def test_page_shows_scores_and_both_sides(schema: Schema) -> None:
    page = to_html(score(pairs(20, 12)), title="report", schema=schema)
    assert "0.667 to 0.667" in page
    assert page.count("not in gold</span>") == 20
    assert "Gold (gold)" in page
