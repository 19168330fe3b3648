"""Settings of the config that are given on the command line, and what no setting can be."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from annotate.errors import DataError

MAX_SEED = 2**32 - 1  # numpy takes none that is larger
_SIZES = ("width", "hidden_width", "depth", "rows", "maxout_pieces", "n_categories", "batch_size", "window", "stride")
LEAST = {  # end of a setting's name -> the least it can be
    **dict.fromkeys(_SIZES, 1),
    **dict.fromkeys(("batcher.size", "batcher.size.start", "batcher.size.stop", "eval_frequency", "accumulate_gradient"), 1),
    **dict.fromkeys(("max_steps", "patience", "seed", "limit", "max_length", "max_distance", "window_size", "ngram_rows"), 0),
    "max_epochs": -1,
}


def parse_overrides(arguments: Sequence[str]) -> dict[str, Any]:
    """Dotted settings out of `--training.max_steps 200 --training.dropout=0.1`; values are JSON, or else text.

    Any: what JSON holds. Raises DataError for anything that is no dotted setting with a value.
    """
    settings: dict[str, Any] = {}
    left = list(arguments)
    while left:
        name, _, value = left.pop(0).partition("=")
        if not name.startswith("--") or "." not in name:
            raise DataError(f"'{name}'", "is no option, and no setting of the config", "see `copydesk train --help`")
        if not value and (not left or left[0].startswith("--")):
            raise DataError(f"'{name}'", "has no value", f"write {name} VALUE")
        text = value or left.pop(0)
        try:
            settings[name.removeprefix("--")] = json.loads(text)
        except ValueError:
            settings[name.removeprefix("--")] = text
    return settings


def override(config: dict[str, Any], setting: str, value: Any) -> None:
    """Gives a setting of a config another value. Any: what JSON holds. Raises DataError where there is no such setting."""
    *sections, key = setting.split(".")
    place: Any = config
    for section in sections:
        if not isinstance(place, dict) or section not in place:
            raise DataError(f"--{setting}", f"there is no [{'.'.join(sections)}] in the config", "check its spelling")
        place = place[section]
    if not sections or not isinstance(place, dict) or key not in place:
        raise DataError(f"--{setting}", "is not a setting of the config", "check its spelling")
    is_section = isinstance(place[key], dict) and not any(name.startswith("@") for name in place[key])
    if is_section and not isinstance(value, dict):
        raise DataError(f"--{setting}", f"is a section of the config, and {value} is none", "name one setting within it")
    is_number = isinstance(place[key], int | float) and not isinstance(place[key], bool)
    if is_number and (value != value or (isinstance(value, str) and not value.startswith("$"))):
        raise DataError(f"--{setting}", f"is a number, and {value} is none", "write it like 0.5")
    place[key] = float(value) if isinstance(place[key], float) and type(value) is int else value  # spaCy keeps them apart


def refuse_impossible(config: dict[str, Any]) -> None:
    """Raises DataError at the first setting of a complete config that would end its run in the middle. Any: what JSON holds."""
    for name, value in _numbers(config):
        least = least_of(name)
        if least is not None and value < least:
            raise DataError(name, f"is {value}", f"give at least {least}")
        if name.endswith(".seed") and value > MAX_SEED:
            raise DataError(name, f"is {value}", f"give at most {MAX_SEED}")
        if name.startswith("corpora.") and name.endswith(".max_length") and value > 0:
            raise DataError(name, f"is {value}, and articles in pieces would lose events and stances", "give 0")
        if name.startswith("training.score_weights.") and "_per_" in name:
            raise DataError(name, "gives a weight to what is no number but a table of labels", "give null")


def least_of(name: str) -> int | None:
    """The least that a setting of this dotted name can be; None where that is not known."""
    return next((least for end, least in LEAST.items() if f".{name}".endswith(f".{end}")), None)


def _numbers(section: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Dotted name and value of each number, those in lists too. Any: what JSON holds."""
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{key}.")
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int | float) and not isinstance(number, bool):
                yield f"{prefix}{key}", number
