"""The local server and what goes to and comes from it; most of it against a real Label Studio."""

import json
import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import event, gold_annotation, gold_article, mention
from local_server import Server, free_port

from annotate.errors import DataError, ServiceError
from annotate.records import Annotation, Argument, Article, Event, Mention, Stance, read_records, write_records
from annotate.schema import DEFAULT_SCHEMA
from annotate.studio.connection import Address, Connection, find_address, handles
from annotate.studio.server import Login, Studio, install, read_login, start, status, stop, studio_at, write_login
from annotate.studio.tasks import in_order

pytest_plugins = ("server_fixtures",)

real = pytest.mark.server
HARD = (
    "“Peace 🕊️ at last?” asked the Courier’s 👩‍👩‍👧 column; cafe\u0301 owners in Zürich\u00a0agreed.\r\n\r\n"
    "\tPrime Minister Anna  O’Neil-Smith of the Bank of England’s board met 北京市 officials & said <b>\\n</b> “no”.  "
)


def hard_articles() -> list[Article]:
    """Articles with everything that could get lost on the way."""

    def at(name: str, words: str, label: str) -> Mention:
        return mention(name, words, label, text=HARD)

    everything = Annotation(
        annotator="gold",
        mentions=(
            at("m#1", "Bank of England", "ORG"),
            at("m%2", "England", "GPE"),
            at("m3", "Anna  O’Neil-Smith of the Bank", "PERSON"),
            at("m4", "北京市", "GPE"),
            at("m5", "Zürich\u00a0agreed.\r\n\r\n\tPrime", "FAC").model_copy(update={"meta": {"note": "crosses a line"}}),
        ),
        events=(
            Event(
                id="e1",
                start=HARD.index("met"),
                end=HARD.index("met") + 3,
                label="CONSULT",
                arguments=(
                    Argument(role="ACTOR", mention="m4"),
                    Argument(role="RECIPIENT", mention="m4"),
                    Argument(role="ACTOR", mention="m#1"),
                ),
                attributes={"modality": "NEGATED"},
            ),
            event("e2", "met", "COOPERATE", text=HARD),
        ),
        stances=(
            Stance(holder="m4", target="m3", label="AGAINST"),
            Stance(holder="m3", target="m4", label="FAVOR"),
            Stance(holder="m3", target="e1", label="FAVOR"),
            Stance(holder=None, target="m%2", label="AGAINST"),
        ),
    )
    full = Article(id="hard/1 – ü", text=HARD, title="“A” & <b>", annotations=(everything,), meta={"free": [1, None]})
    empty = Annotation(annotator="gold", mentions=(), events=(), stances=())
    partly = Annotation(annotator="gold", mentions=(at("a", "Zürich", "GPE"),))
    skipped = Annotation(annotator="gold", meta={"skipped": True, "why": "a poem"})
    return [
        full,
        Article(id="empty", text="Nothing is here.", annotations=(empty,)),
        Article(id="partly", text=HARD, annotations=(partly,)),
        Article(id="skipped", text="Roses are red.", annotations=(skipped,)),
        Article(id="untouched", text="\ufeff No one has read this.\n"),
    ]


@pytest.fixture
def records(tmp_path: Path) -> Callable[..., Path]:
    """Writes articles to a file of records."""

    def write(*articles: Article, name: str = "articles.jsonl") -> Path:
        write_records(tmp_path / name, articles, force=True)
        return tmp_path / name

    return write


# --- the local server ---------------------------------------------------------------------------------------------


def test_credentials_are_for_their_owner_alone(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "home", tmp_path / "env")
    studio.home.mkdir()
    write_login(studio, Login("desk@localhost", "secret", "token"))
    assert stat.S_IMODE((studio.home / "credentials.json").stat().st_mode) == 0o600
    assert read_login(studio) == Login("desk@localhost", "secret", "token")
    assert "secret" not in repr(read_login(studio)) and "token'" not in repr(read_login(studio))


