"""Bad input through the command line: one clear line (place, finding, remedy), exit code 1, nothing written, nothing lost."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

import pytest
import tomli_w
from conftest import gold_article
from local_server import Server
from test_train import SMALL, corpus

import copydesk
from annotate.records import read_records, to_line, write_records
from annotate.studio.server import status

pytest_plugins = ("server_fixtures",)

GOOD = to_line(gold_article("good")).encode()
FLAGS = ["--base", "none", *(f"--{name}={json.dumps(value)}" for name, value in SMALL.items())]


def record(**fields: object) -> bytes:
    return json.dumps({"id": "b", "text": "Oslo met Rome.", **fields}).encode() + b"\n"


def marked(**fields: object) -> bytes:
    return record(
        annotations=[{"annotator": "gold", "mentions": [{"id": "m", "start": 0, "end": 4, "label": "GPE", **fields}]}]
    )


# What is in the file behind one good article, and what is said of it.
BAD_ARTICLES: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"hello\n", "in.jsonl:2: is not JSON"),
    "no object": (b"[1]\n", "in.jsonl:2: Input should be an object"),
    "cut off": (GOOD[:200].replace(b"good", b"b"), "in.jsonl:2: is cut off"),
    "Latin-1": ('{"id": "b", "text": "Café"}\n'.encode("latin-1"), "in.jsonl:2: is not UTF-8 (byte 25)"),
    "2 MB": (record(text="word " * 400_000), "has 2,000,000 characters, more than 1,000,000; cut it into parts"),
    "empty": (record(text=""), "article 'b': has an empty text; remove it"),
    "NUL": (record(text="a\0b"), "article 'b': has a NUL character at 1"),
    "lone surrogate": (b'{"id": "b", "text": "a \\ud83d b"}\n', "in.jsonl:2: has half a character (a lone surrogate)"),
    "surrogate in a title": (b'{"id": "b", "text": "a", "title": "\\udc00"}\n', "has half a character (a lone surrogate)"),
    "known id": (GOOD, "article 'good': has the id of "),
    "line break in the id": (record(id="b\nTraceback", text=""), r"article 'b\nTraceback': has an empty text"),
    "100 kB of id": (record(id="b" * 100_000, text=""), "bbb': has an empty text"),
    "deep nesting": (b'{"id": "b", "text": "a", "meta": ' + b'{"a":' * 9999 + b"1" + b"}" * 9999 + b"}\n", "is not JSON"),
    "huge number": (b'{"id": "b", "text": "a", "meta": {"n": ' + b"9" * 6000 + b"}}\n", "is not JSON (number out of range"),
    "not a number": (b'{"id": "b", "text": "a", "meta": {"n": NaN}}\n', "is not JSON"),
    "misspelt field": (record(annotation=[]), "field 'annotation' looks like a misspelt 'annotations'"),
    "end behind the text": (marked(end=99), "mention 'm' ends at 99 but the text has 14 characters"),
    "annotated by nobody": (record(annotations=[{"annotator": ""}]), "has an annotation by nobody; name its annotator"),
}
UNKNOWN_LABEL = {"unknown label": (marked(label="TOWN"), "mention 'm' has the unknown label TOWN")}


def run(*arguments: object, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Runs `copydesk` with these arguments in this process, and says how it ended."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.dict(os.environ, environ),
        patch.object(sys, "argv", ["copydesk", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            copydesk.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(*arguments: object, **environ: str) -> str:
    """Runs `copydesk`, which must end with one line and leave every file as it was; gives that line."""
    before = contents()
    done = run(*arguments, **environ)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert done.stderr.startswith("copydesk: ") and done.stderr.count("\n") == 1, done.stderr
    assert len(done.stderr) < 1500
    assert contents() == before
    return done.stderr


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


STOPPING: dict[str, list[object]] = {
    "train": ["train", "in.jsonl", "--out", "out", *FLAGS],
    "split": ["split", "in.jsonl", "--out", "out"],
    "convert": ["convert", "in.jsonl", "--out", "out.spacy"],
    "push": ["push", "in.jsonl", "--project", "articles", "--url", "http://127.0.0.1:1"],
}


@pytest.mark.parametrize("command", STOPPING)
@pytest.mark.parametrize(("line", "said"), BAD_ARTICLES.values(), ids=BAD_ARTICLES)
def test_a_bad_article_stops_the_command_before_anything_is_written(command: str, line: bytes, said: str, here: Path) -> None:
    (here / "in.jsonl").write_bytes(GOOD + line)
    assert said in refused(*STOPPING[command], LABEL_STUDIO_API_KEY="key")


IN = {"in.jsonl": b"".join(to_line(article).encode() for article in corpus(3))}
TRAIN = STOPPING["train"]
SCHEME = b'name = "x"\n[entities]\nGPE = "A country."\n'
# Files, command, what is said. MODEL stands for a trained model.
MISTAKES: dict[str, tuple[dict[str, bytes], list[object], str]] = {
    "scheme with an unknown key": (
        IN | {"s.toml": b"colour = 1\n" + SCHEME}, [*TRAIN, "--schema", "s.toml"], "s.toml: has the unknown key 'colour'"
    ),
    "scheme with an unknown key in a table": (
        IN | {"s.toml": SCHEME + b'[roles.R]\ndefinition = "d"\nentities = []\nevent = []\n'},
        [*STOPPING["push"], "--schema", "s.toml"], "s.toml: has the unknown key 'roles.R.event'"
    ),
    "scheme that is a folder": (IN | {"s/a": b""}, ["check", "in.jsonl", "--schema", "s"], "s: cannot be read (Is a dir"),
    "folder that is no model": (IN | {"m/a": b""}, ["apply", "m", "in.jsonl", "--out", "o"], "m: is not a model"),
    "file that is no model": (IN | {"m": b""}, ["evaluate", "m", "in.jsonl"], "m: cannot be loaded"),
    "model that is cut off": (
        IN | {"m/config.cfg": b"[nlp]\n", "m/meta.json": b"{"}, ["apply", "m", "in.jsonl", "--out", "o"], "m: cannot be loaded"
    ),
    "nothing to package": ({"m/a": b""}, ["package", "m", "--out", "d"], "m: is not a model folder of copydesk"),
    "base that is none": (IN | {"b/a": b""}, ["train", "in.jsonl", "--out", "o", "--base", "b"], "base 'b': is neither an"),
    "config that is empty": (IN | {"c": b""}, [*TRAIN, "--config", "c"], "c: has no paths; start from a .cfg file of"),
    "config that is none": (IN | {"c": b"[x\n"}, [*TRAIN, "--config", "c"], "c: is no spaCy config (Config validation error)"),
    "no step between evaluations": (IN, [*TRAIN, "--training.eval_frequency", "0"], "training.eval_frequency: is 0"),
    "seed below none": (IN, [*TRAIN, "--training.seed", "-1"], "training.seed: is -1; give at least 0"),
    "seed beyond numpy's": (IN, [*TRAIN, "--training.seed", "4294967296"], "is 4294967296; give at most 4294967295"),
    "no article at a time": (IN, [*TRAIN, "--nlp.batch_size", "0"], "nlp.batch_size: is 0; give at least 1"),
    "articles in pieces": (IN, [*TRAIN, "--corpora.train.max_length", "5"], "corpora.train.max_length: is 5, and articles"),
    "weight of a table": (
        IN, [*TRAIN, "--training.score_weights.ents_per_type", "1"], "score_weights.ents_per_type: gives a weight to what"
    ),
    "too few rows": (IN, [*TRAIN, "--components.tok2vec.model.embed.rows", "[50,50]"], "config: Mismatched lengths: 2 vs 4"),
    "no width": (IN, [*TRAIN, "--components.ner.model.hidden_width", "0"], "components.ner.model.hidden_width: is 0; give"),
    "width below none": (IN, [*TRAIN, "--components.tok2vec.model.encode.width", "-5"], "model.encode.width: is -5; give"),
    "no row": (IN, [*TRAIN, "--components.tok2vec.model.embed.rows", "[50, 0, 50, 50]"], "model.embed.rows: is 0; give at l"),
    "section that is a number": (
        IN, [*TRAIN, "--training.batcher.size.stop", "0"], "--training.batcher.size.stop: is not a setting of the config"
    ),
    "number for a section": (IN, [*TRAIN, "--training.score_weights", "3"], "is a section of the config, and 3 is none"),
    "section within a number": (IN, [*TRAIN, "--training.dropout.rate.low", "0"], "there is no [training.dropout.rate] in"),
    "choice of no width": (
        IN | {"r.toml": b"components.ner.model.hidden_width = { choices = [64, 0] }"},
        [*TRAIN, "--search", "2", "--ranges", "r.toml"], "ner.model.hidden_width: is 128 in the config, and 0 here; give"
    ),
    "steps below none": (IN, [*TRAIN, "--training.max_steps", "-1"], "training.max_steps: is -1; give at least 0"),
    "number with a comma": (IN, [*TRAIN, "--training.score_weights.ents_f", "0,5"], "is a number, and 0,5 is none"),
    "number that is none": (IN, [*TRAIN, "--components.ner.threshold", "NaN"], "is a number, and nan is none"),
    "train in place of other files": (IN | {"o/mine": b""}, [*TRAIN, "--out", "o", "--force"], "o: holds other files"),
    "train in place of its own input": (IN, [*TRAIN, "--out", ".", "--force"], ".: would replace what this command reads"),
    "split in place of its own input": (IN, ["split", "in.jsonl", "--out", ".", "--force"], ".: would replace what this comm"),
    "download in place of other files": (
        IN, ["download", "en_core_web_sm", "--out", ".", "--force"], ".: holds other files"
    ),
    "apply in place of its own input": (
        IN, ["apply", "MODEL", "in.jsonl", "--out", ".", "--force"], ".: would replace what this command reads"
    ),
    "apply in place of an input file": (
        IN, ["apply", "MODEL", "in.jsonl", "--out", "in.jsonl", "--force"], "in.jsonl: is no folder; give another path"
    ),
    "shares that leave nothing": (
        IN, ["split", "in.jsonl", "--out", "o", "--dev", "0.7", "--test", "0.3"], "shares 0, 0.7, 0.3: leave nothing"
    ),
    "shares that leave less than nothing": (
        IN, ["split", "in.jsonl", "--out", "o", "--dev", "0.9", "--test", "0.2"], "shares -0.1, 0.9, 0.2: leave nothing"
    ),
    "shares that are no numbers": (IN, ["split", "in.jsonl", "--out", "o", "--dev", "nan"], "shares nan, nan, 0.2: leave"),
    "language that spaCy lacks": (IN, ["convert", "in.jsonl", "--out", "o", "--language", "zz"], "knows no language 'zz'"),
    "step of no batches": (IN, [*TRAIN, "--training.accumulate_gradient", "0"], "training.accumulate_gradient: is 0"),
    "scheme of a thousand brackets": (
        IN | {"s.toml": b"a = " + b"[" * 9999}, [*TRAIN, "--schema", "s.toml"], "s.toml: is not TOML"
    ),
    "scheme with a huge number": (
        IN | {"s.toml": b"format = " + b"9" * 6000}, [*TRAIN, "--schema", "s.toml"], "s.toml: is not TOML"
    ),
    "header of a thousand brackets": (
        {"in.jsonl": b'{"copydesk": ' + b"[" * 99999}, TRAIN, "in.jsonl:1: has a broken header line"
    ),
    "table with a thousand brackets": (
        {"a.csv": b"id,text,meta\n1,a," + b"[" * 99999 + b"\n"}, [*TRAIN[:1], "a.csv", *TRAIN[2:]], "has no JSON in the col"
    ),
    "data set without a name": ({}, ["check", "hf:"], "hf:: names no data set"),
    "address that is none": ({}, ["pull", "--project", "abc", "--out", "o", "--url", "http://[::1"], "--url: is not an"),
    "server that is down": ({}, ["pull", "--project", "abc", "--out", "o", "--url", "http://127.0.0.1:1"], "does not answer"),
    "comparison of a model with none": (IN, ["compare", "MODEL", "m", "in.jsonl"], "m: is neither a model's folder nor"),
    "agreement of one annotator": (IN, ["agree", "in.jsonl"], "have none that two annotators annotated; give the annotations"),
    "agreement of strangers": (IN, ["agree", "in.jsonl", "--annotators", "ana,ben"], "have none that ana and ben annotated"),
    "agreement over its own input": (IN, ["agree", "in.jsonl", "--differences", "in.jsonl"], "would replace what"),
    "export with a huge number": (
        {"a.json": b"[" + b"9" * 6000 + b"]"}, ["import", "a.json", "--out", "o", "--schema-out", "s"], "has a huge number"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "arguments", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_one_line_and_changes_nothing(
    files: dict[str, bytes], arguments: list[object], said: str, here: Path, model: Path
) -> None:
    for name, content in files.items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_bytes(content)
    assert said in refused(*(model if a == "MODEL" else a for a in arguments), LABEL_STUDIO_API_KEY="key")


OVER_THEIR_INPUT: list[list[str]] = [
    ["compile", "d", "--out", "d/a.marked"],
    ["agree", "d/in.jsonl", "--json", "d/in.jsonl"],
    ["page", "d", "--out", "d/in.jsonl"],
    ["import", "d/in.jsonl", "--schema-out", "s.toml", "--out", "d/in.jsonl"],
    ["split", "d", "--out", "d"],
    ["convert", "d/in.jsonl", "--out", "d/in.jsonl"],
    ["train", "d", "--out", "o", "--html", "d/in.jsonl"],
    ["evaluate", "m", "d/in.jsonl", "--html", "m/meta.json"],
    ["compare", "m", "m", "d/in.jsonl", "--json", "m/ner/model"],
    ["curve", "d", "--base", "none", "--on", "d/in.jsonl", "--json", "d/../d/in.jsonl"],
    ["apply", "m", "d/in.jsonl", "--out", "d"],
]


@pytest.mark.parametrize("command", OVER_THEIR_INPUT, ids=lambda command: command[0])
def test_no_command_replaces_what_it_reads(command: list[str], here: Path) -> None:
    model = {"m/meta.json": b'{"components": ["ner"]}', "m/ner/model": b"weights"}
    for name, content in ({"d/in.jsonl": IN["in.jsonl"], "d/a.marked": b"# a"} | model).items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(content)
    said = refused(*command, "--force")
    assert said == f"copydesk: {command[-1]}: would replace what this command reads; give another path\n"


@pytest.mark.parametrize("seed", [-1, 2**32])
@pytest.mark.parametrize("command", ["train", "split", "evaluate", "compare"])
def test_a_seed_that_numpy_cannot_take_is_wrong_usage(command: str, seed: int, here: Path) -> None:
    (here / "in.jsonl").write_bytes(IN["in.jsonl"])
    commands = STOPPING | {"evaluate": ["evaluate", "m", "in.jsonl"], "compare": ["compare", "m", "n", "in.jsonl"]}
    done = run(*commands[command], "--seed", seed)
    assert done.returncode == 2 and "seed" in done.stderr, done.stderr
    assert list(contents()) == ["in.jsonl"]


@pytest.mark.skipif(sys.platform != "linux", reason="only there can a name be any bytes")
def test_a_file_whose_name_is_not_utf8_is_read_under_an_escaped_name(here: Path, model: Path) -> None:
    (here / "in").mkdir()
    (here / os.fsdecode(b"in/caf\xe9.txt")).write_text("Oslo met Rome.")
    (here / os.fsdecode(b"in/bad\xe9.txt")).write_text("")
    done = run("apply", model, "in", "--out", "out", "--csv", "--html")
    assert done.returncode == 1
    assert done.stderr.startswith(r"in/bad\udce9.txt: article 'bad\udce9': has an empty text; remove it")
    assert [article.id for article in read_records(here / "out" / "records.jsonl")] == [r"caf\udce9"]


def test_a_file_that_is_given_twice_is_told(here: Path) -> None:
    (here / "in.jsonl").write_bytes(GOOD)
    done = run("check", "in.jsonl", "in.jsonl")
    assert done.returncode == 1
    assert "in.jsonl:1: article 'good': has the id of in.jsonl:1" in done.stdout


def test_a_scheme_saved_on_windows_is_read(here: Path) -> None:
    (here / "in.jsonl").write_bytes(record())
    (here / "s.toml").write_bytes(b"\xef\xbb\xbf" + SCHEME.replace(b"\n", b"\r\n"))
    assert run("check", "in.jsonl", "--schema", "s.toml").returncode == 0


def test_a_language_that_needs_another_package_names_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("sudachipy", "sudachidict_core"):
        monkeypatch.setitem(sys.modules, package, None)
    (here / "in.jsonl").write_bytes(GOOD)
    said = refused("convert", "in.jsonl", "--out", "out.spacy", "--language", "ja")
    assert "spaCy's 'ja' lacks another package (Japanese support requires SudachiPy" in said


def test_a_whole_number_is_good_for_a_setting_that_takes_fractions(here: Path) -> None:
    (here / "in.jsonl").write_bytes(IN["in.jsonl"])
    assert run(*TRAIN, "--training.dropout", "0").returncode == 0


@pytest.mark.parametrize("command", ["train", "push"])
def test_a_label_that_the_scheme_lacks_stops_training_and_push(command: str, here: Path) -> None:
    (here / "in.jsonl").write_bytes(GOOD + marked(label="TOWN"))
    assert "mention 'm' has the unknown label TOWN" in refused(*STOPPING[command], LABEL_STUDIO_API_KEY="key")


@pytest.mark.parametrize("content", [b"", b"\n \n", b'{"copydesk": {"format": 1}}\n'], ids=["empty", "blank", "header"])
@pytest.mark.parametrize("command", [*STOPPING, "apply", "evaluate"])
def test_an_empty_corpus_is_refused(command: str, content: bytes, here: Path, model: Path) -> None:
    (here / "in.jsonl").write_bytes(content)
    commands = STOPPING | {
        "apply": ["apply", model, "in.jsonl", "--out", "out"],
        "evaluate": ["evaluate", model, "in.jsonl", "--json", "scores.json"],
    }
    assert " article" in refused(*commands[command], LABEL_STUDIO_API_KEY="key")


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(here: Path) -> None:
    (here / "in.jsonl").write_bytes(b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") + record())
    assert [article.id for article in read_records(here / "in.jsonl")] == ["good", "b"]
    assert run("check", "in.jsonl").stdout == "2 articles, 1 annotation, 0 faults, 0 warnings\n"


@pytest.mark.parametrize(("line", "said"), (BAD_ARTICLES | UNKNOWN_LABEL).values(), ids=BAD_ARTICLES | UNKNOWN_LABEL)
def test_check_says_each_fault_in_one_line(line: bytes, said: str, here: Path) -> None:
    (here / "in.jsonl").write_bytes(GOOD + line)
    done = run("check", "in.jsonl")
    assert done.returncode == 1
    assert done.stderr == ""
    finding, counts = done.stdout.splitlines()
    assert said in finding
    assert "1 fault, 0 warnings" in counts


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    (folder / "in.jsonl").write_text("".join(map(to_line, corpus())), encoding="utf-8")
    done = run("train", folder / "in.jsonl", "--out", folder / "model", *FLAGS)
    assert done.returncode == 0, done.stderr
    return folder / "model"


@pytest.mark.parametrize(("line", "said"), BAD_ARTICLES.values(), ids=BAD_ARTICLES)
def test_apply_makes_a_bad_article_a_row_and_goes_on(line: bytes, said: str, here: Path, model: Path) -> None:
    from pyarrow import parquet

    (here / "in.jsonl").write_bytes(GOOD + line.rstrip(b"\n") + b"\n" + record(id="last"))
    done = run("apply", model, "in.jsonl", "--out", "out")
    assert done.returncode == 1
    complaint, _, end = done.stderr.splitlines()
    assert said in complaint
    assert end == "1 of 3 articles could not be used; articles.parquet says why"
    assert [article.id for article in read_records(here / "out" / "records.jsonl")] == ["good", "last"]
    rows = parquet.read_table(here / "out" / "articles.parquet").to_pylist()
    assert [bool(row["error"]) for row in rows] == [False, True, False]


COPYDESK = [sys.executable, "-m", "copydesk"]


def test_a_reader_that_goes_away_ends_the_command_without_a_word(here: Path) -> None:
    (here / "in.jsonl").write_bytes(b"".join(marked(end=99).replace(b'"b"', b'"%d"' % n) for n in range(2000)))
    process = subprocess.Popen([*COPYDESK, "check", "in.jsonl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    assert b"ends at 99" in process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


def test_what_the_encoding_of_the_output_lacks_is_escaped(here: Path) -> None:
    (here / "in.jsonl").write_text('{"id": "Erdoğan é", "text": ""}\n', encoding="utf-8")
    environ = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run([*COPYDESK, "check", "in.jsonl"], env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(b"in.jsonl:1: article 'Erdo\\u011fan \xe9': has an empty text")


def heed_interrupts() -> None:
    """What a shell does for a command in the foreground: one in the background ignores Ctrl-C, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_an_interrupted_training_leaves_no_model_and_no_traceback(number: signal.Signals, here: Path) -> None:
    (here / "in.jsonl").write_bytes(IN["in.jsonl"])
    command = [*COPYDESK, *map(str, TRAIN), "--training.max_steps=1000000", "--training.patience=0"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=heed_interrupts
    )
    assert process.stderr is not None
    while "/1000000" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    said = process.stderr.read()
    assert process.wait(60) == 128 + number
    process.stderr.close()
    assert "Traceback" not in said
    assert list(here.glob("*")) == [here / "in.jsonl"]
    kept = [path.name for path in here.glob(".*")]
    assert kept in ([], [".out.run"]) and bool(kept) == ("with --resume goes on" in said)  # none before the first checkpoint


