"""Tables that line up and a page that escapes what it shows and fetches nothing."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import CHROMIUM, FLAGS
from conftest import event, gold_annotation, gold_article, mention
from playwright.sync_api import Page, sync_playwright

from annotate.differences import differences
from annotate.records import Mention, Stance
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
    """Collects elements: name, attributes and all the text within."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self._texts: list[str] = []
        self._open: list[int] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self._texts.append("")
        if tag not in ("meta", "input"):
            self._open.append(len(self.seen) - 1)

    def handle_endtag(self, tag: str) -> None:
        while self.seen[self._open.pop()][0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for number in self._open:
            self._texts[number] += data

    def texts(self, tag: str) -> list[str]:
        return [text for (name, _), text in zip(self.seen, self._texts, strict=True) if name == tag]


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


def made_of(evil: str) -> Pair:
    """Every label, role, attribute and value of both sides is `evil`, and so are the words that are marked."""
    article = gold_article("a").model_copy(update={"text": f"{evil} {evil}", "id": evil, "title": evil})
    n = len(evil)
    mentions = (Mention(id="m1", start=0, end=n, label=evil), Mention(id="m2", start=n + 1, end=2 * n + 1, label=evil))
    gold = gold_annotation().model_copy(
        update={
            "mentions": mentions,
            "events": (event("e1", evil, evil, text=evil, modality=evil, **{evil: "m2"}),),
            "stances": (Stance(holder="m1", target="m2", label=evil),),
        }
    )
    found = gold.model_copy(
        update={
            "mentions": (mentions[0].model_copy(update={"end": n + 3}), mentions[1].model_copy(update={"label": f"{evil}2"})),
            "events": (event("e1", evil, evil, text=evil, modality=f"{evil}2", **{f"{evil}2": "m2"}),),
            "stances": (Stance(holder="m1", target="m2", label=f"{evil}2"),),
        }
    )
    return Pair(article, gold, found, gold)


@pytest.mark.parametrize(
    "evil", [EVIL, "</style><script>alert(1)</script>", "{{ 7 * 7 }}{% raw %}", "<!--", "x' onclick='alert(1)"]
)
def test_errors_and_matrices_escape_labels_and_words(evil: str) -> None:
    page = to_html(score([made_of(evil)]), title="report")
    tags = Tags(page)
    assert {tag for tag, _ in tags.seen}.isdisjoint({"script", "img", "iframe", "link", "object"})
    assert not [name for _, attrs in tags.seen for name in attrs if name.startswith("on")]
    assert [evil in text for text in tags.texts("blockquote")] == [True] * 5
    assert {evil, f"{evil}2"} <= {attrs["title"] for tag, attrs in tags.seen if tag == "th" and "title" in attrs}
    assert evil not in tags.texts("style")[0]


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
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert not [attrs for _, attrs in tags if "src" in attrs]
    assert "url(" not in page
    assert "@import" not in page


def test_page_shows_scores_and_both_sides(schema: Schema) -> None:
    page = to_html(score(pairs(20, 12)), title="report", schema=schema)
    assert "0.667 to 0.667" in page
    assert page.count("· 3 errors</span>") == 20
    assert "Gold (gold)" in page


def test_errors_stand_in_their_sentences_with_both_sides_marked(schema: Schema) -> None:
    article = gold_article("a")
    gold = article.annotations[0]
    found = gold.model_copy(
        update={"mentions": (mention("m1", "Tehran accused", "ORG"), *(gold.mentions or ())[1:]), "stances": ()}
    )
    tags = Tags(to_html(score([Pair(article, gold, found, gold)]), title="report", schema=schema))
    said = [" ".join(text.split()) for text in tags.texts("p")]
    assert "wrong type mention gold GPE Tehran model ORG Tehran accused" in said
    assert "missed stance gold AGAINST Tehran → Washington" in said
    sentence = "Tehran accused Washington of bad faith before Friday’s planned talks. "
    assert tags.texts("blockquote")[0] == sentence
    assert [text for text in tags.texts("mark") if text in sentence][:2] == ["Tehran", " accused"]


def test_layers_without_a_score_have_no_errors(schema: Schema) -> None:
    article = gold_article("a")
    gold = article.annotations[0]
    found = gold.model_copy(update={"mentions": (), "events": (), "stances": None})
    tags = Tags(to_html(score([Pair(article, gold, found)], can=["mentions", "stances"]), title="report", schema=schema))
    assert len(tags.texts("blockquote")) == 3
    assert [text.strip() for text in tags.texts("h3")][:2] == ["mentions", "entity labels"]


def test_a_page_without_errors_says_so(schema: Schema) -> None:
    article = gold_article("a")
    gold = article.annotations[0]
    tags = Tags(to_html(score([Pair(article, gold, gold, gold)]), title="report", schema=schema))
    assert "None." in tags.texts("p")
    assert tags.texts("form") == []


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; `make test` installs it")
def test_filters_narrow_the_list_of_errors(schema: Schema, tmp_path: Path) -> None:
    """In a real browser, because the page has no script: its style sheet does it."""
    article = gold_article("a")
    gold = article.annotations[0]
    found = gold.model_copy(update={"mentions": (mention("m1", "Tehran", "ORG"), *(gold.mentions or ())[1:]), "events": ()})
    (tmp_path / "page.html").write_text(
        to_html(score([Pair(article, gold, found, gold)]), title="t", schema=schema), encoding="utf-8"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 400, "height": 800})
        page.goto((tmp_path / "page.html").as_uri())
        everything = ["wrong type mention", *["missed trigger"] * 2, *["missed argument"] * 3]
        assert visible(page) == everything
        for ticked, left in (
            (["ORG"], everything[:1]),
            (["GPE"], everything[:1]),  # of two labels, either finds it
            (["DATE", "GPE"], [everything[0], everything[3]]),  # labels widen one another
            (["CONSULT"], ["missed trigger", "missed argument"]),
            (["CONSULT", "argument"], ["missed argument"]),  # a layer narrows them
            (["mention", "argument", "missed"], everything[3:]),
            (["CONSULT", "mention"], []),
        ):
            for name in ticked:
                page.get_by_role("checkbox", name=re.compile(rf"^{name}\s*\d")).check()
            assert visible(page) == left, ticked
            page.get_by_role("button").click()
        assert visible(page) == everything
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        browser.close()


def visible(page: Page) -> list[str]:
    """Kind and layer of each error that is shown."""
    shown = [item for item in page.locator(".errors li").all() if item.is_visible()]
    return [" ".join(item.locator(where).text_content() or "" for where in ("strong", "strong + span")) for item in shown]