def test_places_come_from_options_then_environment_then_data_folder(tmp_path: Path) -> None:
    environ = {"HOME": "/home/anna", "COPYDESK_STUDIO_HOME": "/srv/desk"}
    assert studio_at(tmp_path, None, environ) == Studio(tmp_path, tmp_path / "env")
    assert studio_at(None, None, environ) == Studio(Path("/srv/desk"), Path("/srv/desk/env"))
    assert studio_at(None, None, {"XDG_DATA_HOME": "/data"}).home == Path("/data/copydesk/studio")


def test_start_refuses_a_busy_port(tmp_path: Path, web: "Callable[[bytes], str]") -> None:
    port = int(web(b"{}").rpartition(":")[2])
    with pytest.raises(ServiceError, match=rf"port {port}: cannot be used .*; free it, or choose another with --port"):
        start(Studio(tmp_path / "home", tmp_path / "env"), port, user="desk", say=print)
    assert not (tmp_path / "env").exists()


def test_status_does_not_take_another_process_for_the_server(tmp_path: Path) -> None:
    plain = {"pid": os.getpid(), "born": "long ago", "port": 8080}
    (tmp_path / "server.json").write_text(json.dumps(plain))
    studio = Studio(tmp_path, tmp_path / "env")
    assert status(studio) is None
    assert stop(studio) is None


@pytest.mark.slow
def test_a_failed_installation_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    studio = Studio(tmp_path / "home", tmp_path / "env")
    with pytest.raises(ServiceError, match=r"ERROR: .*label-studio"):
        install(studio, print)


@real
def test_up_twice_leaves_one_server(server: Server) -> None:
    before = status(server.studio)
    done = server.run("studio", "up", "--port", server.port)
    assert "it runs already" in done.stderr and f"address   {server.url}" in done.stdout
    assert status(server.studio) == before
    assert "runs there already" in server.fault("studio", "up", "--port", free_port())


@real
def test_status_says_address_release_and_login(server: Server) -> None:
    said = server.ok("studio", "status")
    assert server.url in said and "1.23.2" in said and server.login[1] in said


@real
def test_down_keeps_the_data(server: Server, records: Callable[..., Path]) -> None:
    server.ok("push", records(gold_article("kept")), "--project", "kept")
    server.ok("studio", "down")
    assert "down" in server.ok("studio", "status")
    assert "none runs here" in server.fault("pull", "--project", "kept", "--out", "-")
    server.up()
    assert '"id": "kept"' in server.ok("pull", "--project", "kept", "--out", "-")


# --- addresses, keys, names ---------------------------------------------------------------------------------------


def test_handles_are_short_and_unlike_each_other() -> None:
    accounts = [(7, "", "anna@b.org"), (2, "", "anna@a.org"), (3, "boris", "b@x.org"), (4, "", "")]
    assert handles(accounts) == {2: "anna", 3: "boris", 4: "user-4", 7: "anna-7"}


