"""A run gives a whole model folder or nothing, the same bytes for the same seed, and learns only what is there."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import gold_article
from spacy.language import Language

from annotate.errors import DataError
from annotate.matching import SCORES
from annotate.records import Annotation, Article, Mention, Stance, read_records, to_line, write_records
from annotate.schema import Schema
from training.corpus import read_parts
from training.pipeline import load_model
from training.run import names_in
from training.split import split_corpus
from training.train import Settings, find_base, find_config, parse_overrides, train

SMALL = {
    "training.max_steps": 4,
    "training.eval_frequency": 2,
    "components.tok2vec.model.encode.depth": 1,
    "components.tok2vec.model.embed.rows": [50, 50, 50, 50],
}


def corpus(n: int = 6, **layers: object) -> list[Article]:
    """The example article as told by `n` stories, with these layers instead of its own."""
    made = []
    for number in range(n):
        article = gold_article(f"a{number}", story=f"s{number}")
        annotation = article.annotations[0].model_copy(update=layers)
        made.append(article.model_copy(update={"annotations": (annotation,)}))
    return made


def run(articles: list[Article], out: Path, schema: Schema, *, force: bool = False, **settings: object) -> list[str]:
    """Trains a small model and returns what was said."""
    said: list[str] = []
    options = Settings(schema, base="none", **{"overrides": SMALL, **settings})
    train(split_corpus(articles, "here"), out, options, say=said.append, stream=io.StringIO(), force=force)
    return said


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, schema: Schema) -> Path:
    out = tmp_path_factory.mktemp("models") / "model"
    run(corpus(), out, schema)
    return out


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def steps(folder: Path) -> list[int]:
    """The steps that were evaluated."""
    return [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_model_folder_holds_all_that_a_run_leaves(model: Path, schema: Schema) -> None:
    extra = {"run.json", "split.json", "scores.json", "schema.toml", "log.jsonl", "config.cfg", "meta.json"}
    assert extra <= {path.name for path in model.iterdir()}
    assert ".work" not in {path.name for path in model.iterdir()}
    about = json.loads((model / "run.json").read_text())
    assert about["scheme"]["digest"] == schema.digest
    assert about["base"] is None
    scores = json.loads((model / "scores.json").read_text())
    assert set(scores) == {"dev", "test"}
    assert set(scores["test"]) == {*SCORES, "given", "calibration"}
    went = json.loads((model / "split.json").read_text())
    assert sorted(name for names in went.values() for name in names) == [f"a{i}" for i in range(6)]
    assert steps(model) == [0, 2, 4]


def test_model_loads_and_carries_its_scheme(model: Path, schema: Schema) -> None:
    nlp = load_model(model)
    assert nlp.meta["copydesk"]["schema"] == schema.model_dump(mode="json")
    assert nlp.config["training"]["logger"]["@loggers"].startswith("spacy.")
    doc = nlp("Tehran accused Washington.")
    assert {"mentions", "events", "stances"} <= set(doc.spans)


def test_model_holds_no_path_of_the_machine(model: Path) -> None:
    here = str(model.parent).encode()
    clone = str(Path(__file__).parent.parent).encode()
    for path in model.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert here not in content, path
            assert clone not in content, path
            assert b".work" not in content, path


@pytest.mark.parametrize(
    ("absent", "missing"),
    [
        ({"stances": None}, {"stance"}),
        ({"events": None, "stances": None}, {"triggers", "arguments", "attributes", "stance"}),
    ],
    ids=["stances", "events and stances"],
)
def test_an_absent_layer_is_left_out_of_the_model(
    absent: dict[str, None], missing: set[str], tmp_path: Path, schema: Schema
) -> None:
    run(corpus(3, **absent), tmp_path / "model", schema)
    pipes = set(load_model(tmp_path / "model").pipe_names)
    assert pipes.isdisjoint(missing)
    assert pipes | missing >= {"ner", "triggers", "arguments", "attributes", "stance"}


def test_only_the_articles_own_stances_give_no_stance_component(tmp_path: Path, schema: Schema) -> None:
    own = (Stance(holder=None, target="m2", label="AGAINST"),)
    run(corpus(3, stances=own), tmp_path / "model", schema)
    assert "stance" not in load_model(tmp_path / "model").pipe_names


def test_one_label_with_one_example_trains_with_a_warning(tmp_path: Path, schema: Schema) -> None:
    mention = Mention(id="m1", start=0, end=6, label="GPE")
    one = Article(id="a", text="Tehran accused Washington.", annotations=(Annotation(annotator="gold", mentions=(mention,)),))
    said = run([one], tmp_path / "model", schema)
    assert "labels with fewer than 10 examples in train (GPE 1): they will hardly be learnt" in said
    assert any(line.startswith("no dev articles") for line in said)
    assert load_model(tmp_path / "model").pipe_names == ["tok2vec", "ner", "sentencizer"]


@pytest.mark.parametrize(
    ("settings", "evaluated"),
    [
        ({"training.eval_frequency": 100}, [0, 4]),
        ({"training.eval_frequency": 3}, [0, 3, 4]),
        ({"training.eval_frequency": 100, "training.max_epochs": 3, "training.max_steps": 0}, [0, 2]),
    ],
    ids=["too few steps", "steps left", "epochs"],
)
def test_a_run_ends_with_an_evaluation(
    settings: dict[str, object], evaluated: list[int], tmp_path: Path, schema: Schema
) -> None:
    run(corpus(3), tmp_path / "model", schema, overrides=SMALL | settings)
    assert steps(tmp_path / "model") == evaluated


def test_scores_are_those_of_the_components_own_scorers(model: Path) -> None:
    from spacy.training import Example

    from training.convert import to_doc
    from training.evaluate import evaluate

    nlp = load_model(model)
    articles = corpus(3)
    golds = [to_doc(a, a.annotations[0], nlp)[0] for a in articles]
    theirs = nlp.evaluate([Example(nlp.make_doc(a.text), gold) for a, gold in zip(articles, golds, strict=True)])
    ours = evaluate(nlp, articles).to_json()
    for name in SCORES:
        if name != "mentions":
            assert ours[name]["f"] == pytest.approx(theirs[f"{name}_f"]), name
    assert ours["mentions"]["f"] == pytest.approx(theirs["ents_f"])


def test_evaluate_files_writes_scores_and_page_and_refuses_to_overwrite(model: Path, tmp_path: Path) -> None:
    from training.report import evaluate_files

    write_records(tmp_path / "gold.jsonl", corpus(3))
    outputs = {"json_file": tmp_path / "scores.json", "html_file": tmp_path / "scores.html"}
    table = evaluate_files(str(model), tmp_path / "gold.jsonl", **outputs)
    assert table.startswith("3 articles of 3 stories")
    assert set(json.loads(outputs["json_file"].read_text())) == {*SCORES, "given", "calibration"}
    assert "Harbor Courier" in outputs["html_file"].read_text()
    with pytest.raises(DataError, match="is there already"):
        evaluate_files(str(model), tmp_path / "gold.jsonl", json_file=outputs["json_file"])


def test_scores_on_what_was_learnt_from_say_so(model: Path, tmp_path: Path) -> None:
    from training.compare import compare_models
    from training.report import evaluate_files

    learnt = json.loads((model / "split.json").read_text())["train"]
    fresh = Article(**{**corpus(1)[0].model_dump(), "id": "fresh", "story": "another"})
    write_records(tmp_path / "gold.jsonl", [fresh, *(a for a in corpus() if a.id in learnt[:2])])
    table = evaluate_files(str(model), tmp_path / "gold.jsonl")
    assert "2 of 3 articles the model has learnt from: the scores flatter" in table
    said: list[str] = []
    compare_models(str(model), str(model), tmp_path / "gold.jsonl", say=said.append)
    assert said == [f"{model}: 2 of 3 articles the model has learnt from: the scores flatter"] * 2
    write_records(tmp_path / "fresh.jsonl", [fresh])
    assert "flatter" not in evaluate_files(str(model), tmp_path / "fresh.jsonl")


def test_scores_on_dev_and_of_labels_that_the_model_lacks_say_so(model: Path, tmp_path: Path) -> None:
    from training.report import evaluate_files

    chose = json.loads((model / "split.json").read_text())["dev"]
    dev = [a for a in corpus() if a.id in chose]
    gold = dev[0].annotations[0]
    other = gold.model_copy(update={"mentions": tuple(m.model_copy(update={"label": "EVENT"}) for m in gold.mentions or ())})
    write_records(tmp_path / "dev.jsonl", [dev[0].model_copy(update={"annotations": (other,)}), *dev[1:]])
    table = evaluate_files(str(model), tmp_path / "dev.jsonl")
    n = f"{len(dev)} article{'s' if len(dev) > 1 else ''}"
    assert f"{len(dev)} of {n} chose the model's steps and thresholds: the scores flatter" in table
    assert "labels that the model does not know (EVENT): it misses them all" in table


def test_models_that_lack_a_layer_are_compared_on_the_others(model: Path, tmp_path: Path, schema: Schema) -> None:
    from training.compare import compare_models

    bare = tuple(e.model_copy(update={"arguments": ()}) for e in corpus(1)[0].annotations[0].events or ())
    run(corpus(mentions=None, stances=None, events=bare), tmp_path / "events", schema)
    write_records(tmp_path / "gold.jsonl", corpus(3))
    said: list[str] = []
    gaps = compare_models(str(tmp_path / "events"), str(model), tmp_path / "gold.jsonl", say=said.append)
    assert "triggers" in gaps and "mentions" not in gaps
    lacking = f"{tmp_path / 'events'}: no mentions, arguments_id, arguments, arguments_attached, stances, so there is nothing"
    assert [line for line in said if "nothing to compare" in line] == [f"{lacking} to compare"]


def test_an_article_in_two_parts_is_refused(tmp_path: Path, schema: Schema) -> None:
    write_records(tmp_path / "train.jsonl", corpus(3))
    write_records(tmp_path / "test.jsonl", corpus(3)[2:])
    with pytest.raises(DataError, match="article 'a2': is in train and in test; keep it in one of them"):
        read_parts(tmp_path, schema)


def test_a_pipeline_that_is_in_no_folder_has_learnt_from_none_of_the_articles_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import spacy

    from training.evaluate import evaluate

    (tmp_path / "split.json").write_text('{"train": ["a0", "a1", "a2"]}')
    monkeypatch.chdir(tmp_path)
    assert evaluate(spacy.blank("en"), corpus(3)).n_learnt == 0


@pytest.mark.parametrize(
    ("overrides", "finding"),
    [
        ({"training.max_stepz": 3}, "--training.max_stepz: is not a setting"),
        ({"trainink.max_steps": 3}, "--trainink.max_steps"),
        ({"training.patience": "much"}, "patience"),
        ({"training.optimizer.@optimizers": "Adam.v9"}, "Adam.v9"),
        ({"initialize.vectors": "/nowhere"}, "/nowhere"),
    ],
    ids=["unknown setting", "unknown section", "wrong type", "unknown function", "missing vectors"],
)
def test_a_setting_that_spacy_refuses_is_one_line_and_leaves_nothing(
    overrides: dict[str, object], finding: str, tmp_path: Path, schema: Schema
) -> None:
    with pytest.raises(DataError) as caught:
        run(corpus(3), tmp_path / "model", schema, overrides=SMALL | overrides)
    assert finding in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_language_that_spacy_does_not_know_is_one_line(tmp_path: Path, schema: Schema) -> None:
    with pytest.raises(DataError, match="no language 'zz'"):
        run(corpus(3), tmp_path / "model", schema.model_copy(update={"language": "zz"}))


def test_a_model_that_is_there_is_not_overwritten(model: Path, schema: Schema) -> None:
    before = digests(model)
    with pytest.raises(DataError, match="is there already"):
        run(corpus(), model, schema)
    assert digests(model) == before


def test_a_model_does_not_take_the_place_of_what_else_is_in_its_folder(model: Path, tmp_path: Path, schema: Schema) -> None:
    out = shutil.copytree(model, tmp_path / "model")
    (out / "search.json").touch()
    run(corpus(3, stances=None), out, schema, force=True)
    assert not (out / "stance").exists()
    for name in ("report.html", "by-hand/a.jsonl", "ner.jsonl"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine")
        with pytest.raises(DataError, match=f"model: holds other files too, such as {name.partition('/')[0]}; give a folder"):
            run(corpus(3), out, schema, force=True)
        assert (out / name).read_text() == "mine"
        (out / name).unlink()
        if "/" in name:
            (out / name).parent.rmdir()


def test_all_that_a_model_holds_is_known_as_its_own(model: Path) -> None:
    assert {path.name for path in model.iterdir()} <= names_in(model)


WRITER = """
import shutil, sys, time
from pathlib import Path
from annotate.outputs import whole_folder
for number in range(8):
    with whole_folder(Path(sys.argv[1]), force=True) as folder:
        shutil.copytree(sys.argv[2 + number % 2], folder, dirs_exist_ok=True)
    time.sleep(0.3)
