"""The page of marked articles shows every mark over exactly its text, and nothing on it can do anything."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import CHROMIUM, FLAGS
from conftest import gold_annotation, gold_article
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

from annotate.errors import DataError
from annotate.page import marked_article, render_page, style, write_page
from annotate.records import Annotation, Argument, Article, Event, Mention, Stance
from annotate.schema import Schema

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</style><script>alert(1)</script>",
    "</title><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "<!--",
    "]]><a href='javascript:x'>",
]


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """The elements of a page, each with all the text inside it."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in ("meta", "br", "input"):
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def of_class(self, name: str) -> list[Element]:
        return [e for e in self.elements if name in (e.attributes.get("class") or "").split()]


def parse(html: str) -> Page:
    page = Page()
    page.feed(str.__str__(html))  # a Markup would escape what it is joined with
    page.close()
    assert page.open == []
    return page


def shown_marks(page: Page) -> list[tuple[str, str]]:
    """(title, marked text) of each mark, its pieces put together."""
    pieces: dict[str, str] = {}
    for element in page.of_class("mark"):
        title = element.attributes["title"] or ""
        pieces[title] = pieces.get(title, "") + element.text
    return sorted(pieces.items())


def test_every_mark_is_over_its_own_text(schema: Schema) -> None:
    article = gold_article("a")
    page = parse(marked_article(article, article.annotations[0], schema=schema))
    assert shown_marks(page) == [
        ("ACCUSE · e1", "accused"),
        ("CONSULT · e2", "talks"),
        ("DATE · m3", "Friday"),
        ("GPE · m1", "Tehran"),
        ("GPE · m2", "Washington"),
    ]
    assert [e.text for e in page.of_class("text")] == [article.text]


@st.composite
def marked_articles(draw: st.DrawFn) -> Article:
    text = draw(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("<&\r\n\"' "), min_size=1)
    )
    edges = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted).filter(lambda e: e[0] < e[1])
    ranges = draw(st.lists(edges, max_size=6))
    mentions = tuple(Mention(id=f"m{i}", start=a, end=b, label="GPE") for i, (a, b) in enumerate(ranges))
    return Article(id="a", text=text, annotations=(Annotation(annotator="x", mentions=mentions),))


@settings(deadline=None)
@given(marked_articles())
def test_nested_and_crossing_marks_stay_whole_and_the_text_verbatim(article: Article) -> None:
    annotation = article.annotations[0]
    page = parse(marked_article(article, annotation))
    assert page.of_class("text")[0].text == article.text
    assert shown_marks(page) == sorted((f"GPE · {m.id}", article.text[m.start : m.end]) for m in annotation.mentions or ())
    assert sum("data-label" in e.attributes for e in page.of_class("mark")) == len(annotation.mentions or ())


def test_marks_that_overlap_get_lanes_of_their_own_the_inner_one_nearest() -> None:
    mentions = (Mention(id="m1", start=0, end=9, label="ORG"), Mention(id="m2", start=4, end=9, label="GPE"))
    page = parse(marked_article(Article(id="a", text="Bank Oslo"), Annotation(annotator="x", mentions=mentions)))
    lanes = {e.attributes["title"]: (e.attributes["style"] or "").split("--lane:")[1] for e in page.of_class("mark")}
    assert lanes == {"ORG · m1": "1", "GPE · m2": "0"}


def test_events_and_stances_are_listed_with_what_they_join(schema: Schema) -> None:
    article = gold_article("a")
    stances = (*(article.annotations[0].stances or ()), Stance(holder=None, target="e1", label="FAVOR", score=0.5))
    annotation = article.annotations[0].model_copy(update={"stances": stances})
    (found,) = parse(marked_article(article, annotation, schema=schema)).of_class("found")
    assert found.text.split() == [
        *("Events", "accused", "ACCUSE", "ASSERTED", "ACTOR", "Tehran", "RECIPIENT", "Washington"),
        *("talks", "CONSULT", "PLANNED", "DATE", "Friday"),
        *("Stances", "Tehran", "AGAINST", "Washington", "the", "article", "FAVOR", "accused", "0.50"),
    ]


def test_absent_and_empty_layers_are_told_apart() -> None:
    article = Article(id="a", text="b")
    (empty,) = parse(marked_article(article, Annotation(annotator="x", events=()))).of_class("found")
    (absent,) = parse(marked_article(article, Annotation(annotator="x", mentions=()))).of_class("found")
    (nothing,) = parse(marked_article(article, None)).of_class("found")
    assert [e.text.split() for e in (empty, absent, nothing)] == [["Events", "none"], [], ["not", "annotated"]]


