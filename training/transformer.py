"""A pretrained transformer to start from: a checkpoint in Hugging Face's format, fitted into the config of a run."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from spacy.util import registry
from thinc.api import Config, Model

from annotate.errors import DataError

PACKAGES = {"torch": "torch", "safetensors": "safetensors", "spacy_curated_transformers": "spacy-curated-transformers"}
INSTALL_EXTRA = "run pip install 'copydesk[transformer]'"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_SIZES = {  # setting of the config -> key of the checkpoint's config.json
    "vocab_size": "vocab_size",
    "hidden_width": "hidden_size",
    "intermediate_width": "intermediate_size",
    "num_attention_heads": "num_attention_heads",
    "num_hidden_layers": "num_hidden_layers",
    "max_position_embeddings": "max_position_embeddings",
    "type_vocab_size": "type_vocab_size",
}
_RATES = {name: name for name in ("layer_norm_eps", "hidden_dropout_prob", "attention_probs_dropout_prob")}
_ACTIVATIONS = ("relu", "gelu", "gelu_new")

Loader = Callable[..., Model[Any, Any]]  # Any here and below: what JSON, torch and the tokenizers hold


class _Kind(NamedTuple):
    """How the checkpoints of one `model_type` are read."""

    architecture: str
    pieces: str
    files: tuple[tuple[str, ...], ...]  # what tells the word pieces: any one of these sets of files
    padding: int
    counts_from_padding: bool  # its positions begin after the number of the padding


_BYTES = (("tokenizer.json",), ("vocab.json", "merges.txt"))
_KINDS = {
    "bert": _Kind("BertTransformer.v1", "BertWordpieceEncoder.v1", (("tokenizer.json",), ("vocab.txt",)), 0, False),
    "roberta": _Kind("RobertaTransformer.v1", "ByteBpeEncoder.v1", _BYTES, 1, True),
    "camembert": _Kind("CamembertTransformer.v1", "CamembertSentencepieceEncoder.v1", (("sentencepiece.bpe.model",),), 1, True),
    "xlm-roberta": _Kind("XlmrTransformer.v1", "XlmrSentencepieceEncoder.v1", (("sentencepiece.bpe.model",),), 1, True),
}


def find_checkpoint(name: str) -> Path:
    """The folder of a checkpoint that can be trained on: that folder itself, or what the Hugging Face hub has by that name.

    Raises DataError where copydesk's extra is missing, or there is no such checkpoint, or not of a kind known here.
    """
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise DataError("a transformer", f"needs {', '.join(missing)}", INSTALL_EXTRA)
    folder = Path(name) if Path(name).is_dir() else _fetch(name)
    kind = _kind_of(folder)
    if not any((folder / file).is_file() for file in WEIGHTS):
        raise DataError(str(folder), f"has no {' or '.join(WEIGHTS)}", "give a checkpoint with its weights in one file")
    if not any(all((folder / file).is_file() for file in files) for files in kind.files):
        raise DataError(str(folder), f"has no {' or '.join(map(' and '.join, kind.files))}", "add the tokenizer's files")
    return folder


def fit_transformer(config: Config, folder: Path) -> None:
    """Gives a config of a transformer the kind, shape and place of a checkpoint from `find_checkpoint`."""
    plain, kind = _read_json(folder / "config.json"), _kind_of(folder)
    encoder = config["components"]["transformer"]["model"]["encoder"]
    encoder["@architectures"] = f"spacy-curated-transformers.{kind.architecture}"
    encoder["piece_encoder"] = {"@architectures": f"spacy-curated-transformers.{kind.pieces}"}
    absent = [key for key in _SIZES.values() if not isinstance(plain.get(key), int)]
    if absent:
        raise DataError(str(folder / "config.json"), f"has no {', '.join(absent)}", "give a complete checkpoint")
    encoder.update({setting: plain[key] for setting, key in _SIZES.items()})
    encoder.update({setting: float(plain[key]) for setting, key in _RATES.items() if key in plain})
    encoder["hidden_act"] = plain.get("hidden_act", "gelu")
    if encoder["hidden_act"] not in _ACTIVATIONS:
        place, finding = str(folder / "config.json"), f"has a hidden_act '{encoder['hidden_act']}'"
        raise DataError(place, finding, f"give a checkpoint with {' or '.join(_ACTIVATIONS)}")
    padding = plain.get("pad_token_id")
    encoder["padding_idx"] = kind.padding if padding is None else padding
    longest = plain["max_position_embeddings"] - (encoder["padding_idx"] + 1 if kind.counts_from_padding else 0)
    encoder["model_max_length"] = longest
    spans = encoder["with_spans"]
    if isinstance(spans["window"], int) and spans["window"] > longest:
        spans.update({"window": longest, "stride": longest * 3 // 4})
    config["paths"]["transformer"] = str(folder)


def describe_checkpoint(name: str, folder: Path) -> dict[str, str]:
    """What a model trained on this checkpoint has to say of it, without a path of this machine."""
    weights = next(folder / file for file in WEIGHTS if (folder / file).is_file())
    with weights.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    plain = _read_json(folder / "config.json")
    return {"name": folder.name if Path(name).is_dir() else name, "kind": plain["model_type"], "weights_sha256": digest}


@registry.callbacks("copydesk.weights_of_checkpoint.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_weights_loader(folder: str) -> Loader:
    """Used in [initialize.components.transformer] only, so a trained model loads without it."""

    def load(model: Model[Any, Any], X: Any = None, Y: Any = None) -> Model[Any, Any]:  # noqa: N803 (thinc's names)
        from curated_transformers.models.hf_util import convert_pretrained_model_for_encoder

        network = model.shims[0]._model
        try:
            network.load_state_dict(convert_pretrained_model_for_encoder(network, _read_weights(Path(folder))))
        except (KeyError, RuntimeError) as err:  # torch tells of a wrong shape with a RuntimeError
            reason = next(filter(None, map(str.strip, str(err).splitlines()[1:])), str(err))
            raise DataError(folder, f"holds other weights than its config.json says ({reason})", "get it again") from err
        return model

    return load


@registry.callbacks("copydesk.pieces_of_checkpoint.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_pieces_loader(folder: str) -> Loader:
    """Used in [initialize.components.transformer] only, so a trained model loads without it."""

    def load(model: Model[Any, Any], X: Any = None, Y: Any = None) -> Model[Any, Any]:  # noqa: N803 (thinc's names)
        from curated_tokenizers import ByteBPEProcessor, SentencePieceProcessor, WordPieceProcessor

        place = Path(folder)
        if "wordpiece_processor" in model.attrs:
            model.attrs["wordpiece_processor"] = WordPieceProcessor(_word_pieces(place))
            model.attrs.update(_case(place))
        elif "byte_bpe_processor" in model.attrs:
            model.attrs["byte_bpe_processor"] = ByteBPEProcessor(*_byte_pairs(place))
        else:
            processor = SentencePieceProcessor.from_file(str(place / "sentencepiece.bpe.model"))
            model.get_ref("encoder").attrs["sentencepiece_processor"] = processor
        return model

    return load


def _fetch(name: str) -> Path:
    """The checkpoint of that name from the hub or its local copy; only the files that are read here are fetched."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(hf_hub_download(name, "config.json")).parent
    except (OSError, ValueError, HfHubHTTPError) as err:
        reason = str(err).strip().partition("\n")[0] or type(err).__name__
        finding = f"is no folder, and cannot be had from the Hugging Face hub ({reason})"
        raise DataError(f"transformer '{name}'", finding, "check its name and the network, or give a folder") from err
    pieces = {file for files in _kind_of(folder).files for file in files}
    for file in ("tokenizer_config.json", *sorted(pieces), *WEIGHTS):
        if file == WEIGHTS[-1] and (folder / WEIGHTS[0]).is_file():
            break
        with suppress(EntryNotFoundError, LocalEntryNotFoundError):  # the second: not in the local copy, and no network
            hf_hub_download(name, file)
    return folder


