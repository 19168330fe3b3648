"""The page of a run: what it shows while it trains and at each end, to whom it gives way, and in a real browser."""

import base64
import hashlib
import io
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, FLAGS
from playwright.sync_api import Page, sync_playwright
from test_progress import SPOILT, STEPS, STILL, command_for, records
from test_report import EVIL, Tags
from test_train import corpus, digests

from annotate.errors import DataError
from annotate.schema import Schema
from training.live import LivePage, View, refuse_page, to_html, view_of
from training.live_plots import Record, evaluations, loss_plots, score_plots
from training.split import split_corpus
from training.train import Settings, train

WEIGHTS = {"ents_f": 0.5, "ents_p": None, "triggers_f": 0.5, "sents_f": None, "arguments_id_f": None, "ents_per_type": None}
SCORES = (0.1, 0.4, 0.3, 0.4, 0.2)


def record(step: int, score: float, *, loss: float | None = 30.0, **scores: Any) -> Record:
    found = {"ents_f": score, "ents_p": score / 2, "ents_r": score, "triggers_f": score, "sents_f": None, "arguments_id_f": 0.1}
    losses = {"tok2vec": loss, "ner": 2 * (loss or 0.0)}
    return {"step": step, "epoch": step // 20, "words": 9, "losses": losses, "scores": found | scores, "score": score}


RECORDS = [record(10 * i, score) for i, score in enumerate(SCORES)]
VIEW = View("models/demo", "key", WEIGHTS, 100, 60, {"seed": "0"}, step=44, records=RECORDS, seconds_left=125.0)


def text_of(page: str) -> str:
    """The page's words without its marks, style and script."""
    body = re.sub(r"<(style|script|title)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", "", body).replace("&nbsp;", " ").split())


def is_reloading(page: str) -> bool:
    has_tag, has_number = 'http-equiv="refresh"' in page, 'data-refresh="0"' not in page
    assert has_tag == has_number
    return has_tag


# -- what it says ---------------------------------------------------------------------------------------------------------


def test_the_page_says_how_far_the_run_is() -> None:
    page = to_html(VIEW)
    text = text_of(page)
    assert "Training models/demo Step 44 of 100. 44 % Time left: at most 2:05" in text
    assert "34 steps without a better score; 60 end it" in text  # since the first of the best
    assert "Best: 0.400 at step 30." in text  # the latest of the best is kept
    assert is_reloading(page) and "<title>44&nbsp;% · models/demo</title>" in page


@pytest.mark.parametrize(
    ("change", "words", "goes_on"),
    [
        ({"max_steps": 0, "seconds_left": None}, "Training models/demo Step 44. Time left: unknown", True),
        ({"records": [], "step": 0, "seconds_left": None}, "No evaluation yet", True),
        ({"state": "finishing", "words": "100 steps done"}, "100 steps done. Its best model is calibrated and scored", True),
        ({"state": "done", "words": "100 steps done"}, "Done models/demo 100 steps done.", False),
        ({"state": "done", "words": "stopped early: x", "is_early": True}, "Done, stopped early models/demo Stopped", False),
        ({"state": "stopped", "words": "Ctrl-C", "kept": 40}, "with --resume goes on after step 40.", False),
        ({"state": "stopped", "words": "Ctrl-C"}, "Stopped models/demo At step 44, by Ctrl-C. Best", False),
    ],
    ids=["no last step", "no evaluation", "finishing", "done", "stopped early", "stopped", "stopped without a checkpoint"],
)
def test_each_state_has_its_words_and_an_end_reloads_no_more(change: dict[str, Any], words: str, goes_on: bool) -> None:
    page = to_html(replace(VIEW, **change))
    assert words in text_of(page)
    assert is_reloading(page) == goes_on


