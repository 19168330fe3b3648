"""A packed model is a wheel that spaCy alone can load, elsewhere, and that says where it comes from."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import spacy
from conftest import TEXT, gold_article
from test_train import SMALL

from annotate.errors import DataError
from annotate.outputs import whole_folder
from annotate.records import Article
from annotate.schema import Schema
from training.card import _card
from training.package import package
from training.split import split_corpus
from training.train import Settings, train

ROOT = Path(__file__).parent.parent
SPACY_ALONE = ROOT / ".cache" / "spacy" / "bin" / "python"
READ = f"""
import json, sys, spacy
nlp = spacy.load("en_news_events")
doc = nlp({TEXT!r})
ours = sorted(name for name in sys.modules if name.split(".")[0] in ("copydesk", "annotate", "training", "apply"))
reads = [type(nlp.tokenizer).__name__, getattr(nlp.get_pipe("ner").model.ops, "use_blis", None)]
print(json.dumps({{"pipes": nlp.pipe_names, "groups": sorted(doc.spans), "text": doc.text, "ours": ours, "reads": reads}}))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, schema: Schema) -> Path:
    """A small model, trained for a few steps, enough to have every part."""
    articles: list[Article] = [gold_article(f"a{n}", story=f"s{n}") for n in range(6)]
    out = tmp_path_factory.mktemp("models") / "model"
    settings = Settings(schema, base="none", overrides=SMALL)
    train(split_corpus(articles, "here"), out, settings, say=lambda line: None, stream=io.StringIO())
    return out


@pytest.fixture(scope="module")
def wheel(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(model, tmp_path_factory.mktemp("dist"), license="CC BY 4.0")


def install(wheel: Path, site: Path, python: Path | str = sys.executable) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.skipif(not SPACY_ALONE.exists(), reason="no environment with spaCy alone; `make test` makes one")
def test_wheel_loads_elsewhere_with_spacy_alone(wheel: Path, model: Path, tmp_path: Path) -> None:
    install(wheel, tmp_path / "site", SPACY_ALONE)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run([str(SPACY_ALONE), "-c", READ], cwd="/", env=environment, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert said["ours"] == []
    assert said["text"] == TEXT
    assert said["groups"] == ["events", "mentions", "stances"]
    assert said["reads"] == ["BoundedTokenizer", False]  # as fast here as where it was trained
    assert said["pipes"] == json.loads((model / "meta.json").read_text())["pipeline"]


def test_wheel_predicts_as_the_model_it_was_made_of(wheel: Path, model: Path, tmp_path: Path) -> None:
    install(wheel, tmp_path / "site")
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path / "site")!r})
import spacy
from training.pipeline import load_model
ours, packed = load_model({str(model)!r}), spacy.load("en_news_events")
assert type(ours.get_pipe("triggers")) is not type(packed.get_pipe("triggers"))  # each has its own code
one, two = ours({TEXT!r}), packed({TEXT!r})
as_plain = lambda doc: {{name: ([(s.start, s.end, s.label_) for s in group], group.attrs) for name, group in doc.spans.items()}}
assert as_plain(one) == as_plain(two)
assert [(e.start, e.label_) for e in one.ents] == [(e.start, e.label_) for e in two.ents]
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)