@pytest.mark.parametrize(
    ("url", "environ", "said"),
    [
        (None, {}, "no server is named and none runs here"),
        ("ftp://labels.example.org", {}, "is not an address"),
        ("https://anna:secret@labels.example.org", {}, "is not an address"),
        ("https://labels.example.org", {}, "no key for this server"),
        ("https://labels.example.org", {"LABEL_STUDIO_API_KEY": "two secret\nlines"}, "a broken key for this server"),
    ],
)
def test_find_address_says_what_is_missing(tmp_path: Path, url: str | None, environ: dict[str, str], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        find_address(url, environ, Studio(tmp_path, tmp_path / "env"))
    assert "secret" not in str(caught.value)


def test_find_address_takes_the_option_before_the_environment(tmp_path: Path) -> None:
    environ = {"LABEL_STUDIO_URL": "https://b.example.org/", "LABEL_STUDIO_API_KEY": "key"}
    studio = Studio(tmp_path, tmp_path / "env")
    assert find_address("https://a.example.org", environ, studio) == Address("https://a.example.org", "key", False)
    assert find_address(None, environ, studio).url == "https://b.example.org"


def test_local_key_goes_to_no_other_server(tmp_path: Path) -> None:
    studio = Studio(tmp_path, tmp_path / "env")
    write_login(studio, Login("desk@localhost", "secret", "token"))
    with pytest.raises(DataError, match="no key for this server"):
        find_address("https://labels.example.org", {}, studio)


@pytest.fixture
def web() -> Iterator[Callable[[bytes], str]]:
    """Starts a web server that gives one answer to everything, and is no Label Studio."""
    servers: list[HTTPServer] = []

    def serve(content: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name that http.server calls
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for one in servers:
        one.shutdown()
        one.server_close()


@pytest.mark.parametrize("content", [b"<html>hello</html>", b"{}", b"[1]", b""], ids=["page", "object", "list", "nothing"])
def test_another_kind_of_server_is_said_to_be_one(web: Callable[[bytes], str], content: bytes) -> None:
    with pytest.raises(ServiceError, match="Label Studio"):
        Connection(Address(web(content), "key", False))


def test_a_server_that_is_down_is_said_to_be_down() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ServiceError, match=f"^{url}: does not answer; start it"):
        Connection(Address(url, "key", False))


@real
def test_a_wrong_key_is_refused_without_repeating_it(server: Server) -> None:
    said = server.fault("pull", "--project", "any", "--out", "-", LABEL_STUDIO_API_KEY="0123456789abcdef")
    assert "refuses the key" in said and "0123456789abcdef" not in said and "cookie" not in said


# --- there and back -----------------------------------------------------------------------------------------------


@real
def test_hard_articles_come_back_as_they_went(server: Server, records: Callable[..., Path], tmp_path: Path) -> None:
    server.ok("push", records(*hard_articles()), "--project", "hard", "--as", "annotations")
    said = server.ok("pull", "--project", "hard", "--out", tmp_path / "back.jsonl", "--ledger", tmp_path / "ledger.jsonl")
    assert list(read_records(tmp_path / "back.jsonl")) == sorted(map(in_order, hard_articles()), key=lambda a: a.id)
    assert "annotations  3, and 1 skipped" in said
    outcomes = [json.loads(line)["outcome"] for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert outcomes and set(outcomes) == {"kept"}


@real
def test_pull_twice_gives_the_same_bytes(server: Server, records: Callable[..., Path], tmp_path: Path) -> None:
    server.ok("push", records(*hard_articles()), "--project", "bytes", "--as", "annotations")
    for name in ("one", "two"):
        server.ok("pull", "--project", "bytes", "--out", tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with server.connect() as connection:
        project = connection.find_project("bytes")
        assert project is not None
        assert connection._sdk.projects.exports.list(project.id) == []  # no snapshot is left behind


@real
@pytest.mark.parametrize("marks_as", [None, "predictions", "annotations"])
def test_push_twice_doubles_nothing(server: Server, records: Callable[..., Path], marks_as: str | None) -> None:
    options = ["--project", f"twice {marks_as}", *(["--as", marks_as] if marks_as else [])]
    file = records(gold_article("one"), gold_article("two"))
    assert "2 new, 0 changed, 0 there already" in server.ok("push", file, *options)
    before = tasks_of(server, f"twice {marks_as}")
    assert "0 new, 0 changed, 2 there already" in server.ok("push", file, *options)
    assert tasks_of(server, f"twice {marks_as}") == before
    assert [len(task["annotations"]) for task in before] == ([1, 1] if marks_as == "annotations" else [0, 0])
    assert [len(task["predictions"]) for task in before] == ([1, 1] if marks_as == "predictions" else [0, 0])


@real
def test_marks_can_follow_their_articles(server: Server, records: Callable[..., Path], tmp_path: Path) -> None:
    article = gold_article("later")
    bare = article.model_copy(update={"annotations": (), "title": "First"})
    server.ok("push", records(bare), "--project", "later")
    assert "0 new, 1 changed" in server.ok("push", records(article), "--project", "later", "--as", "annotations")
    model = article.model_copy(update={"annotations": (gold_annotation("model:news@1"),)})
    server.ok("push", records(model), "--project", "later", "--as", "predictions")
    server.ok("pull", "--project", "later", "--out", tmp_path / "back.jsonl")
    assert list(read_records(tmp_path / "back.jsonl")) == [article.model_copy(update={"title": "First"})]


@real
def test_newer_prediction_of_a_model_replaces_its_older_one(server: Server, records: Callable[..., Path]) -> None:
    full = gold_annotation("model:news@1")
    less = full.model_copy(update={"stances": ()})
    for annotation in (full, less):
        file = records(gold_article("a").model_copy(update={"annotations": (annotation,)}))
        server.ok("push", file, "--project", "newer", "--as", "predictions")
    (task,) = tasks_of(server, "newer")
    (prediction,) = task["predictions"]
    assert sum(row["type"] == "relation" for row in prediction["result"]) == 3


@real
def test_two_annotators_and_a_skipped_article(server: Server, records: Callable[..., Path], tmp_path: Path) -> None:
    skipped = Annotation(annotator="boris", meta={"skipped": True})
    article = gold_article("two").model_copy(update={"annotations": (gold_annotation("anna"), skipped)})
    said = server.fault("push", records(article), "--project", "people", "--as", "annotations")
    assert "annotator 'anna': has no account on" in said
    with server.connect() as connection:
        assert connection.find_project("people") is None  # nothing was sent
    server.ok("push", records(article), "--project", "people", "--as", "annotations", "--create-annotators")
    (task,) = tasks_of(server, "people")
    assert sorted(a["completed_by"]["email"] for a in task["annotations"]) == ["anna@localhost", "boris@localhost"]
    said = server.ok("pull", "--project", "people", "--out", tmp_path / "back.jsonl")
    assert "annotations  1, and 1 skipped" in said and "annotators   anna, boris" in said
    assert list(read_records(tmp_path / "back.jsonl")) == [article]
    assert "anna@localhost" in server.ok("studio", "status")
    assert "0 new, 0 changed" in server.ok("push", tmp_path / "back.jsonl", "--project", "people", "--as", "annotations")


@real
def test_a_persons_annotation_can_follow_the_article(server: Server, records: Callable[..., Path], tmp_path: Path) -> None:
    article = gold_article("one", annotator="clara")
    server.ok("push", records(article), "--project", "follow")
    server.ok("push", records(article), "--project", "follow", "--as", "annotations", "--create-annotators")
    server.ok("pull", "--project", "follow", "--out", tmp_path / "back.jsonl")
    assert list(read_records(tmp_path / "back.jsonl")) == [article]
    assert "0 new, 0 changed" in server.ok("push", records(article), "--project", "follow", "--as", "annotations")


# --- one clear line -----------------------------------------------------------------------------------------------


@real
def test_changed_text_under_a_known_id_is_refused(server: Server, records: Callable[..., Path]) -> None:
    article = gold_article("same")
    server.ok("push", records(article), "--project", "changed")
    other = article.model_copy(update={"text": article.text.replace("Paris", "Rome!"), "annotations": ()})
    said = server.fault("push", records(other, gold_article("new")), "--project", "changed")
    assert "article 'same': has another text in the project (they part at character 72); give the new text an id" in said
    assert len(tasks_of(server, "changed")) == 1


@real
def test_another_annotation_by_the_same_person_is_not_overwritten(server: Server, records: Callable[..., Path]) -> None:
    article = gold_article("same")
    server.ok("push", records(article), "--project", "another", "--as", "annotations")
    other = gold_annotation().model_copy(update={"stances": ()})
    file = records(article.model_copy(update={"annotations": (other,)}))
    said = server.fault("push", file, "--project", "another", "--as", "annotations")
    assert "has another annotation by gold in the project; pull that one first" in said


@real
def test_two_projects_of_one_title_are_told_apart_by_nobody(server: Server, records: Callable[..., Path]) -> None:
    with server.connect() as connection:
        numbers = [connection._sdk.projects.create(title="double").id for _ in range(2)]
    for command in (["push", records(gold_article("a"))], ["pull", "--out", "-"]):
        said = server.fault(*command, "--project", "double")
        assert f"is the title of the projects {numbers[0]} and {numbers[1]}; rename one" in said


@real
@pytest.mark.parametrize("title", ["ab", " a ", "x" * 51], ids=["two", "blank", "long"])
def test_title_out_of_bounds_is_refused(server: Server, records: Callable[..., Path], title: str) -> None:
    assert "has not 3 to 50 characters" in server.fault("push", records(gold_article("a")), "--project", title)


@real
def test_pull_of_an_unknown_project_is_refused(server: Server, tmp_path: Path) -> None:
    assert "--project 'nowhere': is not on" in server.fault("pull", "--project", "nowhere", "--out", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


@real
@pytest.mark.parametrize(
    ("line", "control"),
    [
        ('GPE = "A country', "'GPE' (entity)"),
        ('CONSULT = "To talk', "'CONSULT' (event)"),
        ('PLANNED = "It is', "'PLANNED' (modality)"),
        ('AGAINST = "The holder', "'AGAINST' (relation)"),
    ],
    ids=["entity", "event", "modality", "stance"],
)
def test_removing_a_label_in_use_is_refused(
    server: Server, records: Callable[..., Path], tmp_path: Path, line: str, control: str
) -> None:
    title = f"removed {control[:12]}"
    server.ok("push", records(gold_article("used")), "--project", title, "--as", "annotations")
    scheme = tmp_path / "scheme.toml"
    lines = [text for text in DEFAULT_SCHEMA.read_text().splitlines() if not text.startswith(line)]
    label = line.split()[0]
    scheme.write_text("\n".join(lines).replace(f'"{label}", ', "").replace(f', "{label}"', ""))
    said = server.fault("push", records(Article(id="new", text="New.")), "--project", title, "--schema", scheme)
    assert f"article 'used': uses {control} in the project, which the scheme no longer has" in said


@real
def test_an_unused_label_can_go(server: Server, records: Callable[..., Path], tmp_path: Path) -> None:
    server.ok("push", records(gold_article("used")), "--project", "unused", "--as", "annotations")
    scheme = tmp_path / "scheme.toml"
    scheme.write_text("\n".join(line for line in DEFAULT_SCHEMA.read_text().splitlines() if not line.startswith("ASSAULT")))
    server.ok("push", records(gold_article("used")), "--project", "unused", "--schema", scheme)
    with server.connect() as connection:
        project = connection.find_project("unused")
    assert project is not None and "ASSAULT" not in project.label_config + project.instructions


@real
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"id": "b", "text": ""}', "has an empty text"),
        ('{"id": "b", "text": "a\\u0000b"}', "has a NUL character"),
        ('{"id": "b", "text": "\\ud800"}', "lone surrogate"),
        (json.dumps({"id": "b", "text": "a" * 2_000_000}), "has 2,000,000 characters"),
        ('{"id": "a", "text": "twice"}', "has the id of"),
        ('{"id": "b", "text": "cut', "is cut off"),
        ('{"id": "b", "text": "Rome", "annotations": [{"annotator": "gold", "mentions": '
         '[{"id": "m", "start": 0, "end": 9, "label": "GPE"}]}]}', "ends at 9 but the text has 4 characters"),
        ('{"id": "b", "text": "Rome", "annotations": [{"annotator": "gold", "mentions": '
         '[{"id": "m", "start": 0, "end": 4, "label": "TOWN"}]}]}', "has the unknown label TOWN"),
    ],
    ids=["empty", "NUL", "surrogate", "2 MB", "twice", "cut", "range", "label"],
)  # fmt: skip
def test_a_bad_article_stops_push_before_anything_is_sent(
    server: Server, records_file: Callable[[str], Path], content: str, said: str
) -> None:
    file = records_file('{"id": "a", "text": "good"}\n' + content + "\n")
    assert said in server.fault("push", file, "--project", "bad articles")
    with server.connect() as connection:
        assert connection.find_project("bad articles") is None


@real
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--as", "annotations"], "annotator 'model:news@1': is no person"),
        (["--as", "predictions", "--annotator", "dora"], "annotator 'dora': annotated none of the articles"),
    ],
    ids=["model", "unknown"],
)
def test_push_refuses_the_wrong_annotator(server: Server, records: Callable[..., Path], options: list[str], said: str) -> None:
    article = gold_article("a", annotator="model:news@1")
    assert said in server.fault("push", records(article), "--project", "wrong annotator", *options)


