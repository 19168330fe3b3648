"""Applying a model to fresh articles, with a small pipeline of rules that is installed like any packaged model."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import TEXT, gold_annotation, gold_article
from pyarrow import parquet
from spacy.language import Language

from annotate.errors import DataError, RecordError
from annotate.records import Article, read_records, to_line
from annotate.schema import read_schema
from annotate.sources import scan_articles
from apply.predict import predict, predict_scanned
from apply.results import apply_model, summary_lines
from apply.tables import Layout
from training.pipeline import schema_of

MODEL = "model:en_rules@0.1"
# An installed package as `spacy package` makes them, but for weights: every word of the lexicon is a trigger, the
# entity before it its actor, the one after it its recipient. "Sleepy" makes it wait, so that it can be killed.
PACKAGE = """
import json, time
from pathlib import Path
import spacy
from spacy.language import Language
from spacy.tokens import Span, SpanGroup

LEXICON = {"accused": "ACCUSE", "talks": "CONSULT", "met": "CONSULT"}

@Language.component("rules_events")
def mark_events(doc):
    if "Sleepy" in doc.text:
        time.sleep(0.2)
    triggers = [Span(doc, t.i, t.i + 1, label=LEXICON[t.text]) for t in doc if t.text in LEXICON]
    mentions = [Span(doc, e.start, e.end, label=e.label, span_id=f"m{i}") for i, e in enumerate(doc.ents, 1)]
    doc.spans["mentions"] = SpanGroup(doc, spans=mentions)
    arguments, stances, spans = [], [], []
    for i, span in enumerate(triggers, 1):
        spans.append(Span(doc, span.start, span.end, label=span.label, span_id=f"e{i}"))
        before = [m for m in mentions if m.end <= span.start][-1:]
        after = [m for m in mentions if m.start >= span.end][:1]
        for role, found in (("ACTOR", before), ("RECIPIENT", after)):
            arguments += [{"event": f"e{i}", "mention": m.id_, "role": role, "score": 0.5} for m in found]
        if before and after:
            stances.append({"holder": before[0].id_, "target": after[0].id_, "label": "AGAINST", "score": 0.25})
    values = [{"event": s.id_, "name": "modality", "value": "ASSERTED", "score": None} for s in spans]
    doc.spans["events"] = SpanGroup(doc, spans=spans, attrs={"arguments": arguments, "attributes": values})
    doc.spans["stances"] = SpanGroup(doc, attrs={"stances": stances})
    return doc

def load(**overrides):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "GPE", "pattern": p} for p in ("Tehran", "Washington", "Oslo", "Rome")])
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("rules_events")
    scheme = json.loads((Path(__file__).parent / "schema.json").read_text())
    nlp.meta.update(name="rules", version="0.1", copydesk={"schema": scheme})
    return nlp
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages with the model `en_rules` in it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "en_rules").mkdir()
    (folder / "en_rules" / "__init__.py").write_text(PACKAGE)
    (folder / "en_rules" / "schema.json").write_text(read_schema().model_dump_json())
    (folder / "en_rules-0.1.dist-info").mkdir()
    (folder / "en_rules-0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: en_rules\nVersion: 0.1\n")
    return folder


@pytest.fixture(scope="module")
def nlp(site: Path) -> Iterator[Language]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        from training.pipeline import load_model

        yield load_model("en_rules")


def scan(*articles: Article) -> list[tuple[str, Article | RecordError]]:
    return [(f"here: article '{a.id}'", a) for a in articles]


def article(number: int, text: str = "Oslo met Rome. Then Rome accused Oslo.") -> Article:
    return Article(id=f"a{number}", text=text, outlet="Post", published="2020-01-02")


def test_what_the_model_finds_becomes_an_annotation(nlp: Language) -> None:
    (done,) = predict(nlp, [article(1)])
    (annotation,) = done.annotations
    assert annotation.annotator == MODEL
    assert [done.text[m.start : m.end] for m in annotation.mentions or ()] == ["Oslo", "Rome", "Rome", "Oslo"]
    assert [(e.label, [(a.role, a.mention, a.score) for a in e.arguments]) for e in annotation.events or ()] == [
        ("CONSULT", [("ACTOR", "m1", 0.5), ("RECIPIENT", "m2", 0.5)]),
        ("ACCUSE", [("ACTOR", "m3", 0.5), ("RECIPIENT", "m4", 0.5)]),
    ]
    assert [(s.holder, s.target) for s in annotation.stances or ()] == [("m1", "m2"), ("m3", "m4")]