def _kind_of(folder: Path) -> _Kind:
    if not (folder / "config.json").is_file():
        raise DataError(
            str(folder), "is no checkpoint (it has no config.json)", "give what Hugging Face's save_pretrained wrote"
        )
    model_type = _read_json(folder / "config.json").get("model_type")
    if model_type not in _KINDS:
        raise DataError(str(folder), f"is of the kind '{model_type}'", f"give one of {', '.join(_KINDS)}")
    return _KINDS[model_type]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as err:
        raise DataError(str(path), f"is no JSON ({err})", "get the checkpoint again") from err
    if not isinstance(plain, dict):
        raise DataError(str(path), "is no JSON object", "get the checkpoint again")
    return plain


def _read_weights(folder: Path) -> dict[str, Any]:
    """The checkpoint's tensors by their names, as 32-bit floats."""
    path = next(folder / file for file in WEIGHTS if (folder / file).is_file())
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        tensors = load_file(path)
    else:
        import torch

        tensors = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor.float() for name, tensor in tensors.items()}


def _word_pieces(folder: Path) -> list[str]:
    """The pieces in the order of their numbers."""
    if (folder / "vocab.txt").is_file():
        return (folder / "vocab.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    numbers = _read_json(folder / "tokenizer.json")["model"]["vocab"]
    return sorted(numbers, key=numbers.__getitem__)


def _case(folder: Path) -> dict[str, bool]:
    """What is done to words before they are cut. Source: BertTokenizer strips accents where it lowers, unless told."""
    told: dict[str, Any] = {}
    if (folder / "tokenizer.json").is_file():
        normalizer = _read_json(folder / "tokenizer.json").get("normalizer") or {}
        told = {"do_lower_case": normalizer.get("lowercase"), "strip_accents": normalizer.get("strip_accents")}
    elif (folder / "tokenizer_config.json").is_file():
        told = _read_json(folder / "tokenizer_config.json")
    lowers = told.get("do_lower_case")
    lowers = True if lowers is None else bool(lowers)
    strips = told.get("strip_accents")
    return {"lowercase": lowers, "strip_accents": lowers if strips is None else bool(strips)}


def _byte_pairs(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The number of each piece, and which pairs are merged, the first one first."""
    if (folder / "tokenizer.json").is_file():
        model = _read_json(folder / "tokenizer.json")["model"]
        numbers, merges = model["vocab"], model["merges"]
    else:
        numbers = _read_json(folder / "vocab.json")
        lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
        merges = [line for line in lines if line and not line.startswith("#version")]
    return numbers, [_pair(merge) for merge in merges]


def _pair(merge: str | list[str]) -> tuple[str, str]:
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return first, second
