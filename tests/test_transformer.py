"""A checkpoint in Hugging Face's format becomes a pipeline that learns, loads, applies and travels as a wheel.

What computes needs copydesk's extra: `make test-transformer` makes an environment that has it, and runs all of this there.
"""

import io
import json
import os
import shutil
import struct
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import TEXT
from spacy.util import load_config
from test_resume import Stop, StoppedError
from test_train import corpus, digests, run

from annotate.errors import DataError
from annotate.schema import Schema
from training.package import package
from training.pipeline import CONFIGS, load_model, make_config
from training.split import split_corpus
from training.train import Settings, train
from training.transformer import PACKAGES, describe_checkpoint, find_checkpoint

needs_torch = pytest.mark.skipif(
    any(find_spec(module) is None for module in PACKAGES), reason="needs copydesk's extra: run `make test-transformer`"
)
pytestmark = [  # of spacy-curated-transformers 0.3.1
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Conversion of an array with ndim:DeprecationWarning"),
]
FEW_STEPS = {"training.max_steps": 4, "training.eval_frequency": 2}
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
BYTES = (*range(33, 127), *range(161, 173), *range(174, 324))  # the characters that stand for the 256 bytes
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
BERT = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "layer_norm_eps": 1e-12,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "max_position_embeddings": 40,
    "type_vocab_size": 2,
    "pad_token_id": 0,
}
PIECES = {
    "bert": [*SPECIAL, *LETTERS, *(f"##{c}" for c in LETTERS), *".,'’", "accused", "talks"],
    "roberta": ["<s>", "<pad>", "</s>", "<unk>", *map(chr, BYTES), "Ġt", "al"],
    "xlm-roberta": ["<unk>", "<s>", "</s>", "▁", *LETTERS, "▁t", "al", "."],
    "camembert": ["<unk>", "<s>", "</s>", "▁", *LETTERS, "▁t", "al", "."],
}
ROBERTA = BERT | {"model_type": "roberta", "layer_norm_eps": 1e-5, "type_vocab_size": 1, "pad_token_id": 1}


