"""From annotated articles to a model folder, which appears whole or not at all."""

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import tomli_w
from catalogue import RegistryError
from spacy.language import Language
from spacy.training import Corpus
from spacy.util import is_package, load_config
from thinc.api import Config, ConfigValidationError

from annotate.errors import DataError
from annotate.outputs import kept_folder, refuse_folder, whole_folder
from annotate.schema import Schema

from .checkpoint import NAME as CHECKPOINT
from .convert import Losses, blank_of, convert_records
from .corpus import doubts
from .evaluate import evaluate
from .live import LivePage, refuse_page, view_of
from .loop import LOG, ending_of, in_words, learn
from .overrides import parse_overrides as parse_overrides
from .packing import codecs_found_once
from .pipeline import CONFIGS, initialize, layers_in, load_model, make_config
from .pretrained import RELEASES
from .resume import Say, find_state, forget_earlier, saying_how_to_go_on
from .run import RUN as RUN
from .run import describe_run, names_in, read_run, settings_of
from .split import SPLIT, Split
from .thresholds import choose_thresholds, give_scores_meaning
from .transformer import describe_checkpoint, find_checkpoint

BASES = Path("models/base")
NO_BASE = "none"
SHIPPED_CONFIGS = ("base", "blank", "transformer")


@dataclass(frozen=True)
class Settings:
    """What a run depends on besides its articles.

    config: "base", "blank", "transformer", a file, or None for the one that fits the base or the transformer.
    base: an installed pipeline or its folder, "none", or None for the best that is there.
    transformer: in place of a base, the name of a checkpoint on the Hugging Face hub, or its folder.
    overrides: dotted settings of the config. Any: what JSON holds.
    """

    schema: Schema
    config: str | None = None
    base: str | None = None
    transformer: str | None = None
    seed: int = 0
    annotator: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)


class Start(NamedTuple):
    """The config file, and the base or the folder of the transformer to start from: at most one of these."""

    config: Path
    base: str | None
    checkpoint: Path | None


def train(
    split: Split,
    out: Path,
    settings: Settings,
    *,
    say: Say,
    stream: IO[str] = sys.stderr,
    html_file: Path | None = None,
    force: bool = False,
    resume: bool = False,
    learn_only: bool = False,
) -> Path:
    """Trains on the split's train part, stops by its dev part, scores dev and test, and puts the model at `out`.

    say: is told, line by line, what the user should know. stream: gets the live progress. html_file: a page of it.
    resume: goes on with a run towards `out` that was stopped, wherever that was: the model is the same, byte for byte.
    learn_only: stops short of a model, as if it were stopped; returns where it keeps what `resume` goes on from.
    Raises DataError when `out` or `html_file` is there (without `force`), the config, the base or the articles cannot
    be used, or the run to go on with depended on anything else.
    """
    if not resume:
        refuse_folder(out, force=force, mark=RUN, own=names_in)
    if html_file is not None:
        refuse_page(html_file, out, force=force, resume=resume)
    page = LivePage(html_file, say)
    start = find_start(settings, say)
    with codecs_found_once(), kept_folder(out, worth=CHECKPOINT, keep=learn_only) as work:
        config, losses, run = resolve(split, work, settings, start)
        if resume and read_run(out) == run:
            say(f"{out} is there already, whole, and of this very run")
            _show_finished(page, out, _facts(settings, split))
            return out
        refuse_folder(out, force=force, mark=RUN, own=names_in)
        about = {name: value for name, value in run.items() if name != "config"} | {"settings": settings_of(config)}
        checkpoint = find_state(out, about, say) if resume else None
        nlp = _initialize(config)
        if not resume:
            forget_earlier(work, say)
        for line in (*doubts(split, settings.annotator, schema=settings.schema), *losses.lines()):
            say(line)
        page.begin(view_of(out, nlp.config.interpolate()["training"], _facts(settings, split)))
        with saying_how_to_go_on(work / CHECKPOINT, say), page.telling_the_end(out):
            best = learn(nlp, work, stream, about=about, checkpoint=checkpoint, page=page)
            if learn_only:
                return work
            nlp = load_model(best)
            if split.parts["dev"]:
                choose_thresholds(nlp, Corpus(work / "dev.spacy")(nlp))
                for line in give_scores_meaning(nlp, split.parts["dev"], annotator=settings.annotator):
                    say(line)
            with whole_folder(out, force=force, mark=RUN, own=names_in) as folder:
                _finish(nlp, folder, split, settings)
                shutil.copyfile(work / LOG, folder / LOG)
                _write_json(folder / RUN, run)
    return out


