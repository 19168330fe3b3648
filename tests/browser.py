"""A person at the labelling page: chromium driven by mouse and keyboard alone; scripts only find where words stand."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 60_000  # milliseconds
TEXT = ".lsf-htx-richtext"
REGION = ".lsf-outliner-item"
RELATION = ".lsf-relations__item"
CHOSEN = ".lsf-label_selected"
TICKED = ".lsf-choices input[type=checkbox]:checked, .lsf-choices input[type=radio]:checked"
NOTHING_SELECTED = "text=View region details"
FIND = """([selector, words, at]) => {
  const walker = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
  const places = [];
  let text = '';
  while (walker.nextNode()) {
    const node = walker.currentNode;
    for (let i = 0; i < node.data.length; i++) places.push([node, i]);
    text += node.data;
  }
  const start = text.indexOf(words);
  if (start < 0) return null;
  const [node, offset] = places[at === 'end' ? start + words.length - 1 : start];
  node.parentElement.scrollIntoView({block: 'center'});
  const range = document.createRange();
  range.setStart(node, offset);
  range.setEnd(node, offset + 1);
  const box = range.getBoundingClientRect();
  return [box.left, box.right, (box.top + box.bottom) / 2];
}"""


@dataclass(frozen=True)
class Mark:
    """Words to mark with the label of a key; `choice` is the key of a choice made for the mark afterwards."""

    words: str
    key: str
    choice: str | None = None


@dataclass(frozen=True)
class Link:
    """A relation to draw between the first words of two marks, and its name."""

    source: str
    target: str
    name: str


@contextmanager
def browser_page(url: str, email: str, password: str) -> Iterator[Page]:
    """A browser page with the person logged in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{url}/user/login/")
        page.fill("input[name=email]", email)
        page.fill("input[name=password]", password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda address: "/login" not in address)
        yield page
        browser.close()


def label_in_browser(
    url: str,
    email: str,
    password: str,
    project: int,
    task: int,
    *,
    marks: Sequence[Mark],
    links: Sequence[Link] = (),
    screenshot: Path | None = None,
) -> None:
    """Logs in, opens the task, makes the marks and the relations as a person would, and submits."""
    with browser_page(url, email, password) as page:
        page.goto(f"{url}/projects/{project}/data?task={task}")
        page.wait_for_selector(TEXT)
        page.wait_for_selector(NOTHING_SELECTED)
        for mark in marks:
            _mark(page, mark)
        for link in links:
            _link(page, link)
        if screenshot is not None:
            page.screenshot(path=screenshot)
        with page.expect_response(lambda r: r.request.method == "POST" and f"/tasks/{task}/annotations" in r.url) as answer:
            page.locator("button[name=submit]").click()
        assert answer.value.status == 201


def _mark(page: Page, mark: Mark) -> None:
    n_before = page.locator(REGION).count()
    page.keyboard.press(mark.key)
    page.wait_for_selector(CHOSEN)
    left, _, middle = page.evaluate(FIND, [TEXT, mark.words, "start"])
    page.mouse.move(left + 1, middle)
    page.mouse.down()
    _, right, lower = page.evaluate(FIND, [TEXT, mark.words, "end"])
    page.mouse.move((left + right) / 2, lower, steps=4)
    page.mouse.move(right - 1, lower, steps=4)
    page.mouse.up()
    expect(page.locator(REGION)).to_have_count(n_before + 1, timeout=PATIENCE)
    page.wait_for_selector(CHOSEN, state="detached")
    if mark.choice is not None:
        _select(page, mark.words)
        page.keyboard.press(mark.choice)
        page.wait_for_selector(TICKED)
        page.keyboard.press("Escape")
        page.wait_for_selector(NOTHING_SELECTED)


def _link(page: Page, link: Link) -> None:
    page.locator("#Relations-draggable").click()
    relations = page.locator(RELATION)
    n_before = relations.count()
    _select(page, link.source)
    page.keyboard.press("Alt+r")
    _click(page, link.target)
    expect(relations).to_have_count(n_before + 1, timeout=PATIENCE)
    made = relations.nth(n_before)
    made.hover()
    made.locator("button").first.click()
    made.locator("[data-slot=popover-trigger]").click()
    page.locator(f"[data-testid='select-option-{link.name}']").click()
    page.keyboard.press("Escape")
    page.wait_for_selector("[data-testid=select-popup]", state="detached")


def _select(page: Page, words: str) -> None:
    _click(page, words)
    page.wait_for_selector(NOTHING_SELECTED, state="detached")


def _click(page: Page, words: str) -> None:
    left, right, middle = page.evaluate(FIND, [TEXT, words, "start"])
    page.mouse.click((left + right) / 2, middle)