@pytest.mark.parametrize("word", HOSTILE)
def test_nothing_on_a_page_of_hostile_articles_can_run(word: str) -> None:
    article = Article(
        id=word,
        text=f"{word} {word}",
        title=word,
        outlet=word,
        published=word,
        url=word,
        language=word,
        annotations=(
            Annotation(
                annotator=word,
                mentions=(Mention(id=word, start=0, end=len(word), label=word),),
                events=(
                    Event(
                        id="e",
                        start=0,
                        end=len(word),
                        label=word,
                        arguments=(Argument(role=word, mention=word),),
                        attributes={word: word},
                    ),
                ),
                stances=(Stance(holder=word, target="e", label=word),),
            ),
            Annotation(annotator="ben"),
        ),
    )
    page = parse(render_page([article, article], title=word, note=word))
    assert {e.tag for e in page.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "div", "header", "h1", "h2", "h3", "p", "dl", "dt", "dd", "span"),
        *("small", "nav", "details", "summary", "ol", "ul", "li", "a", "bdi", "i", "article", "section"),
        *("form", "label", "input", "button"),
    }
    assert {e.attributes["type"] for e in page.elements if e.tag in ("input", "button")} <= {"checkbox", "reset"}
    names = {name for e in page.elements for name in e.attributes}
    assert not {name for name in names if name.startswith("on")} and "src" not in names
    assert all((e.attributes.get("href") or "#").startswith("#") for e in page.elements)
    assert all(e.text == article.text for e in page.of_class("text"))
    policy = [e.attributes["content"] or "" for e in page.elements if "http-equiv" in e.attributes]
    assert policy[0].startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_a_label_cannot_leave_its_attribute(schema: Schema) -> None:
    wide = schema.model_copy(update={"entities": {"X": HOSTILE[1]}})
    article = Article(id="a", text="Oslo", annotations=())
    annotation = Annotation(annotator="x", mentions=(Mention(id="m", start=0, end=4, label="X"),))
    page = parse(render_page([article.model_copy(update={"annotations": (annotation,)})], title="t", schema=wide))
    assert [e.attributes.get("title") for e in page.of_class("tag")] == [HOSTILE[1]]


def test_only_web_addresses_become_links() -> None:
    for url, is_link in (("https://example.org/a?b=1&c=2", True), ("javascript:alert(1)", False), ("data:text/html,x", False)):
        page = parse(marked_article(Article(id="a", text="b", url=url), None))
        assert [e.attributes["href"] for e in page.elements if e.tag == "a"] == ([url] if is_link else [])


def test_ids_are_unique_and_every_link_leads_somewhere(schema: Schema) -> None:
    page = parse(render_page([gold_article("a"), gold_article("b")], title="t", schema=schema))
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    links = {(e.attributes["href"] or "")[1:] for e in page.elements if e.tag == "a"}
    assert len(ids) == len(set(ids))
    assert links <= set(ids) and len(links) == 2 + 2 * 5


def test_pieces_without_an_anchor_have_no_ids(schema: Schema) -> None:
    article = gold_article("a")
    page = parse(marked_article(article, article.annotations[0], schema=schema))
    assert not [e for e in page.elements if "id" in e.attributes or e.tag == "a"]


def test_the_style_touches_nothing_but_its_own_class() -> None:
    selectors = [line.split("{")[0] for line in style().splitlines() if "{" in line and not line.startswith((" ", "@", "}"))]
    assert selectors and all(".marked" in s for selector in selectors for s in selector.split(","))


def two_annotators() -> Article:
    """Ana marked the example article; ben as well, but for its last event, and with Washington as a person."""
    ben = gold_annotation("ben")
    mentions = tuple(m.model_copy(update={"label": "PERSON"}) if m.id == "m2" else m for m in ben.mentions or ())
    ben = ben.model_copy(update={"mentions": mentions, "events": (ben.events or ())[:1]})
    return gold_article("a").model_copy(update={"annotations": (ben, gold_annotation("ana"))})


def test_annotators_are_side_by_side_and_what_differs_is_outlined(schema: Schema) -> None:
    page = parse(render_page([two_annotators()], title="t", schema=schema))
    assert [e.text.split()[0] for e in page.elements if e.tag == "section"] == ["ana", "ben"]
    assert [e.attributes["title"] for e in page.of_class("alone") if e.tag == "span"] == [
        "GPE · m2",
        "CONSULT · e2",
        "PERSON · m2",
    ]
    assert [e.text.split()[0] for e in page.of_class("alone") if e.tag == "li"] == ["talks"]


def test_gold_comes_first_and_the_others_below_it(schema: Schema) -> None:
    article = two_annotators()
    gold = article.model_copy(update={"annotations": (*article.annotations, gold_annotation())})
    page = parse(render_page([gold], title="t", schema=schema))
    assert [e.text.split()[0] for e in page.elements if e.tag == "section"] == ["ana", "ben"]
    assert len(page.of_class("columns")) == 3
    assert "open" not in page.of_class("others")[0].attributes
    alone = parse(render_page([gold], title="t", schema=schema, annotator="ben"))
    assert len(alone.of_class("columns")) == 1


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; `make test` installs it")
def test_ticked_labels_leave_the_articles_that_have_them_all(schema: Schema, tmp_path: Path) -> None:
    """In a real browser, because the page has no script: its style sheet does it."""
    bare = Article(
        id="b", text="Oslo slept.", outlet="Northgate Wire", annotations=(Annotation(annotator="gold", mentions=()),)
    )
    write_page(tmp_path / "page.html", [gold_article("a"), bare], title="t", schema=schema)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        articles = page.locator("article")
        assert [articles.nth(i).is_visible() for i in (0, 1)] == [True, True]
        page.get_by_label("ACCUSE").check()
        assert [articles.nth(i).is_visible() for i in (0, 1)] == [True, False]
        weights = {m.inner_text(): m.evaluate("e => getComputedStyle(e).fontWeight") for m in page.locator(".mark.event").all()}
        assert weights == {"accused": "600", "talks": "400"}
        page.get_by_label("Northgate Wire").check()
        assert [articles.nth(i).is_visible() for i in (0, 1)] == [False, False]
        page.get_by_role("button").click()
        assert [articles.nth(i).is_visible() for i in (0, 1)] == [True, True]
        browser.close()


def test_a_page_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(path, [gold_article("a")], title="First")
    with pytest.raises(DataError, match="is there already"):
        write_page(path, [], title="Second")
    assert "<title>First</title>" in path.read_text(encoding="utf-8")