def _facts(settings: Settings, split: Split) -> dict[str, str]:
    """What a run was asked for, in words."""
    return {
        "articles": ", ".join(f"{len(split.parts[part]):,} {part}" for part in ("train", "dev", "test")),
        "starts from": settings.transformer or settings.base or "the best base there is",
        "seed": str(settings.seed),
        **{name: json.dumps(value) for name, value in settings.overrides.items()},
    }


def _show_finished(page: LivePage, out: Path, facts: Mapping[str, str]) -> None:
    """Writes the page of a run whose model is there: the process that trained it may have ended before it could."""
    training = load_config(out / "config.cfg", interpolate=True)["training"]
    records = [json.loads(line) for line in (out / LOG).read_text(encoding="utf-8").splitlines()]
    results = [(record["score"], record["step"]) for record in records]
    ending = ending_of(results, records[-1]["step"], training)
    words = "" if ending is None else in_words(ending, results, training)
    page.show_finished(view_of(out, training, facts), records, words, is_early=ending == "patience")


def resolve(split: Split, work: Path, settings: Settings, start: Start) -> tuple[Config, Losses, dict[str, Any]]:
    """The complete config of a run, what it cannot learn of its articles, and all that it depends on. Any: plain JSON.

    Writes the articles as train.spacy and dev.spacy to the folder `work`.
    """
    losses = _convert(split, work, settings)
    config = make_config(
        start.config,
        train_path=work / "train.spacy",
        dev_path=work / ("dev.spacy" if split.parts["dev"] else "train.spacy"),
        layers=layers_in(work / "train.spacy"),
        base=start.base,
        transformer=start.checkpoint,
        seed=settings.seed,
        overrides=_with_language(settings),
    )
    run = describe_run(config, split, losses, schema=settings.schema, annotator=settings.annotator, base=start.base)
    if start.checkpoint is not None:
        run["transformer"] = describe_checkpoint(str(settings.transformer), start.checkpoint)
    return config, losses, run


def find_start(settings: Settings, say: Say) -> Start:
    """What a run starts from; `say` is told where there is no base."""
    if settings.transformer is None:
        base = find_base(settings.base, settings.schema.language, say)
        return Start(find_config(settings.config, base), base, None)
    if settings.base not in (None, NO_BASE):
        raise DataError(f"--base {settings.base}", "is given beside --transformer", "give one of the two")
    checkpoint = find_checkpoint(settings.transformer)
    return Start(find_config(settings.config or "transformer", None), None, checkpoint)


def find_base(wanted: str | None, language: str, say: Say) -> str | None:
    """The pipeline to start from, by name or path; None for no base.

    Where none is named, the largest official English one that is there; `say` is told where there is none.
    """
    if wanted == NO_BASE or (wanted is None and language != "en"):
        return None
    if wanted is not None:
        if not (Path(wanted) / "config.cfg").is_file() and not is_package(wanted):
            remedy = f"get it with `copydesk download`, or give --base {NO_BASE}"
            raise DataError(f"base '{wanted}'", "is neither an installed pipeline nor a folder of one", remedy)
        return wanted
    for name in RELEASES:
        if (BASES / name / "config.cfg").is_file():
            return str(BASES / name)
        if is_package(name):
            return name
    say(
        "no pretrained base: training from nothing, which learns fewer labels from the same articles"
        " (get one with `copydesk download en_core_web_md`)"
    )
    return None