def test_names_and_settings_are_data() -> None:
    evil = record(0, 0.5, **{f"{EVIL}_f": 0.5})
    evil["losses"][EVIL] = 3.0
    facts = {EVIL: EVIL}
    page = to_html(
        replace(
            VIEW, model=EVIL, weights=WEIGHTS | {f"{EVIL}_f": 0.3}, facts=facts, records=[evil], words=EVIL, state="stopped"
        )
    )
    seen = Tags(page.replace("<br>", "")).seen
    assert [tag for tag, _ in seen].count("script") == 1 and "img" not in {tag for tag, _ in seen}
    assert text_of(page).count("alert(1)") >= 6
    assert not any(name.startswith("on") for _, attrs in seen for name in attrs)


def test_the_page_runs_its_own_script_only_and_fetches_nothing() -> None:
    page = to_html(VIEW)
    seen = Tags(page).seen
    policy = next(attrs["content"] for tag, attrs in seen if attrs.get("http-equiv") == "Content-Security-Policy") or ""
    script = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ") and f"script-src 'sha256-{digest}';" in policy and len(script) == 1
    assert {"link", "img", "iframe"}.isdisjoint({tag for tag, _ in seen})
    assert not {"src", "href"} & {name for _, attrs in seen for name in attrs} and "url(" not in page


# -- curves ---------------------------------------------------------------------------------------------------------------


def test_scores_with_a_weight_come_first_and_those_that_never_were_not_at_all() -> None:
    main, others = score_plots(RECORDS, WEIGHTS)
    assert [(plot.name, plot.note) for plot in main] == [
        ("score", "chooses the model"),
        ("ents", "weight 0.5"),
        ("triggers", "weight 0.5"),
    ]
    assert [plot.name for plot in others] == ["arguments_id"]
    assert [kind for kind, _ in main[1].lines] == ["recall", "precision", "main"]


def test_the_best_step_is_marked_and_higher_scores_are_higher() -> None:
    plot = score_plots(RECORDS, WEIGHTS)[0][0]
    assert [dot.is_best for dot in plot.dots] == [False, False, False, True, False]
    assert plot.best == plot.dots[3].x and (plot.last, plot.at_best) == ("0.200", "0.400")
    by_score = sorted(zip(SCORES, plot.dots, strict=True), key=lambda pair: pair[0])
    heights = [dot.y for _, dot in by_score]
    assert heights == sorted(heights, reverse=True) and heights[0] > heights[-1]
    assert [dot.x for dot in plot.dots] == sorted({dot.x for dot in plot.dots})
    assert "step 30: 0.400, the best step</title>" in to_html(VIEW)


def test_losses_are_those_of_one_step() -> None:
    """The first evaluation comes after one step, the others after ten."""
    (first, *_), (latest, *_) = evaluations(RECORDS)[::-1], evaluations(RECORDS)
    assert (first.losses, latest.losses) == ({"tok2vec": 30.0, "ner": 60.0}, {"tok2vec": 3.0, "ner": 6.0})
    assert [(plot.name, plot.last) for plot in loss_plots(RECORDS)] == [("tok2vec", "3"), ("ner", "6")]


def test_what_is_no_number_leaves_a_gap() -> None:
    made = [record(0, 0.1), record(10, 0.2, loss=None, ents_f=None), record(20, 0.3)]
    plot = loss_plots(made)[0]
    assert plot.lines[0][1].count("M") == 2 and len(plot.dots) == 2
    assert score_plots(made, WEIGHTS)[0][1].lines[-1][1].count("M") == 2
    page = to_html(replace(VIEW, records=[made[0], made[2], made[1]]))
    assert "nan" not in page.lower().replace("nance", "") and "<td>–</td>" in page


@pytest.mark.parametrize("scores", [[0.0], [1.0], [0.5] * 3, [0.0, 1.0], [12.0, 70.0], [-3.0, 2.0]], ids=str)
def test_every_curve_stays_in_its_field(scores: list[float]) -> None:
    made = [record(10 * i, score, loss=value) for i, (score, value) in enumerate(zip(scores, scores, strict=True))]
    for plot in [*score_plots(made, WEIGHTS)[0], *loss_plots(made)]:
        assert all(38 <= dot.x <= 352 and 11.9 <= dot.y <= 198.1 for dot in plot.dots), plot
        assert 2 <= len(plot.y_ticks) <= 8 and len({words for _, words in plot.y_ticks}) == len(plot.y_ticks)


