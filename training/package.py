"""Packs a trained model as a wheel that needs nothing but spaCy, and what a transformer in it needs."""

import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from annotate.errors import DataError
from annotate.outputs import refuse_to_overwrite, whole_file

from .card import write_card
from .pipeline import load_model, read_whole
from .run import RUN, read_run
from .split import SPLIT

COMPONENTS = Path(__file__).parent / "components"
SCORES = "scores.json"
SPACY_REQUIREMENT = "spacy>=3.8.7,<3.9"
TRANSFORMER_REQUIREMENTS = ("spacy-curated-transformers>=0.3.1,<0.4", "torch>=2.2")

_INIT = '''"""A copydesk model: `spacy.load("{package}")`."""

from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.util import get_model_meta, load_model_from_init_py

from . import components as components
from .components.reading import bound_tokenizer, fast_ops

__version__ = get_model_meta(Path(__file__).parent)["version"]


def load(**overrides: Any) -> Language:
    with fast_ops():
        return bound_tokenizer(load_model_from_init_py(__file__, **overrides))
'''

_PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = {name}
version = {version}
description = {description}
readme = "README.md"
license-files = ["LICENSE*"]
requires-python = ">=3.9"
dependencies = {requirements}

[project.entry-points.spacy_models]
{package} = {package_value}

[tool.hatch.build.targets.wheel]
packages = [{package_value}]
"""


def package(
    model: Path,
    out: Path,
    *,
    name: str = "news_events",
    version: str = "0.1.0",
    license: str = "not stated by the model's owner",
    force: bool = False,
) -> Path:
    """Writes the wheel of a trained model into the folder `out` and returns its path; the same model gives the same bytes.

    name: package name without the language, as in `en_NAME`.
    license: what the owner says of the weights, a name or a sentence.
    Raises DataError when `model` is no model of `train` or damaged, the name cannot be imported or the wheel is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise DataError(f"name '{name}'", "cannot be a package", "use small letters, digits and single underscores")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*", version):
        raise DataError(f"version '{version}'", "is not a version", "write numbers with dots, as in 0.1.0")
    if read_run(model) is None:
        finding = f"is not a model folder of copydesk (it has no {RUN} that can be read)"
        raise DataError(str(model), finding, "give the --out of `copydesk train`")
    load_model(model)  # its complaints name this folder, those about a copy could not
    _refuse_broken(model / SCORES)
    with tempfile.TemporaryDirectory(prefix="copydesk-") as folder:
        copy = Path(folder) / "copy"
        read_whole(model, lambda path: _copy(path, copy))
        meta = json.loads((copy / "meta.json").read_text(encoding="utf-8"))
        module = f"{meta['lang']}_{name}"
        wheel = out / f"{module}-{version}-py3-none-any.whl"
        refuse_to_overwrite(wheel, force=force)
        meta |= {"name": name, "version": version, "license": license, "requirements": [], "spacy_version": ">=3.8.7,<3.9"}
        root = Path(folder) / "source"
        _lay_out(root, copy, module, meta)
        built = _build(root)
        with whole_file(wheel, force=force) as temporary:
            shutil.copyfile(built, temporary)
    return wheel


def _refuse_broken(scores: Path) -> None:
    """Raises DataError where the scores are there and no JSON: the card would show them."""
    try:
        json.loads(scores.read_text(encoding="utf-8") if scores.is_file() else "{}")
    except ValueError as err:
        raise DataError(str(scores), f"is not JSON ({err})", "train the model again, or remove the file") from err


def _copy(model: Path, to: Path) -> None:
    if to.exists():  # of a model that was replaced meanwhile
        shutil.rmtree(to)
    shutil.copytree(model, to, ignore=shutil.ignore_patterns(SPLIT, "log.jsonl", "*.html"))


def _lay_out(root: Path, model: Path, module: str, meta: dict[str, Any]) -> None:
    """Writes the source tree of the package: code, model data (`model` is moved there), card and licences."""
    package_folder = root / module
    data = package_folder / f"{module}-{meta['version']}"
    package_folder.mkdir(parents=True)
    model.rename(data)
    code = package_folder / "components"
    shutil.copytree(COMPONENTS, code, ignore=shutil.ignore_patterns("__pycache__"))
    _forget_the_base(data / "config.cfg")
    _rename_registrations(code, data / "config.cfg")
    text = json.dumps(meta, indent=2, ensure_ascii=False)
    for place in (data, package_folder):
        (place / "meta.json").write_text(text, encoding="utf-8")
    (package_folder / "__init__.py").write_text(_INIT.format(package=module), encoding="utf-8")
    quoted = {"name": module, "version": meta["version"], "description": meta.get("description") or "A copydesk model"}
    needs = [SPACY_REQUIREMENT, *(TRANSFORMER_REQUIREMENTS if "transformer" in meta["pipeline"] else ())]
    quoted |= {"package_value": module, "requirements": needs}
    project = _PROJECT.format(package=module, **{key: json.dumps(value) for key, value in quoted.items()})
    (root / "pyproject.toml").write_text(project, encoding="utf-8")
    write_card(root, data, meta)
    for name in ("README.md", *(path.name for path in root.glob("LICENSE*"))):
        shutil.copy(root / name, data)


def _forget_the_base(path: Path) -> None:
    """Takes out of a config how training began: where a packaged model is used there is neither the base nor our code."""
    from thinc.api import Config

    config = Config().from_disk(path, interpolate=False)
    config["initialize"] |= {"vectors": None, "after_init": None}
    config["initialize"]["components"].pop("transformer", None)
    config.to_disk(path)


def _rename_registrations(code: Path, config: Path) -> None:
    """Gives what the carried code registers with spaCy names of this very code.

    spaCy keeps one global table of names, and refuses a second piece of code under a known name: without this, models
    packaged by different versions could not be loaded in one process, nor beside copydesk itself.
    """
    files = sorted(code.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:8]
    for path in (*files, config):
        text = path.read_text(encoding="utf-8")
        text = re.sub(r'"copydesk([._])', rf'"copydesk_{digest}\1', text)
        path.write_text(text, encoding="utf-8")


def _build(root: Path) -> Path:
    from hatchling.builders.wheel import WheelBuilder

    return Path(next(WheelBuilder(str(root)).build(directory=str(root / "dist"), versions=["standard"])))