def test_other_annotations_stay_and_the_same_models_are_replaced(nlp: Language) -> None:
    (once,) = predict(nlp, [gold_article("a")])
    (twice,) = predict(nlp, [once])
    assert [a.annotator for a in twice.annotations] == ["gold", MODEL]
    assert twice == once
    assert once.annotations[0] == gold_annotation()


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_order_and_results_do_not_depend_on_the_batches(nlp: Language, batch_size: int) -> None:
    articles = [article(i, "Oslo met Rome. " * (i % 4 + 1)) for i in range(10)]
    done = list(predict(nlp, articles, batch_size=batch_size))
    assert [d.id for d in done] == [a.id for a in articles]
    assert [len(d.annotations[0].events or ()) for d in done] == [i % 4 + 1 for i in range(10)]


def test_words_of_one_batch_are_forgotten_in_the_next(nlp: Language) -> None:
    list(predict(nlp, [article(0)]))
    before = len(nlp.vocab.strings)
    list(predict(nlp, [article(i, f"Oslo met word{i}.") for i in range(50)], batch_size=5))
    assert len(nlp.vocab.strings) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has an empty text; remove it"),
        ("a\0b", "has a NUL character at 1"),
        ("ab " * 700_000, "has 2,100,000 characters, more than 1,000,000"),
        ("a\udc00", "has half a character"),
    ],
    ids=["empty", "nul", "two megabytes", "surrogate"],
)
def test_a_text_the_model_cannot_take_is_an_error_and_the_run_goes_on(nlp: Language, text: str, said: str) -> None:
    bad = Article.model_construct(id="bad", text=text, annotations=())
    first, second, third = predict_scanned(nlp, scan(article(1), bad, article(2)))
    assert second.error is not None and second.error.startswith(said)
    assert (first.error, third.error) == (None, None)
    assert third.article is not None and third.article.id == "a2" and third.place == "here: article 'a2'"
    with pytest.raises(RecordError, match="article 'bad': has"):
        list(predict(nlp, [bad]))


def test_a_text_without_white_space_is_taken(nlp: Language) -> None:
    text = "Oslo met " + "$" * 5000
    (done,) = predict(nlp, [article(1, text)])
    assert done.text == text
    assert len(done.annotations[0].events or ()) == 1


def test_the_scheme_comes_from_the_model(nlp: Language) -> None:
    assert schema_of(nlp) == read_schema()


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_a_run_writes_records_tables_and_a_page(nlp: Language, tmp_path: Path) -> None:
    summary = apply_model(nlp, scan(article(1), article(2)), tmp_path / "out", as_csv=True, with_page=True)
    names = ["articles", "events", "mentions", "stances"]
    expected = {"records.jsonl", "page.html"} | {f"{n}.{kind}" for n in names for kind in ("parquet", "csv")}
    assert set(content(tmp_path / "out")) == expected == {p.name for p in summary.paths}
    assert [a.id for a in read_records(tmp_path / "out" / "records.jsonl")] == ["a1", "a2"]
    events = parquet.read_table(tmp_path / "out" / "events.parquet").to_pylist()
    assert [(e["article"], e["type"], e["trigger"], e["actor"], e["recipient"], e["sentence"]) for e in events[:2]] == [
        ("a1", "CONSULT", "met", ["Oslo"], ["Rome"], "Oslo met Rome."),
        ("a1", "ACCUSE", "accused", ["Rome"], ["Oslo"], "Then Rome accused Oslo."),
    ]
    mentions = {
        (m["article"], m["mention"]): m["text"] for m in parquet.read_table(tmp_path / "out" / "mentions.parquet").to_pylist()
    }
    assert all([mentions[e["article"], i] for i in e["actor_ids"]] == e["actor"] for e in events)
    assert summary.n_rows == {"articles": 2, "mentions": 8, "events": 4, "stances": 4}


