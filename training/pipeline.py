"""The model's configuration for one corpus and one base, and trained models from disk."""

import contextlib
import copy
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import spacy
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config, registry
from thinc.api import Config, Model

from annotate.errors import DataError
from annotate.schema import Schema, to_schema
from training import components  # noqa: F401  (registers the factories; absolute, so that spaCy's --code takes this file)
from training.components.reading import bound_tokenizer, fast_ops
from training.overrides import override, refuse_impossible
from training.transformer import INSTALL_EXTRA, fit_transformer

NEEDS = {  # component -> what must occur in the training data
    "ner": "mentions",
    "triggers": "events",
    "attributes": "attributes",
    "arguments": "arguments",
    "stance": "stances",
}
_SETTINGS = (  # that `make_config` adapts
    "paths",
    "nlp.pipeline",
    *(f"training.{name}" for name in ("score_weights", "max_steps", "max_epochs", "patience", "eval_frequency")),
    "initialize",
)
N_TRIES = 20  # to read a folder that is replaced meanwhile
CONFIGS = Path(__file__).parent.parent / "configs"

Content = TypeVar("Content")


def make_config(
    config_path: Path,
    *,
    train_path: Path,
    dev_path: Path,
    layers: Collection[str],
    base: str | Path | None = None,
    transformer: Path | None = None,
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """The complete config of one training run, ready for `initialize`.

    layers: what occurs at least once in the training documents, of "mentions", "events", "attributes", "arguments",
    "stances" (see `layers_in`); components that need another one are left out, with their score weights.
    base: installed spaCy pipeline or its folder, whose word vectors and entity network the model starts from;
    None: from nothing, whatever the config says.
    transformer: in place of a base, a checkpoint from `find_checkpoint`, for a config of a transformer.
    overrides: dotted settings, as in `spacy train --training.max_steps 200`. Any: what JSON holds.
    Raises DataError where the config or base cannot be used, or no component is left.
    """
    config = _read_config(config_path, is_transformer=transformer is not None)
    config["paths"].update({"train": str(train_path), "dev": str(dev_path)})
    config["training"]["seed"] = seed
    config.setdefault("system", {})["seed"] = seed
    if transformer is None:
        _set_base(config, base)
    else:
        fit_transformer(config, transformer)
    _leave_out(config, {name for name, need in NEEDS.items() if need not in layers})
    for setting, value in (overrides or {}).items():
        override(config, setting, value)
    training = config["training"]
    if training["max_steps"] == 0 and training["max_epochs"] == 0 and not training["patience"]:
        raise DataError("training", "would never end", "set max_steps, max_epochs or patience")
    refuse_impossible(config)
    return config


def initialize(config: Config) -> Language:
    """The pipeline of a config from `make_config`, with its labels and first weights, ready for the training loop."""
    with fast_ops():
        return bound_tokenizer(init_nlp(config))


def layers_in(path: Path) -> set[str]:
    """What occurs at least once in a .spacy file: mentions, events, attributes, arguments, stances."""
    found: set[str] = set()
    for doc in DocBin().from_disk(path).get_docs(spacy.blank("xx").vocab):
        for layer in ("mentions", "events"):
            if len(doc.spans.get(layer, ())):
                found.add(layer)
        if "events" in doc.spans:
            found |= {key for key in ("arguments", "attributes") if doc.spans["events"].attrs.get(key)}
        if "stances" in doc.spans and any(s["holder"] is not None for s in doc.spans["stances"].attrs["stances"]):
            found.add("stances")
    return found


def layers_of(nlp: Language) -> set[str]:
    """What a pipeline predicts, of mentions, events, attributes, arguments and stances."""
    factories = {nlp.get_pipe_meta(name).factory.removeprefix("copydesk_") for name in nlp.pipe_names}
    return {layer for name, layer in NEEDS.items() if name in factories}


def load_model(name: str | Path) -> Language:
    """A trained pipeline from its folder, or an installed one by its name. Raises DataError where there is none."""
    path = Path(name)
    if path.is_dir() and not (path / "config.cfg").is_file():
        best = path / "model-best"
        if not (best / "config.cfg").is_file():
            raise DataError(str(name), "is not a model (it has no config.cfg)", "give the folder that `copydesk train` wrote")
        path = best
    if not path.exists() and not spacy.util.is_package(str(name)):
        raise DataError(str(name), "is neither a model's folder nor an installed model", "check the path, or install its wheel")
    try:
        with fast_ops():
            return bound_tokenizer(read_whole(path, spacy.load) if path.exists() else spacy.load(str(name)))
    except (OSError, ValueError, KeyError) as err:
        reason = _first_line(err)
        if "'curated_transformer'" in reason:
            raise DataError(str(name), "holds a transformer, which needs copydesk's extra", INSTALL_EXTRA) from err
        raise DataError(str(name), f"cannot be loaded ({reason})", "train or install it again") from err


def read_whole(folder: Path, read: Callable[[Path], Content]) -> Content:
    """What `read` makes of a folder; once more where another one took its place meanwhile, so that it is no mix of the two."""
    for _ in range(N_TRIES):
        before = _identity(folder)
        with contextlib.suppress(OSError, ValueError, KeyError):
            content = read(folder)
            if _identity(folder) == before:
                return content
        if _identity(folder) == before:
            break  # a fault of its own
    return read(folder)


def _identity(folder: Path) -> tuple[int, int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino, found.st_ctime_ns  # numbers are given again, times are not


def _first_line(err: Exception) -> str:
    """Of what it says, or else its name."""
    return next(filter(None, map(str.strip, str(err).splitlines())), type(err).__name__)


def schema_of(nlp: Language) -> Schema | None:
    """The label scheme that the model was trained with; None for pipelines that carry none."""
    plain = nlp.meta.get("copydesk", {}).get("schema")
    return None if plain is None else to_schema(plain, f"{nlp.meta['name']}: meta.json: copydesk.schema")


@registry.callbacks("copydesk.start_from_base.v1")  # type: ignore[untyped-decorator]  # catalogue has no types
def make_start_from_base(base: str | None) -> Callable[[Language], Language]:
    """Used in [initialize.after_init] only, so a trained model loads without it."""

    def start_from_base(nlp: Language) -> Language:
        """Loads the base's networks into the shared one."""
        if base is not None:
            shared = _model_of(nlp, "tok2vec")
            for name, network in base_networks(load_model(base)).items():
                (shared if name == WHOLE else shared.get_ref(name)).from_bytes(network.model.to_bytes())
        return nlp

    return start_from_base


WHOLE = "whole"


class Network(NamedTuple):
    """A network of a base, and its section of the base's config. Any: of what it takes and gives."""

    model: Model[Any, Any]
    shape: dict[str, Any]


def base_networks(nlp: Language) -> dict[str, Network]:
    """What a model can start from: "entities", the network under the pipeline's entity recogniser, and "grammar", the one that
    its other components share; or one alone, as "whole", where there is no other. Raises DataError where there is none.
    """
    place = nlp.meta["name"]
    if "ner" not in nlp.pipe_names:
        raise DataError(place, "has no entity recogniser to start from", "choose another base, or none")
    config = nlp.config.interpolate()["components"]
    shared = Network(_model_of(nlp, "tok2vec"), config["tok2vec"]["model"]) if "tok2vec" in nlp.pipe_names else None
    for layer in _model_of(nlp, "ner").get_ref("tok2vec").walk():
        if layer.name == "tok2vec-listener" and shared is not None:
            return {WHOLE: shared}
        if _is_tok2vec(layer):
            entities = Network(layer, config["ner"]["model"]["tok2vec"])
            if shared is None or not _is_tok2vec(shared.model):
                return {WHOLE: entities}
            return {"entities": entities, "grammar": shared}
    raise DataError(place, "has no network that a copydesk model can start from", "choose another base, or none")


def _is_tok2vec(layer: Model[Any, Any]) -> bool:
    return bool(layer.has_ref("embed") and layer.has_ref("encode"))


def _model_of(nlp: Language, name: str) -> Model[Any, Any]:
    """The network of a component. Any: of what it takes and gives."""
    pipe: Any = nlp.get_pipe(name)
    model: Model[Any, Any] = pipe.model
    return model


def _read_config(path: Path, *, is_transformer: bool) -> Config:
    try:
        config = load_config(path, interpolate=False)
    except (OSError, ValueError) as err:
        raise DataError(str(path), f"is no spaCy config ({_first_line(err)})", "correct it") from err
    if not is_transformer and "transformer" in config.get("components", {}):
        raise DataError(str(path), "is for a transformer, and none is named", "give --transformer NAME_OR_FOLDER")
    shared = "components.transformer.model.encoder" if is_transformer else "components.tok2vec.model"
    for setting in (*_SETTINGS, shared):
        place: Any = config
        for section in setting.split("."):
            if not isinstance(place, dict) or section not in place:
                raise DataError(str(path), f"has no {setting}", "start from a .cfg file of `copydesk init`")
            place = place[section]
    return config


def _set_base(config: Config, base: str | Path | None) -> None:
    """Takes the shape of the base's networks and its vectors into the config."""
    config["paths"]["base"] = None if base is None else str(base)
    shared = config["components"]["tok2vec"]
    if base is None:
        config["initialize"]["after_init"] = None
        config["initialize"]["vectors"] = None
        shared["model"] = shared["model"].get("entities", shared["model"])
        if "embed" not in shared["model"]:
            remedy = "start from a .cfg file of `copydesk init`"
            raise DataError("components.tok2vec.model", "has no section embed, and there is no base to take one from", remedy)
        shared["model"]["embed"]["include_static_vectors"] = False
    else:
        nlp = load_model(base)
        shapes = {name: copy.deepcopy(network.shape) for name, network in base_networks(nlp).items()}
        if WHOLE in shapes:
            shared["model"] = shapes[WHOLE]
        else:
            width = sum(shape.get("encode", shape)["width"] for shape in shapes.values())
            shared["model"] = {"@architectures": "copydesk.Encoder.v1", "width": width, **shapes}
        config["initialize"]["after_init"] = {"@callbacks": "copydesk.start_from_base.v1", "base": "${paths.base}"}
        config["initialize"]["vectors"] = "${paths.base}" if len(nlp.vocab.vectors) else None
    width_at = "components.tok2vec.model.encode.width" if "encode" in shared["model"] else "components.tok2vec.model.width"
    for name in NEEDS:
        if name in config["components"]:
            config["components"][name]["model"]["tok2vec"]["width"] = f"${{{width_at}}}"


def _leave_out(config: Config, names: set[str]) -> None:
    pipeline = [name for name in config["nlp"]["pipeline"] if name not in names]
    if not set(pipeline) & set(NEEDS):
        raise DataError("the training articles", "have nothing to learn from", "annotate mentions, events or stances first")
    config["nlp"]["pipeline"] = pipeline
    for_arguments = {"tok2vec", "ner"} if names & {"ner", "arguments"} else set()  # nobody else learns from what these find
    annotating = config["training"]["annotating_components"]
    config["training"]["annotating_components"] = [name for name in annotating if name not in names | for_arguments]
    for name in names:
        config["components"].pop(name, None)
    prefixes = {
        "ner": "ents_",
        "triggers": "triggers_",
        "attributes": "attributes_",
        "arguments": "arguments_",
        "stance": "stances_",
    }
    weights = config["training"]["score_weights"]
    for name in names:
        for score in [s for s in weights if s.startswith(prefixes[name])]:
            del weights[score]