def shapes(config: dict[str, Any], prefix: str) -> dict[str, tuple[int, ...]]:
    """The names and shapes of an encoder's tensors, as Hugging Face's models save them."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    found: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], width),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
        "pooler.dense.weight": (width, width),  # has no place here
    }
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            found |= {f"{layer}{name}.weight": (width, width), f"{layer}{name}.bias": (width,)}
        found |= {f"{layer}intermediate.dense.weight": (inner, width), f"{layer}intermediate.dense.bias": (inner,)}
        found |= {f"{layer}output.dense.weight": (width, inner), f"{layer}output.dense.bias": (width,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found |= {f"{layer}{name}.weight": (width,), f"{layer}{name}.bias": (width,)}
    return {prefix + name: shape for name, shape in found.items()}


def sentencepieces(pieces: list[str]) -> bytes:
    """A SentencePiece model in the form of its protocol buffer: field 1 repeated; in it 1 text, 2 score, 3 kind."""
    found = b""
    for number, piece in enumerate(pieces):
        text = piece.encode()
        kind = {0: 2, 1: 3, 2: 3}.get(number, 1)  # unknown, control, control, normal
        own = b"\x0a" + bytes([len(text)]) + text + b"\x15" + struct.pack("<f", -1.0) + b"\x18" + bytes([kind])
        found += b"\x0a" + bytes([len(own)]) + own
    return found


def make_checkpoint(folder: Path, config: dict[str, Any] = BERT, *, suffix: str = "safetensors", prefix: str = "") -> Path:
    """A checkpoint with random weights and a vocabulary of letters."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    pieces = PIECES[config["model_type"]]
    if config["model_type"] == "bert":
        (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    elif config["model_type"] == "roberta":
        (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
        (folder / "merges.txt").write_text("#version: 0.2\nĠ t\na l\n", encoding="utf-8")
    else:
        (folder / "sentencepiece.bpe.model").write_bytes(sentencepieces(pieces))
    config = config | {"vocab_size": len(pieces) + 5}  # the last two kinds count on from where others begin
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    tensors = {
        name: torch.ones(shape) if name.endswith("LayerNorm.weight") else 0.1 * torch.randn(shape)
        for name, shape in shapes(config, prefix).items()
    }
    if suffix == "safetensors":
        save_file(tensors, folder / "model.safetensors")
    else:
        torch.save(tensors, folder / "pytorch_model.bin")
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny-bert")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, schema: Schema, checkpoint: Path) -> Path:
    out = tmp_path_factory.mktemp("models") / "model"
    learn(out, schema, checkpoint)
    return out


def learn(out: Path, schema: Schema, checkpoint: Path, **overrides: Any) -> None:
    run(corpus(), out, schema, transformer=str(checkpoint), overrides=FEW_STEPS | overrides)


def weights_of(nlp: Any) -> dict[str, Any]:
    """The transformer's tensors as arrays."""
    network = nlp.get_pipe("transformer").model.get_ref("transformer").shims[0]._model
    return {name: tensor.detach().numpy().copy() for name, tensor in network.state_dict().items()}


@needs_torch
def test_a_trained_model_loads_and_applies(model: Path) -> None:
    nlp = load_model(model)
    assert nlp.pipe_names[0] == "transformer"
    assert {"ner", "triggers", "attributes", "arguments", "stance"} <= set(nlp.pipe_names)
    docs = list(nlp.pipe([TEXT, "", " \n ", TEXT + " " + TEXT * 20]))  # the last is many windows long
    assert all({"mentions", "events", "stances"} <= set(doc.spans) for doc in docs)
    assert [doc._.trf_data for doc in docs] == [None] * 4
    assert [doc.text for doc in docs][1:3] == ["", " \n "]


@needs_torch
def test_every_part_learns(model: Path, schema: Schema, checkpoint: Path, tmp_path: Path) -> None:
    learn(tmp_path / "less", schema, checkpoint, **{"training.max_steps": 1, "training.eval_frequency": 1})
    less, more = load_model(tmp_path / "less"), load_model(model)
    for name, pipe in more.pipeline:
        if hasattr(pipe, "model") and name != "transformer":
            assert pipe.model.to_bytes() != less.get_pipe(name).model.to_bytes(), name
    before, after = weights_of(less), weights_of(more)
    assert [name for name in before if (before[name] == after[name]).all()] == []


@needs_torch
@pytest.mark.parametrize(
    ("setting", "name", "stays"),
    [
        ({"learn_rate_scale": 0.0}, "layers.1.ffn.output.weight", True),
        ({"freeze_embeddings": True}, "embeddings.word_embeddings.weight", True),
        ({"freeze_embeddings": True}, "layers.1.ffn.output.weight", False),
    ],
    ids=["no rate", "frozen", "not frozen"],
)
def test_weights_begin_as_those_of_the_checkpoint(
    schema: Schema, checkpoint: Path, tmp_path: Path, setting: dict[str, Any], name: str, stays: bool
) -> None:
    from safetensors.numpy import load_file

    learn(tmp_path / "model", schema, checkpoint, **{f"components.transformer.model.{key}": v for key, v in setting.items()})
    saved = load_file(checkpoint / "model.safetensors")
    before = saved[name.replace("layers", "encoder.layer").replace("ffn.output", "output.dense")]
    change = abs(weights_of(load_model(tmp_path / "model"))[f"curated_encoder.{name}"] - before).max()
    assert change == 0 if stays else 0 < change < 0.0001


@needs_torch
def test_the_same_seed_gives_the_same_bytes(model: Path, schema: Schema, checkpoint: Path, tmp_path: Path) -> None:
    learn(tmp_path / "again", schema, checkpoint)
    assert digests(tmp_path / "again") == digests(model)


@needs_torch
def test_a_stopped_run_goes_on_to_the_same_bytes(model: Path, schema: Schema, checkpoint: Path, tmp_path: Path) -> None:
    settings = Settings(schema, transformer=str(checkpoint), overrides=FEW_STEPS)
    parts, out = split_corpus(corpus(), "here"), tmp_path / "model"
    with pytest.raises(StoppedError):
        train(parts, out, settings, say=print, stream=Stop(2))
    said: list[str] = []
    train(parts, out, settings, say=said.append, stream=io.StringIO(), resume=True)
    assert any(line.startswith("going on after step") for line in said)
    assert digests(out) == digests(model)


@needs_torch
def test_a_model_holds_no_path_but_says_what_it_began_with(model: Path, checkpoint: Path) -> None:
    for path in (path for path in model.rglob("*") if path.is_file()):
        assert str(checkpoint.parent).encode() not in path.read_bytes(), path
    about = json.loads((model / "run.json").read_text())["transformer"]
    assert about == describe_checkpoint(str(checkpoint), checkpoint)
    assert (about["name"], about["kind"], len(about["weights_sha256"])) == ("tiny-bert", "bert", 64)


@needs_torch
def test_a_wheel_installs_and_predicts_without_copydesk(model: Path, tmp_path: Path) -> None:
    wheel = package(model, tmp_path)
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    metadata = next(site.glob("*.dist-info/METADATA")).read_text()
    assert {"spacy-curated-transformers", "torch"} <= {
        line.split()[1].split("<")[0].split(">")[0] for line in requirements(metadata)
    }
    code = f"import json, spacy; doc = spacy.load('en_news_events')({TEXT!r}); print(json.dumps(sorted(doc.spans)))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", code], cwd="/", env=environment, capture_output=True, text=True, check=True)
    assert {"mentions", "events", "stances"} <= set(json.loads(done.stdout))