def test_the_same_input_gives_the_same_bytes(nlp: Language, tmp_path: Path) -> None:
    for name in ("one", "two"):
        apply_model(nlp, scan(article(1), article(2)), tmp_path / name, as_csv=True, with_page=True)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_bad_rows_are_in_the_table_of_articles_and_not_among_the_records(nlp: Language, tmp_path: Path) -> None:
    said: list[str] = []
    lines = [to_line(article(1)), "not JSON\n", to_line(article(2, " ")), to_line(article(3))]
    (tmp_path / "in.jsonl").write_text("".join(lines))
    summary = apply_model(nlp, scan_articles([str(tmp_path / "in.jsonl")]), tmp_path / "out", say=said.append)
    rows = parquet.read_table(tmp_path / "out" / "articles.parquet").to_pylist()
    assert [(r["article"], r["error"] is None) for r in rows] == [("a1", True), (None, False), ("a2", False), ("a3", True)]
    assert [a.id for a in read_records(tmp_path / "out" / "records.jsonl")] == ["a1", "a3"]
    assert (summary.n_articles, summary.n_errors) == (4, 2)
    assert [line.removeprefix(str(tmp_path)) for line in said] == [
        "/in.jsonl:2: is not JSON (expected ident at line 1 column 2); write one JSON object per line",
        "/in.jsonl:3: article 'a2': has an empty text; remove it",
    ]


def test_a_run_that_fails_leaves_what_was_there(nlp: Language, tmp_path: Path) -> None:
    apply_model(nlp, scan(article(1)), tmp_path / "out")
    before = content(tmp_path / "out")

    def breaking() -> Iterator[tuple[str, Article]]:
        yield "here", article(2)
        raise RecordError("there", "cannot be read", "check the path")

    with pytest.raises(RecordError):
        apply_model(nlp, breaking(), tmp_path / "out", force=True)
    with pytest.raises(DataError, match="is there already"):
        apply_model(nlp, scan(article(2)), tmp_path / "out")
    assert content(tmp_path / "out") == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_even_force_does_not_replace_a_folder_with_files_of_others(nlp: Language, tmp_path: Path) -> None:
    apply_model(nlp, scan(article(1)), tmp_path / "out", as_csv=True, with_page=True)
    apply_model(nlp, scan(article(1)), tmp_path / "out", force=True)
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match=r"holds other files too, such as thesis\.tex; give a folder of its own"):
        apply_model(nlp, scan(article(1)), tmp_path / "out", force=True)
    assert (tmp_path / "out" / "thesis.tex").read_text() == "mine"


def test_few_articles_are_shown_as_tables_and_many_as_counts(nlp: Language, tmp_path: Path) -> None:
    few = apply_model(nlp, scan(article(1)), tmp_path / "few")
    many = apply_model(nlp, scan(*(article(i) for i in range(9))), tmp_path / "many")
    shown = list(summary_lines(few, Layout(schema_of(nlp))))
    assert [line.split() for line in shown[:8]] == [
        ["Events"],
        ["type", "trigger", "modality", "ACTOR", "RECIPIENT", "LOCATION", "DATE"],
        ["CONSULT", "met", "ASSERTED", "Oslo", "Rome", "-", "-"],
        ["ACCUSE", "accused", "ASSERTED", "Rome", "Oslo", "-", "-"],
        [],
        ["Stances"],
        ["holder", "stance", "target"],
        ["Oslo", "AGAINST", "Rome"],
    ]
    assert next(summary_lines(many, Layout(schema_of(nlp)))) == "9 articles, 36 mentions, 18 events, 18 stances"