def find_config(wanted: str | None, base: str | None) -> Path:
    """The config file of that name or path; without a name the shipped one that fits the base."""
    name = wanted or ("blank" if base is None else "base")
    path = CONFIGS / f"{name}.cfg" if name in SHIPPED_CONFIGS else Path(name)
    if not path.is_file():
        raise DataError(f"config '{name}'", "cannot be read", f"give {', '.join(SHIPPED_CONFIGS)}, or a .cfg file")
    return path


def _with_language(settings: Settings) -> dict[str, Any]:
    return {"nlp.lang": settings.schema.language, **settings.overrides}


def _convert(split: Split, work: Path, settings: Settings) -> Losses:
    """Writes train.spacy and dev.spacy; returns what the components cannot learn of train."""
    nlp = blank_of(settings.schema.language, f"language of the scheme '{settings.schema.name}'")
    losses = convert_records(split.parts["train"], nlp, work / "train.spacy", annotator=settings.annotator, force=True)
    if split.parts["dev"]:
        convert_records(split.parts["dev"], nlp, work / "dev.spacy", annotator=settings.annotator, force=True)
    return losses


def _initialize(config: Config) -> Language:
    """The untrained pipeline. Raises DataError where spaCy refuses a setting."""
    try:
        return initialize(config)
    except ConfigValidationError as err:
        first = dict(err.errors[0]) if err.errors else {}
        where = ".".join(str(part) for part in first.get("loc", ())) or "config"
        raise DataError(f"setting '{where}'", str(first.get("msg", err.desc or err.title)), "correct it") from err
    except (RegistryError, ImportError, OSError, ValueError) as err:
        # spaCy's own, or that of one of its networks: it did not like the config
        complaint = re.match(r"(?:\[E\d+\] |(?=Mismatched lengths))([^\n]+?)(\.\s|\n|\.?$)", str(err))
        if complaint is None:
            raise
        raise DataError("config", complaint[1], "correct that setting") from err


def _finish(nlp: Language, folder: Path, split: Split, settings: Settings) -> None:
    """Writes the model without any path of this machine, its scores, its scheme, and which article went where."""
    nlp.config["paths"] = dict.fromkeys(nlp.config["paths"])
    _forget_paths(nlp.config)
    nlp.meta["copydesk"] = {"schema": settings.schema.model_dump(mode="json")}
    nlp.meta["performance"] = json.loads(json.dumps(nlp.meta["performance"], sort_keys=True))  # tables come in any order
    nlp.to_disk(folder)
    for name in nlp.pipe_names:
        if nlp.get_pipe_meta(name).factory == "sentencizer":  # writes a set, in the order of this process's hashes
            path = folder / f"{name}.json"
            plain = json.loads(path.read_text(encoding="utf-8"))
            _write_json(path, {**plain, "punct_chars": sorted(plain["punct_chars"])})
    plain_schema = settings.schema.model_dump(mode="json")
    (folder / "schema.toml").write_text(tomli_w.dumps(plain_schema), encoding="utf-8")
    scores = {
        part: evaluate(nlp, split.parts[part], annotator=settings.annotator).to_json()
        for part in ("dev", "test")
        if split.parts[part]
    }
    _write_json(folder / "scores.json", scores)
    _write_json(folder / SPLIT, split.to_json())


def _forget_paths(section: dict[str, Any]) -> None:
    """Sets settings that name a file or folder of this machine to null. Any: the config's values."""
    for key, value in section.items():
        if isinstance(value, dict):
            _forget_paths(value)
        elif isinstance(value, str) and "/" in value and Path(value).exists():
            section[key] = None


def _write_json(path: Path, plain: Mapping[str, Any]) -> None:
    """Any: plain JSON."""
    path.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