def test_wheel_carries_scheme_scores_card_and_licence_but_no_path(wheel: Path, model: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    inside = {name.rpartition("/")[2] for name in files}
    assert {"schema.toml", "scores.json", "README.md", "LICENSE", "run.json"} <= inside
    assert "split.json" not in inside
    for place in {str(ROOT), str(Path.home()), str(model), str(model.parent)} - {"/"}:
        assert [name for name, content in files.items() if place.encode() in content] == []


def test_config_of_the_wheel_does_not_ask_for_the_base(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        config = archive.read("en_news_events/en_news_events-0.1.0/config.cfg").decode()
    assert "start_from_base" not in config


def test_card_shows_scores_and_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        card = archive.read("en_news_events/en_news_events-0.1.0/README.md").decode()
    assert "CC BY 4.0" in card
    assert "| triggers |" in card
    assert "(expected calibration error): mentions 0." in card


def test_card_names_the_transformer_that_a_model_began_with() -> None:
    meta = {"lang": "en", "name": "news", "version": "0.1.0", "license": "MIT"}
    card = "\n".join(_card(meta, {"base": None, "transformer": {"name": "tiny-bert"}}, {}))
    assert "Trained from the transformer tiny-bert" in card and "nothing but the corpus" not in card


def test_card_says_what_its_scores_are_worth() -> None:
    meta = {"lang": "en", "name": "news", "version": "0.1.0", "license": "MIT"}
    nothing = {"p": 0.0, "r": 0.0, "f": 0.0, "tp": 0, "fp": 0, "fn": 0, "n_gold": 0, "ci": None}
    card = "\n".join(_card(meta, {"base": None}, {"dev": {"stances": nothing}}))
    assert "| stances | - | - | - | none | 0 |" in card
    assert "chose the step, the thresholds and the calibration of the model: the scores flatter" in card
    assert "flatter" not in "\n".join(_card(meta, {"base": None}, {"test": {"stances": nothing}}))


def test_same_model_gives_the_same_bytes(wheel: Path, model: Path, tmp_path: Path) -> None:
    assert package(model, tmp_path, license="CC BY 4.0").read_bytes() == wheel.read_bytes()


def test_licence_of_the_base_travels(model: Path, tmp_path: Path) -> None:
    run = json.loads((model / "run.json").read_text())
    run["base"] = {
        "lang": "en",
        "name": "x",
        "version": "1",
        "author": "A",
        "url": "u",
        "license": "MIT",
        "sources": ["S"],
        "texts": {},
    }
    (model / "run.json").write_text(json.dumps(run))
    try:
        with zipfile.ZipFile(package(model, tmp_path)) as archive:
            licence = archive.read("en_news_events-0.1.0.dist-info/licenses/LICENSE-BASE").decode()
    finally:
        (model / "run.json").write_text(json.dumps(run | {"base": None}))
    assert "en_x 1" in licence
    assert '"S"' in licence


@pytest.mark.parametrize(
    ("change", "finding"),
    [({"name": "News-Events"}, "cannot be a package"), ({"version": "one"}, "is not a version")],
    ids=["name", "version"],
)
def test_package_refuses_what_cannot_be_installed(model: Path, tmp_path: Path, change: dict[str, str], finding: str) -> None:
    with pytest.raises(DataError, match=finding):
        package(model, tmp_path, **change)
    assert list(tmp_path.iterdir()) == []


def test_package_refuses_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a model folder"):
        package(tmp_path, tmp_path / "dist")


def test_package_refuses_a_pipeline_that_copydesk_has_not_trained(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "foreign")
    with pytest.raises(DataError, match=r"foreign: is not a model folder of copydesk \(it has no run.json that can be read\)"):
        package(tmp_path / "foreign", tmp_path / "dist")


@pytest.mark.parametrize("name", ["run.json", "meta.json", "scores.json", "config.cfg", "ner/model", "vocab/strings.json"])
def test_package_refuses_a_model_with_a_file_cut_off(model: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(model, tmp_path / "model")
    path = tmp_path / "model" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError) as caught:
        package(tmp_path / "model", tmp_path / "dist")
    assert caught.value.place in (str(tmp_path / "model"), str(path))
    assert not (tmp_path / "dist").exists()


def test_package_names_the_model_that_lacks_its_config(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model", ignore=shutil.ignore_patterns("config.cfg"))
    with pytest.raises(DataError, match=r"has no config\.cfg") as caught:
        package(tmp_path / "model", tmp_path / "dist")
    assert caught.value.place == str(tmp_path / "model")


def test_a_model_that_is_replaced_while_it_is_packed_is_packed_whole(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model, tmp_path / "model")
    copytree = shutil.copytree

    def copy_a_moment_too_early(source: Path, *rest: object, **options: object) -> None:
        monkeypatch.undo()
        copytree(source, *rest, **options)
        with whole_folder(source, force=True) as new:
            copytree(model, new, dirs_exist_ok=True, ignore=shutil.ignore_patterns("scores.json"))
            (new / "schema.toml").write_text("new")

    monkeypatch.setattr(shutil, "copytree", copy_a_moment_too_early)  # that very moment cannot be had otherwise
    with zipfile.ZipFile(package(tmp_path / "model", tmp_path / "dist")) as archive:
        inside = {name.partition("/en_news_events-0.1.0/")[2]: archive.read(name) for name in archive.namelist()}
    assert inside["schema.toml"] == b"new" and "scores.json" not in inside


def test_code_travels_under_the_licence_of_the_project() -> None:
    assert (ROOT / "training" / "components" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