def test_the_terminal_gets_no_control_characters(nlp: Language, tmp_path: Path) -> None:
    summary = apply_model(nlp, scan(article(1)), tmp_path / "out")
    summary.shown["stances"][0]["holder_text"] = "\x1b[31mOslo\n\x07" + "x" * 99
    lines = list(summary_lines(summary, Layout(schema_of(nlp))))
    assert all(line.isprintable() for line in lines)
    assert any("[31mOslo xxx" in line and "…" in line for line in lines)


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def copydesk_apply(site: Path, tmp_path: Path) -> Command:
    """Runs `copydesk apply` on the installed model, outside the clone."""

    def run(*arguments: object, stdin: str = "", model: str = "en_rules") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "copydesk", "apply", model, *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(site)}
        return subprocess.run(command, cwd=tmp_path, input=stdin, env=environment, capture_output=True, text=True, timeout=120)

    return run


def test_the_command_applies_an_installed_model_to_files_and_standard_input(copydesk_apply: Command, tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "harbor-1.txt").write_text(TEXT, encoding="utf-8")
    done = copydesk_apply("news", "-", "--out", "out", "--html", "--csv", stdin=to_line(article(1)))
    assert done.returncode == 0, done.stderr
    assert [a.id for a in read_records(tmp_path / "out" / "records.jsonl")] == ["harbor-1", "a1"]
    lines = done.stdout.splitlines()
    assert lines[0] == "Events"
    assert "harbor-1  ACCUSE   accused  ASSERTED  Tehran" in lines[2]
    assert lines[-1] == "out/stances.parquet" and "out/page.html" in lines
    assert (tmp_path / "out" / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_command_ends_with_1_after_bad_articles_and_keeps_the_good_ones(copydesk_apply: Command, tmp_path: Path) -> None:
    done = copydesk_apply("-", "--out", "out", stdin=to_line(article(1)) + '{"id": "a2", "text": ""}\n{"id": "a3", "te')
    assert done.returncode == 1
    assert "-:2: article 'a2': has an empty text; remove it" in done.stderr
    assert "-:3: is cut off" in done.stderr
    assert done.stderr.endswith("2 of 3 articles could not be used; articles.parquet says why\n")
    assert [a.id for a in read_records(tmp_path / "out" / "records.jsonl")] == ["a1"]


@pytest.mark.parametrize(
    ("model", "inputs", "said"),
    [
        ("no_such_model", ["-"], "no_such_model: is neither a model's folder nor an installed model"),
        ("folder", ["-"], "folder: is not a model (it has no config.cfg)"),
        ("en_rules", ["none.txt"], "none.txt: cannot be read (No such file or directory); check the path"),
        ("en_rules", ["folder"], "folder: has no articles"),
    ],
)
def test_a_wrong_name_gets_one_clear_line_and_nothing_is_written(
    model: str, inputs: list[str], said: str, copydesk_apply: Command, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    done = copydesk_apply(*inputs, "--out", "out", model=model)
    assert done.returncode == 1
    assert done.stderr.startswith(f"copydesk: {said}") and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_refused_before_the_work(copydesk_apply: Command, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    done = copydesk_apply("-", "--out", "out", model="not looked for")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "out: is there already" in done.stderr


@pytest.mark.slow
def test_a_kill_at_any_time_leaves_the_old_results_and_the_run_can_be_repeated(
    copydesk_apply: Command, site: Path, tmp_path: Path
) -> None:
    assert copydesk_apply("-", "--out", "out", stdin=to_line(article(1))).returncode == 0
    before = content(tmp_path / "out")
    sleepy = [article(i, "Sleepy Oslo met Rome.") for i in range(200)]
    (tmp_path / "in.jsonl").write_text("".join(map(to_line, sleepy)))
    command = [sys.executable, "-m", "copydesk", "apply", "en_rules", "in.jsonl", "--out", "out", "--force"]
    wait = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(site)}, stderr=subprocess.DEVNULL)
        while process.poll() is None and not list(tmp_path.glob(".out.*.part/mentions.parquet")):
            time.sleep(0.02)
        time.sleep(wait.random() * 2)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert content(tmp_path / "out") == before
        for leftover in tmp_path.glob(".out.*.part"):
            leftover.rename(tmp_path / f"left-{leftover.name}")
    again = copydesk_apply("-", "--out", "out", "--force", stdin=to_line(article(2)))
    assert again.returncode == 0
    assert [json.loads(line)["id"] for line in (tmp_path / "out" / "records.jsonl").read_text().splitlines()] == ["a2"]
