"""What a training run depends on: the same articles, settings and versions give the same model, byte for byte."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spacy.util import get_package_path
from thinc.api import Config

from annotate.counts import n_of
from annotate.schema import Schema

from .convert import Losses
from .pretrained import UNSTATED, describe_pipeline
from .split import PARTS, Split, corpus_digest

THREADS = "OMP_NUM_THREADS"
RUN = "run.json"  # in every trained model's folder; marks it as one that may be replaced
FILES = {RUN, "split.json", "search.json", "scores.json", "log.jsonl", "schema.toml"}
SPACY_FILES = {"config.cfg", "meta.json", "tokenizer", "vocab"}

Plain = dict[str, Any]  # Any: what JSON holds


def describe_run(
    config: Config, split: Split, losses: Losses, *, schema: Schema, annotator: str | None, base: str | None
) -> Plain:
    """All that the model is made of, without a time or a path, so that equal runs leave equal files.

    base: name or folder of the pipeline that it starts from.
    """
    parts = split.to_json()
    return {
        "seed": config["training"]["seed"],
        "annotator": annotator,
        "scheme": {"name": schema.name, "digest": schema.digest},
        "corpus": {
            "digest": corpus_digest(article for part in PARTS for article in split.parts[part]),
            **{part: len(split.parts[part]) for part in PARTS},
            "split": _digest({part: parts[part] for part in PARTS}),
            "losses": asdict(losses),
        },
        "base": None if base is None else describe_base(_folder_of(base)),
        "components": list(config["nlp"]["pipeline"]),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("copydesk", "spacy", "thinc", "numpy")},
        },
        THREADS: os.environ.get(THREADS),  # sums depend on it
        "config": _digest(settings_of(config)),
    }


def describe_base(folder: Path) -> Plain:
    """What a model has to say of the pipeline that it starts from: name, version, licence, author, sources, licence texts.

    Of a copydesk model's folder it is what that one said of its own base, whose licence goes on to hold, and "through": in
    words, the models in between, oldest first. One that started from nothing has its corpus among the sources.
    """
    own, run = describe_pipeline(folder), read_run(folder)
    if run is None or "corpus" not in run:
        return own
    corpus: Plain = run["corpus"]
    base: Plain | None = run.get("base")
    articles = f"{n_of(corpus['train'], 'annotated article')} (corpus {corpus['digest'][:12]}, seed {run['seed']})"
    if base is None:
        return own | {"sources": [{"name": f"{articles}, and nothing else", "license": UNSTATED["license"]}]}
    name = f"{own['lang']}_{own['name']} {own['version']}"
    model = f"{name}, trained by copydesk on {articles}, licence of its weights: {own['license']}"
    texts = {f"{file} of {name}": text for file, text in own["texts"].items()}
    return base | {"texts": base["texts"] | texts, "through": [*base.get("through", ()), model]}


def settings_of(config: Config) -> Plain:
    """The config without the paths of this machine."""
    plain: Plain = json.loads(json.dumps({name: section for name, section in config.items() if name != "paths"}))
    return plain


def difference(before: Plain, now: Plain) -> str | None:
    """The first thing, in words, in which two runs differ; None where they are the same."""
    left, right = _flat(before), _flat(now)
    for name in dict.fromkeys([*right, *left]):
        if left.get(name) != right.get(name):
            values = [str(side.get(name)) for side in (left, right)]
            is_short = all(len(value) < 40 for value in values)  # digests say nothing to people
            return f"another {name}" + (f" ({values[0]}, now {values[1]})" if is_short else "")
    return None


def read_run(model: Path) -> Plain | None:
    """What a model in a folder is made of; None where there is none, or it does not say."""
    try:
        plain = json.loads((model / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return plain if isinstance(plain, dict) else None


def names_in(model: Path) -> set[str]:
    """The names in a model's folder that training gave; whatever else is there is its owner's."""
    try:
        pipes = list(json.loads((model / "meta.json").read_text(encoding="utf-8"))["components"])
    except (OSError, ValueError, KeyError, TypeError):
        pipes = []
    return FILES | SPACY_FILES | {f"{pipe}{suffix}" for pipe in pipes for suffix in ("", ".json", ".bin")}


def parts_of(model: str | Path | None) -> list[Path]:
    """What training may have written into a model's folder, and the files that are in that."""
    if not model:
        return []
    named = [Path(model) / name for name in sorted(names_in(Path(model)))]
    return [*named, *(path for part in named for path in part.rglob("*"))]


def _flat(plain: Mapping[str, Any], prefix: str = "") -> Plain:
    """Dotted name -> value."""
    flat: Plain = {}
    for name, value in plain.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _digest(plain: Plain) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _folder_of(base: str) -> Path:
    """The folder of a pipeline's data, given that or the pipeline's name."""
    if (Path(base) / "config.cfg").is_file():
        return Path(base)
    return next(path.parent for path in sorted(get_package_path(base).glob("*/config.cfg")))