def requirements(metadata: str) -> list[str]:
    return [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]


@needs_torch
@pytest.mark.parametrize(
    ("config", "suffix", "prefix"),
    [
        (BERT, "bin", "bert."),
        (ROBERTA, "safetensors", "roberta."),
        (ROBERTA | {"model_type": "xlm-roberta"}, "safetensors", "roberta."),
        (ROBERTA | {"model_type": "camembert"}, "safetensors", "roberta."),
    ],
    ids=["bert in a .bin", "roberta", "xlm-roberta", "camembert"],
)
def test_other_checkpoints_train(config: dict[str, Any], suffix: str, prefix: str, tmp_path: Path, schema: Schema) -> None:
    folder = make_checkpoint(tmp_path / "checkpoint", config, suffix=suffix, prefix=prefix)
    learn(tmp_path / "model", schema, folder)
    assert load_model(tmp_path / "model")(TEXT).text == TEXT


@needs_torch
def test_a_name_is_looked_up_on_the_hub_and_in_its_local_copy(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    copy = tmp_path / "models--someone--tiny-bert"
    shutil.copytree(checkpoint, copy / "snapshots" / ("0" * 40))
    (copy / "refs").mkdir()
    (copy / "refs" / "main").write_text("0" * 40)
    found = find_checkpoint("someone/tiny-bert")
    assert describe_checkpoint("someone/tiny-bert", found)["name"] == "someone/tiny-bert"
    assert (found / "model.safetensors").read_bytes() == (checkpoint / "model.safetensors").read_bytes()
    with pytest.raises(DataError, match="'someone/else': is no folder, and cannot be had from the Hugging Face hub"):
        find_checkpoint("someone/else")


@needs_torch
@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"config.json": None}, "is no checkpoint"),
        ({"config.json": '{"model_type": "deberta-v2"}'}, "is of the kind 'deberta-v2'; give one of bert, roberta"),
        ({"config.json": "[]"}, "is no JSON object"),
        ({"model.safetensors": None}, "has no model.safetensors or pytorch_model.bin"),
        ({"vocab.txt": None}, "has no tokenizer.json or vocab.txt"),
        ({"config.json": '{"model_type": "bert", "vocab_size": 9}'}, "has no hidden_size, intermediate_size"),
        ({"vocab_size": 30}, "holds other weights than its config.json says"),
        ({"hidden_act": "swish"}, "has a hidden_act 'swish'"),
    ],
    ids=["no config", "unknown kind", "no object", "no weights", "no pieces", "no sizes", "other sizes", "activation"],
)
def test_a_checkpoint_that_cannot_be_used_is_refused(
    checkpoint: Path, tmp_path: Path, schema: Schema, change: dict[str, Any], finding: str
) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, folder)
    for name, content in change.items():
        if not (checkpoint / name).exists():
            plain = json.loads((folder / "config.json").read_text()) | {name: content}
            (folder / "config.json").write_text(json.dumps(plain))
        elif content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(content)
    with pytest.raises(DataError, match=finding) as complaint:
        learn(tmp_path / "model", schema, folder)
    assert "\n" not in str(complaint.value)
    assert not (tmp_path / "model").exists()