@real
def test_pull_refuses_to_overwrite(server: Server, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("mine")
    assert "is there already" in server.fault("pull", "--project", "any", "--out", tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == "mine"


# --- sudden death -------------------------------------------------------------------------------------------------


@real
@pytest.mark.slow
@pytest.mark.parametrize("delay_seconds", [0.0, 0.3])
def test_push_is_completed_after_the_server_was_killed(
    server: Server, records: Callable[..., Path], delay_seconds: float
) -> None:
    title, file = f"killed {delay_seconds}", records(*(gold_article(f"a-{n:04}") for n in range(1500)))
    options = ["push", file, "--project", title, "--as", "predictions"]
    process = subprocess.Popen(server.command(*options), env=server.environ, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "uploaded 500 of 1500" in process.stderr.readline()
    time.sleep(delay_seconds)
    running = status(server.studio)
    assert running is not None
    os.killpg(running.pid, signal.SIGKILL)
    said = process.stderr.read()
    assert process.wait() == 1
    process.stderr.close()
    assert said.splitlines()[-1].startswith(f"copydesk: {server.url}: ") and "run the command again" in said
    server.up()
    server.ok(*options)
    tasks = tasks_of(server, title)
    assert [task["data"]["id"] for task in tasks] == [f"a-{n:04}" for n in range(1500)]
    assert {len(task["predictions"]) for task in tasks} == {1}


@real
@pytest.mark.slow
def test_killed_pull_leaves_what_was_there(server: Server, records: Callable[..., Path], tmp_path: Path) -> None:
    server.ok("push", records(*(gold_article(f"a-{n:03}") for n in range(300))), "--project", "pulled", "--as", "annotations")
    out, ledger = tmp_path / "out.jsonl", tmp_path / "ledger.jsonl"
    options = ["pull", "--project", "pulled", "--out", out, "--ledger", ledger, "--force"]
    out.write_text("before")
    for delay_seconds in (0.0, 0.3, 0.7):
        process = subprocess.Popen(server.command(*options), env=server.environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(delay_seconds)
        process.kill()
        process.communicate()
        assert out.read_text() == "before" or len(out.read_text().splitlines()) == 300
    server.ok(*options)
    assert len(list(read_records(out))) == 300


def tasks_of(server: Server, title: str) -> list[dict[str, Any]]:
    """The project's tasks as they are on the server, but for what changes from one moment to the next."""
    with server.connect() as connection:
        project = connection.find_project(title)
        assert project is not None
        tasks = connection.export(project.id)
    for task in tasks:
        for prediction in task["predictions"]:
            del prediction["created_ago"]
    return tasks