"""


@pytest.mark.slow
def test_a_model_that_is_replaced_is_read_as_the_old_or_the_new(model: Path, tmp_path: Path, schema: Schema) -> None:
    run(corpus(), tmp_path / "other", schema, seed=1)
    wanted = {content_of(load_model(path)) for path in (model, tmp_path / "other")}
    command = [sys.executable, "-c", WRITER, str(tmp_path / "out"), str(tmp_path / "other"), str(model)]
    with subprocess.Popen(command) as writer:
        while not (tmp_path / "out").exists():
            assert writer.poll() is None
        read = [content_of(load_model(tmp_path / "out"))]
        while writer.poll() is None:
            read.append(content_of(load_model(tmp_path / "out")))
    assert writer.returncode == 0
    assert set(read) <= wanted


def content_of(nlp: Language) -> tuple[bytes, ...]:
    """The weights of every component."""
    return tuple(pipe.model.to_bytes() for _, pipe in nlp.pipeline if hasattr(pipe, "model"))


def test_parse_overrides_reads_json_or_text() -> None:
    arguments = ["--training.max_steps", "200", "--training.dropout=0.1", "--paths.vectors", "my_vectors", "--a.b", "null"]
    assert parse_overrides(arguments) == {
        "training.max_steps": 200,
        "training.dropout": 0.1,
        "paths.vectors": "my_vectors",
        "a.b": None,
    }


@pytest.mark.parametrize("arguments", [["--foo", "3"], ["extra"], ["--a.b"], ["--a.b", "--c.d", "1"]], ids=str)
def test_parse_overrides_refuses_what_is_no_setting(arguments: list[str]) -> None:
    with pytest.raises(DataError):
        parse_overrides(arguments)


def test_find_base_says_what_none_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("training.train.is_package", lambda name: False)
    said: list[str] = []
    assert find_base(None, "en", said.append) is None
    assert len(said) == 1
    assert "copydesk download" in said[0]
    assert find_base("none", "en", said.append) is None
    assert find_base(None, "fr", said.append) is None
    with pytest.raises(DataError, match="base 'nope'"):
        find_base("nope", "en", said.append)


def test_find_config_fits_the_base_and_refuses_what_is_not_there() -> None:
    assert find_config(None, None).name == "blank.cfg"
    assert find_config(None, "en_core_web_md").name == "base.cfg"
    with pytest.raises(DataError, match="config 'nope'"):
        find_config("nope", None)


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ('{"id": "b", "text": "Paris."', "is cut off"),
        ('{"id": "b", "text": "", "annotations": []}', "has an empty text"),
        (
            '{"id": "b", "text": "Paris.", "annotations": [{"annotator": "gold", "mentions": '
            '[{"id": "m1", "start": 0, "end": 5, "label": "TOWN"}]}]}',
            "unknown label TOWN",
        ),
    ],
    ids=["cut off", "empty text", "unknown label"],
)
def test_a_bad_article_stops_with_its_line(
    line: str, finding: str, records_file: Callable[[str], Path], schema: Schema
) -> None:
    path = records_file(to_line(corpus(1)[0]) + line + "\n")
    with pytest.raises(DataError, match=finding) as caught:
        read_parts(path, schema)
    assert f"{path}:2" in str(caught.value)


def test_read_parts_takes_a_split_folder_as_it_is(tmp_path: Path, schema: Schema) -> None:
    articles = corpus(4)
    write_records(tmp_path / "train.jsonl", articles[:2])
    write_records(tmp_path / "test.jsonl", articles[2:])
    assert read_parts(tmp_path, schema).to_json() == {"train": ["a0", "a1"], "dev": [], "test": ["a2", "a3"], "unused": []}


def test_read_parts_with_dev_trains_on_all_records(tmp_path: Path, schema: Schema) -> None:
    articles = corpus(4)
    write_records(tmp_path / "all.jsonl", articles[:3])
    write_records(tmp_path / "dev.jsonl", articles[3:])
    parts = read_parts(tmp_path / "all.jsonl", schema, dev=tmp_path / "dev.jsonl")
    assert parts.to_json() == {"train": ["a0", "a1", "a2"], "dev": ["a3"], "test": [], "unused": []}


COMMAND = [sys.executable, "-m", "copydesk", "train"]
FLAGS = ["--base", "none", *(f"--{name}={json.dumps(value)}" for name, value in SMALL.items())]


@pytest.mark.slow
def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    write_records(tmp_path / "records.jsonl", corpus())
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [*COMMAND, str(tmp_path / "records.jsonl"), "--out", str(tmp_path / seed), *FLAGS]
        subprocess.run(command, check=True, env=environment, capture_output=True)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


@pytest.mark.slow
def test_kill_leaves_the_former_model_and_the_run_can_be_repeated(tmp_path: Path) -> None:
    records, out = tmp_path / "records.jsonl", tmp_path / "model"
    write_records(records, corpus())
    command = [*COMMAND, str(records), "--out", str(out), *FLAGS, "--force"]
    subprocess.run(command, check=True, capture_output=True)
    before = digests(out)
    endless = [*command, "--training.max_steps=1000000", "--training.patience=0"]
    process = subprocess.Popen(endless, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert process.stderr is not None
        while "2/1000000" not in process.stderr.readline():  # checkpoints are being written
            assert process.poll() is None
        time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert digests(out) == before
    load_model(out)
    subprocess.run(command, check=True, capture_output=True)
    assert digests(out) == before
    assert [a.id for a in read_records(records)] == [f"a{i}" for i in range(6)]