@needs_torch
def test_weights_lent_to_another_device_learn_as_those_at_home(checkpoint: Path, model: Path) -> None:
    import torch

    from training.components.transformer import run_on

    network = load_model(model).get_pipe("transformer").model.get_ref("transformer").shims[0]._model  # type: ignore[attr-defined]
    network.eval()  # no dropout: both ways must give the same
    pieces = torch.tensor([[2, 7, 9, 3], [2, 8, 3, 0]])
    gradients, outputs = [], []
    for lend in (False, True):
        network.zero_grad()
        output = run_on("cpu", network, (pieces,), {}) if lend else network(pieces)
        output.all_outputs[-1].pow(2).sum().backward()
        gradients.append({name: weights.grad.clone() for name, weights in network.named_parameters()})
        outputs.append(output.all_outputs[-1])
    assert torch.equal(*outputs)
    assert all(torch.equal(gradient, gradients[1][name]) for name, gradient in gradients[0].items())


@needs_torch
def test_the_config_takes_the_shape_of_the_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "train.spacy"
    config = make_config(
        CONFIGS / "transformer.cfg", train_path=path, dev_path=path, layers={"mentions"}, transformer=checkpoint
    )
    encoder = config["components"]["transformer"]["model"]["encoder"]
    assert (encoder["hidden_width"], encoder["num_hidden_layers"], encoder["model_max_length"]) == (16, 2, 40)
    assert (encoder["with_spans"]["window"], encoder["with_spans"]["stride"]) == (40, 30)
    assert config["nlp"]["pipeline"] == ["transformer", "ner", "sentencizer", "doc_cleaner"]


@pytest.mark.skipif(find_spec("torch") is not None, reason="the extra is installed here")
def test_a_missing_extra_is_said_in_one_line(tmp_path: Path, schema: Schema) -> None:
    with pytest.raises(DataError, match=r"needs torch.*; run pip install 'copydesk\[transformer\]'"):
        run(corpus(), tmp_path / "model", schema, transformer="bert-base-cased")
    assert not (tmp_path / "model").exists()


@pytest.mark.skipif(find_spec("torch") is not None, reason="the extra is installed here")
def test_a_model_that_needs_the_missing_extra_says_so(tmp_path: Path) -> None:
    load_config(CONFIGS / "transformer.cfg").to_disk(tmp_path / "config.cfg")
    (tmp_path / "meta.json").write_text('{"lang": "en", "name": "x", "version": "1"}')
    with pytest.raises(DataError, match=r"holds a transformer, which needs copydesk's extra; run pip install 'copydesk\[tra"):
        load_model(tmp_path)


def test_a_transformer_stands_beside_no_base_and_in_no_other_config(tmp_path: Path, schema: Schema) -> None:
    both = Settings(schema, base="en_core_web_md", transformer="bert-base-cased")
    with pytest.raises(DataError, match="is given beside --transformer; give one of the two"):
        train(split_corpus(corpus(), "here"), tmp_path / "model", both, say=print)
    with pytest.raises(DataError, match="is for a transformer, and none is named; give --transformer NAME_OR_FOLDER"):
        run(corpus(), tmp_path / "model", schema, config="transformer")