@pytest.mark.server
@pytest.mark.slow
def test_a_server_that_dies_during_pull_costs_nothing(server: Server, here: Path) -> None:
    write_records(here / "in.jsonl", [gold_article(f"a-{n:03}") for n in range(400)])
    title = "dying"
    server.ok("push", "in.jsonl", "--project", title, "--as", "annotations")
    (here / "out.jsonl").write_text("before")
    pull = ["pull", "--project", title, "--out", "out.jsonl", "--force"]
    process = subprocess.Popen(server.command(*pull), env=server.environ, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "exporting the project\n"
    time.sleep(0.2)  # the snapshot is being made
    running = status(server.studio)
    assert running is not None
    os.killpg(running.pid, signal.SIGKILL)
    said = process.stderr.read()
    assert process.wait(60) == 1
    process.stderr.close()
    assert said.startswith(f"copydesk: {server.url}: ") and said.count("\n") == 1
    assert (here / "out.jsonl").read_text() == "before"
    server.up()
    server.ok(*pull)
    assert len(list(read_records(here / "out.jsonl"))) == 400


ODD = {"name": "odd $ 🕊", "entities": {"Big Name": "a.", "100 %": "b.", "X" * 300: "c."}, "events": {"it's & co": "d."}}
MANY = {"name": "many", "entities": {f"E{n}": "a." for n in range(100)}, "events": {f"T{n}": "b." for n in range(100)}}


@pytest.mark.parametrize(
    ("scheme", "entity", "event"),
    [(ODD, "100 %", "it's & co"), (ODD, "X" * 300, None), (MANY, "E99", "T77"), (MANY, None, "T0")],
    ids=["odd labels", "long label, no events", "200 labels", "events alone"],
)
def test_labels_of_any_kind_are_learnt_and_applied(
    scheme: dict[str, object], entity: str | None, event: str | None, here: Path
) -> None:
    marks: dict[str, object] = {"annotator": "gold"}
    if entity is not None:
        marks["mentions"] = [{"id": "m", "start": 0, "end": 4, "label": entity}]
    if event is not None:
        marks["events"] = [{"id": "e", "start": 5, "end": 8, "label": event}]
    (here / "s.toml").write_text(tomli_w.dumps(scheme), encoding="utf-8")
    (here / "in.jsonl").write_bytes(b"".join(record(id=name, annotations=[marks]) for name in ("a/b", "🕊", "../c")))
    for command in (
        ["check", "in.jsonl", "--schema", "s.toml"],
        [*TRAIN, "--schema", "s.toml"],
        ["apply", "out", "in.jsonl", "--out", "found", "--csv", "--html"],
    ):
        done = run(*command)
        assert done.returncode == 0, done.stderr
    assert [article.id for article in read_records(here / "found" / "records.jsonl")] == ["a/b", "🕊", "../c"]
