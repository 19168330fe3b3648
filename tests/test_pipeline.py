"""Configs are made for a corpus and a base; models load or are refused in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from conftest import gold_article
from spacy.language import Language
from spacy.util import load_config
from thinc.api import Config

from annotate.errors import DataError
from annotate.records import Annotation, Article
from training.convert import convert_records
from training.pipeline import CONFIGS, NEEDS, initialize, layers_in, layers_of, load_model, make_config

SMALL = {
    "components.tok2vec.model.embed.rows": [50, 50, 50, 50],
    "components.tok2vec.model.embed.width": 16,
    "components.tok2vec.model.encode.width": 16,
    "components.tok2vec.model.encode.depth": 1,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "train.spacy"
    convert_records([gold_article("a"), gold_article("b")], spacy.blank("en"), path)
    return path


def config_for(corpus: Path, **settings: Any) -> Config:
    settings = {"layers": set(NEEDS.values()), "overrides": SMALL, **settings}
    path = settings.pop("path", CONFIGS / "blank.cfg")
    return make_config(path, train_path=corpus, dev_path=corpus, **settings)


@pytest.fixture(scope="module")
def base(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small pipeline with an entity recogniser that has a network of its own, and word vectors."""
    nlp = spacy.blank("en")
    nlp.vocab.reset_vectors(width=5)
    for word in ("Tehran", "accused"):
        nlp.vocab.set_vector(word, np.arange(1, 6, dtype="f"))
    embed = {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 16,
        "attrs": ["NORM", "PREFIX"],
        "rows": [50, 50],
        "include_static_vectors": True,
    }
    encode = {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 16,
        "depth": 1,
        "window_size": 1,
        "maxout_pieces": 2,
    }
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    ner = nlp.add_pipe("ner", config={"model": {"tok2vec": tok2vec}})
    ner.add_label("GPE")  # type: ignore[attr-defined]
    nlp.initialize()
    path = tmp_path_factory.mktemp("base") / "base"
    nlp.to_disk(path)
    return path


@pytest.mark.parametrize("name", ["base", "blank"])
def test_shipped_configs_leave_nothing_to_defaults(name: str) -> None:
    plain = load_config(CONFIGS / f"{name}.cfg")
    plain["paths"]["base"] = None
    plain["initialize"]["after_init"] = None
    filled = spacy.util.load_model_from_config(plain, auto_fill=True).config
    for section in ("nlp", "components", "corpora", "training", "initialize"):
        assert filled[section] == plain.interpolate()[section] or _same(filled[section], plain[section]), section


def _same(filled: Any, plain: Any) -> bool:
    """Whether nothing was added; values may be interpolated."""
    if not isinstance(filled, dict) or not isinstance(plain, dict):
        return True
    return filled.keys() == plain.keys() and all(_same(filled[key], plain[key]) for key in filled)


def test_layers_are_those_that_occur(corpus: Path, tmp_path: Path) -> None:
    assert layers_in(corpus) == {"mentions", "events", "attributes", "arguments", "stances"}
    empty = Article(id="a", text="a b", annotations=(Annotation(annotator="gold", mentions=(), events=(), stances=()),))
    convert_records([empty], spacy.blank("en"), tmp_path / "empty.spacy")
    assert layers_in(tmp_path / "empty.spacy") == set()


def test_components_without_their_layer_are_left_out(corpus: Path) -> None:
    config = config_for(corpus, layers={"mentions", "events"})
    assert config["nlp"]["pipeline"] == ["tok2vec", "ner", "triggers", "sentencizer"]
    assert set(config["components"]) == {"tok2vec", "ner", "triggers", "sentencizer"}
    assert not [s for s in config["training"]["score_weights"] if s.startswith(("stances", "arguments", "attributes"))]
    assert config["training"]["annotating_components"] == ["sentencizer"]
    assert layers_of(initialize(config)) == {"mentions", "events"}


def test_no_layer_at_all_is_refused(corpus: Path) -> None:
    with pytest.raises(DataError, match="have nothing to learn from"):
        config_for(corpus, layers=set())


def test_overrides_reach_the_config(corpus: Path) -> None:
    config = config_for(corpus, seed=7, overrides={"training.max_steps": 5, "training.optimizer.learn_rate": 0.1})
    assert config["training"]["max_steps"] == 5
    assert config.interpolate()["training"]["seed"] == 7


@pytest.mark.parametrize("setting", ["training.max_step", "trainig.max_steps", "training", "paths.train.x"])
def test_unknown_settings_are_refused(corpus: Path, setting: str) -> None:
    with pytest.raises(DataError, match=rf"--{setting}: .*check its spelling"):
        config_for(corpus, overrides={setting: 1})


def test_a_training_without_end_is_refused(corpus: Path) -> None:
    with pytest.raises(DataError, match="would never end"):
        config_for(corpus, overrides={"training.max_steps": 0, "training.patience": 0})


def test_a_broken_config_is_refused(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.cfg"
    path.write_text("[nlp\n")
    with pytest.raises(DataError, match=r"broken\.cfg: is no spaCy config"):
        config_for(corpus, path=path)


def test_the_base_gives_network_and_vectors(corpus: Path, base: Path) -> None:
    nlp = initialize(config_for(corpus, path=CONFIGS / "base.cfg", base=base, overrides={}))
    expected = spacy.load(base).get_pipe("ner").model.get_ref("tok2vec").layers[0]  # type: ignore[attr-defined]
    assert nlp.get_pipe("tok2vec").model.to_bytes() == expected.to_bytes()  # type: ignore[attr-defined]
    assert nlp.vocab["Tehran"].has_vector


def test_a_model_can_be_the_base_of_the_next(corpus: Path, base: Path, tmp_path: Path) -> None:
    first = initialize(config_for(corpus, path=CONFIGS / "base.cfg", base=base, overrides={}))
    first.to_disk(tmp_path / "first")
    second = initialize(config_for(corpus, base=tmp_path / "first", overrides={}))
    networks = [nlp.get_pipe("tok2vec").model.to_bytes() for nlp in (first, second)]  # type: ignore[attr-defined]
    assert networks[0] == networks[1]


def test_a_trained_model_loads_without_its_base(corpus: Path, base: Path, tmp_path: Path) -> None:
    nlp = initialize(config_for(corpus, path=CONFIGS / "base.cfg", base=base, overrides={}))
    nlp.config["paths"] = dict.fromkeys(nlp.config["paths"], "/nowhere")
    nlp.to_disk(tmp_path / "model")
    assert isinstance(load_model(tmp_path / "model"), Language)


def test_a_base_without_entities_is_refused(corpus: Path, tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(DataError, match="has no entity recogniser to start from"):
        config_for(corpus, base=tmp_path / "blank")


@pytest.mark.parametrize("name", ["no_such_model", "no/such/folder"])
def test_a_missing_model_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="is neither a model's folder nor an installed model"):
        load_model(name)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a model"):
        load_model(tmp_path)


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.cfg").write_text("[nlp]\nlang = 3\n")
    with pytest.raises(DataError, match="cannot be loaded"):
        load_model(tmp_path)
