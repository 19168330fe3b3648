"""The whole loop, once, with the real parts: server, browser, training, wheels installed elsewhere."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest
from browser import CHROMIUM, Link, Mark, label_in_browser
from local_server import ROOT, Server

from annotate.records import Annotation, Article, read_records, write_records
from annotate.schema import Schema
from annotate.studio.interface import EVENT, attribute_controls, hotkeys
from annotate.studio.server import read_login

pytest_plugins = ("server_fixtures",)
ELSEWHERE = ROOT / ".cache" / "clean" / "bin" / "python"
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; `make test` installs it"),
    pytest.mark.skipif(not ELSEWHERE.exists(), reason="no clean environment; `make test` makes one"),
]

FRESH = (
    "“Talks 🕊️ at last,” ran the Courier’s headline. Tehran accused Washington of bad faith on Tuesday, before Friday’s "
    "planned talks in Vienna. Berlin’s envoy called for calm."
)
QUICK = ("--training.max_steps", "30", "--training.eval_frequency", "15", "--components.tok2vec.model.encode.depth", "2")


def told_by(annotators: tuple[str, ...], articles: Iterator[Article]) -> Iterator[Article]:
    """The articles with their gold annotation under each annotator's name; all but the first saw fewer events."""
    for article in articles:
        (gold,) = article.annotations
        made = [gold.model_copy(update={"annotator": annotators[0]})]
        for name in annotators[1:]:
            made.append(Annotation(annotator=name, mentions=gold.mentions, events=(gold.events or ())[::2], stances=()))
        yield article.model_copy(update={"annotations": tuple(made)})


def label_fresh_article(server: Server, schema: Schema, email: str, password: str) -> None:
    """Marks the fresh article in the browser: entities, triggers with modality, an argument, a stance."""
    with server.connect() as connection:
        project = connection.find_project("loop")
        assert project is not None
        (task,) = (t for t in connection.export(project.id) if t["data"]["id"] == "fresh")
    keys = hotkeys(schema)
    (modality,) = attribute_controls(schema)
    marks = [
        Mark("Tehran", keys["entity", "GPE"]),
        Mark("Washington", keys["entity", "GPE"]),
        Mark("accused", keys[EVENT, "ACCUSE"]),
        Mark("talks in Vienna", keys[EVENT, "CONSULT"], keys[modality, "PLANNED"]),
    ]
    links = [Link("accused", "Tehran", "ACTOR"), Link("Tehran", "Washington", "AGAINST")]
    label_in_browser(server.url, email, password, project.id, task["id"], marks=marks, links=links)


def build_wheel(folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
        ".",
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("copydesk-*.whl")
    return wheel


def install(site: Path, *wheels: Path) -> None:
    command = [str(ELSEWHERE), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*command, *map(str, wheels)], check=True, capture_output=True)


def run_elsewhere(site: Path, *arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Runs the installed `copydesk` with nothing of the clone in reach."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "HOME": str(cwd)}
    command = [str(ELSEWHERE), "-m", "copydesk", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_from_articles_to_a_model_applied_elsewhere(server: Server, schema: Schema, tmp_path: Path) -> None:
    labelled = sorted(read_records(ROOT / "corpus" / "train.jsonl"), key=lambda a: a.story_or_id)[:12]
    articles = [*told_by(("ada", "ben"), iter(labelled)), Article(id="fresh", text=FRESH)]
    write_records(tmp_path / "in.jsonl", articles)

    server.ok("push", tmp_path / "in.jsonl", "--project", "loop", "--as", "annotations", "--create-annotators")
    login = read_login(server.studio)
    assert login is not None
    ada = next(email for email in login.people if email.startswith("ada@"))
    label_fresh_article(server, schema, ada, login.people[ada])
    said = server.ok("pull", "--project", "loop", "--out", tmp_path / "out.jsonl", "--ledger", tmp_path / "ledger.jsonl")
    assert "dropped" not in {json.loads(line)["outcome"] for line in (tmp_path / "ledger.jsonl").read_text().splitlines()}, said

    pulled = {article.id: article for article in read_records(tmp_path / "out.jsonl")}
    assert {i: a.annotations for i, a in pulled.items() if i != "fresh"} == {a.id: a.annotations for a in articles[:-1]}
    (made,) = pulled["fresh"].annotations
    assert made.annotator == "ada"
    assert [FRESH[m.start : m.end] for m in made.mentions or ()] == ["Tehran", "Washington"]
    assert [(FRESH[e.start : e.end], e.attributes["modality"], len(e.arguments)) for e in made.events or ()] == [
        ("accused", "ASSERTED", 1),
        ("talks in Vienna", "PLANNED", 0),
    ]
    assert [s.label for s in made.stances or ()] == ["AGAINST"]

    server.ok("check", tmp_path / "out.jsonl")
    server.ok("split", tmp_path / "out.jsonl", "--annotator", "ada", "--out", tmp_path / "split")
    server.ok("train", tmp_path / "split", "--annotator", "ada", "--base", "none", "--out", tmp_path / "model", *QUICK)
    server.ok(
        "evaluate", tmp_path / "model", tmp_path / "split/test.jsonl", "--annotator", "ada", "--json", tmp_path / "scores.json"
    )
    assert json.loads((tmp_path / "scores.json").read_text())["mentions"]["n_gold"] > 0
    server.ok("package", tmp_path / "model", "--out", tmp_path / "dist")

    install(tmp_path / "site", build_wheel(tmp_path / "own"), *(tmp_path / "dist").glob("*.whl"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "news.txt").write_text(FRESH, encoding="utf-8")
    done = run_elsewhere(
        tmp_path / "site", "apply", "en_news_events", "news.txt", "--out", "found", "--html", cwd=tmp_path / "elsewhere"
    )
    assert done.returncode == 0, done.stderr
    (applied,) = read_records(tmp_path / "elsewhere/found/records.jsonl")
    assert applied.text == FRESH
    (prediction,) = applied.annotations
    assert prediction.annotator == "model:en_news_events@0.1.0"
    table = pyarrow.parquet.read_table(tmp_path / "elsewhere/found/mentions.parquet").to_pylist()
    assert [row["mention"] for row in table] == [m.id for m in prediction.mentions or ()]


def test_own_wheel_works_outside_the_clone(tmp_path: Path) -> None:
    install(tmp_path / "site", build_wheel(tmp_path / "own"))
    assert run_elsewhere(tmp_path / "site", "--version", cwd=tmp_path).stdout.startswith("copydesk ")
    made = run_elsewhere(tmp_path / "site", "init", "project", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    (tmp_path / "in.jsonl").write_text('{"id": "a", "text": "Tehran accused Washington."}\n', encoding="utf-8")
    checked = run_elsewhere(tmp_path / "site", "check", "in.jsonl", "--schema", "project/configs/schema.toml", cwd=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