def test_a_long_run_has_a_line_without_dots_and_its_last_rows() -> None:
    made = [record(10 * i, i / 3000) for i in range(1500)]
    plot = score_plots(made, WEIGHTS)[0][0]
    assert len(plot.dots) == 1 and plot.lines[0][1].count("L") == 1499
    assert [row.step for row in evaluations(made)] == [10 * i for i in range(1499, 1489, -1)]


# -- where it may be ------------------------------------------------------------------------------------------------------


def test_a_page_gives_way_to_its_own_run_only(tmp_path: Path) -> None:
    page, out = tmp_path / "live.html", tmp_path / "model"
    refuse_page(page, out, force=False, resume=False)
    training = {"score_weights": WEIGHTS, "max_steps": 9, "patience": 0}
    page.write_text(to_html(view_of(out, training, {})), encoding="utf-8")
    refuse_page(page, out, force=False, resume=True)
    refuse_page(page, out, force=True, resume=False)
    for other, resume in ((out, False), (tmp_path / "other", True)):
        with pytest.raises(DataError, match=r"live\.html: is there already; give another path, or --force"):
            refuse_page(page, other, force=False, resume=resume)
    page.write_text("my notes", encoding="utf-8")
    with pytest.raises(DataError, match="is there already"):
        refuse_page(page, out, force=False, resume=True)


