"""The two networks of a base, side by side: each says, and learns, what it would alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from conftest import gold_article
from spacy.language import Language
from spacy.ml.models import MaxoutWindowEncoder, MultiHashEmbed, build_Tok2Vec_model
from spacy.tokens import Doc
from thinc.api import ConfigValidationError

from training.components.encoder import Distinct, make_encoder
from training.convert import convert_records
from training.pipeline import CONFIGS, NEEDS, initialize, load_model, make_config

TEXTS = ["Tehran can't accuse Washington; Tehran won't.", "", "Gonna meet in  Vienna.\n\nTehran TEHRAN tehran, Tehran.", "Oslo"]


def tok2vec(width: int, attrs: list[str]) -> Any:
    embed = MultiHashEmbed(width=width, attrs=attrs, rows=[50] * len(attrs), include_static_vectors=True)
    return build_Tok2Vec_model(embed, MaxoutWindowEncoder(width=width, window_size=1, maxout_pieces=3, depth=2))


@pytest.fixture
def nlp() -> Language:
    nlp = spacy.blank("en")
    nlp.vocab.reset_vectors(width=5)
    for number, word in enumerate(("Tehran", "Washington", "meet")):
        nlp.vocab.set_vector(word, np.arange(number, number + 5, dtype="f"))
    return nlp


def docs_of(nlp: Language) -> list[Doc]:
    return [nlp.make_doc(text) for text in TEXTS]


@pytest.fixture
def encoder(nlp: Language) -> Any:
    model = make_encoder(tok2vec(8, ["NORM", "SHAPE"]), tok2vec(12, ["NORM", "PREFIX", "SPACY", "IS_SPACE"]), width=20)
    return model.initialize(X=docs_of(nlp))


def test_each_token_has_what_both_networks_say_of_it(nlp: Language, encoder: Any) -> None:
    docs = docs_of(nlp)
    expected = [np.hstack(pair) for pair in zip(*(network.predict(docs) for network in encoder.layers), strict=True)]
    found = encoder.predict(docs)
    assert [own.shape for own in found] == [(len(doc), 20) for doc in docs]
    assert all(np.array_equal(one, two) for one, two in zip(found, expected, strict=True))
    trained, _ = encoder.begin_update(docs)
    assert all(np.allclose(one, two, atol=1e-5) for one, two in zip(trained, expected, strict=True))


def test_each_network_learns_what_it_would_alone(nlp: Language, encoder: Any) -> None:
    docs = docs_of(nlp)
    gradients = [np.random.default_rng(i).normal(size=(len(doc), 20)).astype("f") for i, doc in enumerate(docs)]
    together, alone = [], []
    _, backprop = encoder.begin_update(docs)
    backprop(gradients)
    for network, part in zip(encoder.layers, (slice(0, 8), slice(8, 20)), strict=True):
        names = [(layer, name) for layer in network.walk() for name in layer.param_names if layer.has_grad(name)]
        together += [layer.get_grad(name).copy() for layer, name in names]
        for layer, name in names:
            layer.set_grad(name, np.zeros_like(layer.get_grad(name)))
        _, own_backprop = network.begin_update(docs)
        own_backprop([np.ascontiguousarray(gradient[:, part]) for gradient in gradients])
        alone += [layer.get_grad(name) for layer, name in names]
    assert len(together) > 10
    assert all(np.allclose(one, two, atol=1e-4) for one, two in zip(together, alone, strict=True))


def test_equal_tokens_are_embedded_once(nlp: Language) -> None:
    distinct = Distinct(docs_of(nlp), ["NORM", "SPACY"])
    tokens = [token for doc in docs_of(nlp) for token in doc]
    assert len(distinct) == len({(token.orth, token.norm, bool(token.whitespace_)) for token in tokens}) < len(tokens)
    assert np.array_equal(distinct.to_array("ORTH")[distinct.place], [token.orth for token in tokens])


def test_a_width_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigValidationError, match=r"width\s+is 19, and the two networks have 20 together"):
        make_encoder(tok2vec(8, ["NORM"]), tok2vec(12, ["NORM"]), width=19)


def test_both_networks_of_a_base_are_taken_over(nlp: Language, tmp_path: Path) -> None:
    shape = {"@architectures": "spacy.Tok2Vec.v2", "encode": {"@architectures": "spacy.MaxoutWindowEncoder.v2"}}
    sizes = {"width": 8, "window_size": 1, "maxout_pieces": 2, "depth": 1}
    shape["encode"] = {**shape["encode"], **sizes}  # type: ignore[dict-item]
    embed = {"@architectures": "spacy.MultiHashEmbed.v2", "width": 8, "attrs": ["NORM"], "rows": [50]}
    shape["embed"] = {**embed, "include_static_vectors": True}  # type: ignore[assignment]
    shared: Any = nlp.add_pipe("tok2vec", config={"model": shape})
    tagger: Any = nlp.add_pipe(
        "tagger", config={"model": {"tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 8}}}
    )
    ner: Any = nlp.add_pipe("ner", config={"model": {"tok2vec": shape}})
    tagger.add_label("NN")
    ner.add_label("GPE")
    nlp.initialize()
    nlp.to_disk(tmp_path / "base")
    convert_records([gold_article("a"), gold_article("b")], spacy.blank("en"), tmp_path / "train.spacy")
    paths = {"train_path": tmp_path / "train.spacy", "dev_path": tmp_path / "train.spacy"}
    config = make_config(CONFIGS / "base.cfg", **paths, layers=set(NEEDS.values()), base=tmp_path / "base")
    model = initialize(config)
    network: Any = model.get_pipe("tok2vec")
    assert network.model.get_ref("grammar").to_bytes() == shared.model.to_bytes()
    assert network.model.get_ref("entities").to_bytes() == ner.model.get_ref("tok2vec").layers[0].to_bytes()
    assert network.model.get_dim("nO") == 16
    model.to_disk(tmp_path / "model")
    assert load_model(tmp_path / "model").get_pipe("tok2vec").model.to_bytes() == network.model.to_bytes()  # type: ignore[attr-defined]