def test_a_page_is_neither_a_folder_nor_in_the_models(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder; give the name of a file"):
        refuse_page(tmp_path, tmp_path / "model", force=True, resume=False)
    for name in ("model/live.html", "model/../model/x/live.html", ".model.run/live.html"):
        with pytest.raises(DataError, match="is in the folder of the model"):
            refuse_page(tmp_path / name, tmp_path / "model", force=True, resume=False)


def test_a_page_that_is_there_stops_the_command_before_its_work(tmp_path: Path) -> None:
    (tmp_path / "live.html").write_text("my notes", encoding="utf-8")
    done = subprocess.run(
        [*command_for(tmp_path), "--html", str(tmp_path / "live.html")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"copydesk: {tmp_path}/live.html: is there already; give another path, or --force to replace it\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live.html", "records.jsonl"]


# -- of a real run --------------------------------------------------------------------------------------------------------


class Watch(io.StringIO):
    """A stream that looks at the page whenever it gets a line, and does something at one step's line."""

    def __init__(self, page: Path, step: int = -1, act: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.page, self.step, self.act = page, step, act
        self.seen: list[str] = []

    def write(self, text: str) -> int:
        self.seen.append(self.page.read_text(encoding="utf-8") if self.page.is_file() else "")
        if self.act is not None and f"\n{self.step}/" in f"\n{text}":
            self.act()
        return super().write(text)


def run(
    folder: Path,
    schema: Schema,
    *,
    step: int = -1,
    act: Callable[[], None] | None = None,
    resume: bool = False,
    **overrides: object,
) -> tuple[list[str], list[str]]:
    """Trains a small model with a page; returns the pages seen on the way with the last one, and what was said."""
    said: list[str] = []
    watch = Watch(folder / "live.html", step, act)
    try:
        said = _train(folder, schema, html_file=folder / "live.html", stream=watch, resume=resume, **overrides)
    finally:
        if watch.page.is_file():
            watch.seen.append(watch.page.read_text(encoding="utf-8"))
    return watch.seen, said


def _train(
    folder: Path,
    schema: Schema,
    *,
    html_file: Path | None,
    stream: io.StringIO | None = None,
    resume: bool = False,
    **overrides: object,
) -> list[str]:
    said: list[str] = []
    settings = Settings(schema, base="none", overrides=STEPS | overrides)
    options: dict[str, Any] = {"stream": stream or io.StringIO(), "html_file": html_file, "resume": resume}
    train(split_corpus(corpus(), "here"), folder / "model", settings, say=said.append, **options)
    return said


def raise_it(err: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise err

    return act


def curves(page: str) -> list[str]:
    """What is drawn, without the legend."""
    return re.findall(r'<path class="line [^"]*" d="[^"]*"/>|<circle.*?</circle>', page[page.index('<div class="plots">') :])


def test_the_page_follows_a_run_to_its_end(tmp_path: Path, schema: Schema) -> None:
    pages, _ = run(tmp_path, schema)
    assert "No evaluation yet" in text_of(pages[0])
    assert [page.count("<tr><td>") + page.count('<tr class="at-best"><td>') for page in pages] == [0, 1, 2, 3, 4, 5]
    assert all(is_reloading(page) and "Training" in text_of(page) for page in pages[:-1])
    assert "Done" in text_of(pages[-1]) and "12 steps done." in text_of(pages[-1]) and not is_reloading(pages[-1])
    last = records(tmp_path / "model")[-1]
    assert f"<b>{last['scores']['triggers_f']:.3f}</b> last" in pages[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live.html", "model"]


def test_a_run_that_patience_ends_says_so(tmp_path: Path, schema: Schema) -> None:
    pages, _ = run(tmp_path, schema, **STILL, **{"training.patience": 6})
    text = text_of(pages[-1])
    assert "Done, stopped early" in text
    assert "Stopped early: no better score than that of step 0 for 6 steps." in text


@pytest.mark.parametrize(
    ("err", "words"),
    [
        (KeyboardInterrupt(), "At step 44, by Ctrl-C."),
        (SystemExit(128 + signal.SIGTERM), "At step 44, by SIGTERM."),
        (RuntimeError(f"{EVIL}\nmore"), "At step 44, by an error: RuntimeError &lt;script&gt;"),
        (DataError("the disk", "is full", "free some space"), "At step 44, by a fault: the disk: is full; free some space."),
    ],
    ids=["Ctrl-C", "SIGTERM", "error", "fault"],
)
def test_a_page_says_what_stopped_the_run(err: BaseException, words: str, tmp_path: Path) -> None:
    page = LivePage(tmp_path / "live.html", lambda line: None)
    page.begin(VIEW)
    with pytest.raises(type(err)), page.telling_the_end(tmp_path / "model"):
        page.show(40, RECORDS, None, is_news=True)
        page.show(44, RECORDS, None, is_news=False)
        raise err
    text = (tmp_path / "live.html").read_text()
    assert words in text_of(text) and "--resume" not in text_of(text) and not is_reloading(text)


def test_a_run_that_was_stopped_goes_on_with_all_its_curves(tmp_path: Path, schema: Schema) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, schema, step=6, act=raise_it(KeyboardInterrupt()))
    page = (tmp_path / "live.html").read_text()
    assert "At step 6, by Ctrl-C. The same command with --resume goes on after step 3." in text_of(page)
    pages, _ = run(tmp_path, schema, resume=True)
    assert is_reloading(pages[0]) and curves(pages[0])  # from the start with what the earlier process had
    (tmp_path / "other").mkdir()
    _train(tmp_path / "other", schema, html_file=None)
    assert digests(tmp_path / "other" / "model") == digests(tmp_path / "model")  # a page changes nothing of the model
    undisturbed, said = run(tmp_path / "other", schema, resume=True)  # which is there: its page only is made
    assert any("is there already, whole" in line for line in said)
    assert curves(pages[-1]) == curves(undisturbed[-1])
    assert all("Done" in text_of(own) and "12 steps done." in text_of(own) for own in (pages[-1], undisturbed[-1]))


def test_a_signal_to_the_command_is_told(tmp_path: Path) -> None:
    command = [*command_for(tmp_path, **{"training.max_steps": 1000000, "training.patience": 0})]
    with subprocess.Popen([*command, "--html", str(tmp_path / "live.html")], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "3/1000000" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert "by SIGTERM. The same command with --resume goes on after step" in text_of((tmp_path / "live.html").read_text())


def test_a_page_that_cannot_be_written_any_more_ends_no_run(tmp_path: Path, schema: Schema) -> None:
    """Its place becomes a folder meanwhile."""

    def take_its_place() -> None:
        (tmp_path / "live.html").unlink()
        (tmp_path / "live.html").mkdir()

    _, said = run(tmp_path, schema, step=3, act=take_its_place)
    assert sum("cannot be written any more, training goes on without it" in line for line in said) == 1
    assert len(records(tmp_path / "model")) == 5


def test_a_page_that_cannot_be_written_at_all_stops_the_run(tmp_path: Path, schema: Schema) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        _train(tmp_path, schema, html_file=tmp_path / "file" / "live.html")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# -- in a browser ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def browser_page() -> Iterator[Callable[..., Page]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))

        def open_page(**options: Any) -> Page:
            page = browser.new_page(**options)
            page.set_default_timeout(120_000)
            return page

        yield open_page
        browser.close()


needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; `make test` installs it")


def wait_until_scrolled(page: Page) -> None:
    """Asks from outside: the page lets no script be evaluated in it later on, which `wait_for_function` does."""
    deadline = time.monotonic() + 20
    while page.evaluate("scrollY") <= 600:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_browser_follows_a_real_run_and_keeps_its_place(
    has_scripts: bool, tmp_path: Path, browser_page: Callable[..., Page]
) -> None:
    html = tmp_path / "live.html"
    command = [*command_for(tmp_path, **SPOILT | {"training.max_steps": 400, "training.patience": 150}), "--html", str(html)]
    faults: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={**os.environ}) as process:
        while not html.exists():
            assert process.poll() is None
            time.sleep(0.1)
        page = browser_page(viewport={"width": 390, "height": 800}, java_script_enabled=has_scripts)
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda err: faults.append(str(err)))
        page.on("request", lambda request: request.url == html.as_uri() or faults.append(request.url))
        page.goto(html.as_uri())
        page.wait_for_selector("h2:has-text('Loss per step')")  # it reloads by itself until there is an evaluation
        page.mouse.wheel(0, 700)
        wait_until_scrolled(page) if has_scripts else time.sleep(1)
        first = page.locator("tbody tr td").first.inner_text()
        page.wait_for_selector(f"tbody tr td:first-child:not(:text-is('{first}'))")
        page.wait_for_selector("body.done")
        if has_scripts:
            wait_until_scrolled(page)  # the browser goes back there a moment after
    assert process.returncode == 0
    assert page.locator("h1").inner_text().startswith("Done, stopped early")
    n_loads: list[str] = []
    page.on("load", lambda loaded: n_loads.append(loaded.url))
    time.sleep(7)
    assert n_loads == [] and faults == []


@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(width: int, tmp_path: Path, browser_page: Callable[..., Page]) -> None:
    long = "components.tok2vec.model.encode.a_setting_of_a_very_long_name_indeed"
    (tmp_path / "live.html").write_text(to_html(replace(VIEW, facts={long: long * 3}, model=long)), encoding="utf-8")
    page = browser_page(viewport={"width": width, "height": 800})
    page.goto((tmp_path / "live.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width


@needs_browser
@pytest.mark.parametrize(("age", "state", "is_told"), [(5, "training", False), (300, "training", True), (300, "done", False)])
def test_a_page_that_nobody_writes_any_more_says_so(
    age: int, state: Any, is_told: bool, tmp_path: Path, browser_page: Callable[..., Page]
) -> None:
    """A killed process cannot say that it was."""
    (tmp_path / "live.html").write_text(to_html(replace(VIEW, written=time.time() - age, state=state)), encoding="utf-8")
    page = browser_page()
    page.goto((tmp_path / "live.html").as_uri())
    silence = page.locator("#silence")
    silence.wait_for(state="visible" if is_told else "hidden")  # on a busy machine the page may be reloading just now
    if is_told:
        assert "Nothing new for 5 minutes" in (silence.text_content() or "")
