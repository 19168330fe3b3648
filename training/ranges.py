"""The settings that a search may change, and between which bounds: stated in a TOML file and checked against the config."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from thinc.api import Config

from annotate.errors import DataError

from .overrides import least_of
from .pipeline import CONFIGS, NEEDS

RANGES = CONFIGS / "search.toml"
HOW = "write { low = 0.1, high = 0.4 }, with log = true where it is a rate, or { choices = [64, 128] }"
KEYS = {"low", "high", "log", "choices"}
JUDGES = (
    "training.score_weights",
    "training.seed",
    "training.train_corpus",
    "training.dev_corpus",
    "system",
    "paths",
    "corpora",
)  # no longer the same contest
LARGEST = 1e15  # beyond, whole numbers and others are no longer told apart
N_DIGITS = 3  # that a drawn number keeps: the next would change nothing, and nobody could read them

Scalar = bool | int | float | str


@dataclass(frozen=True)
class Between:
    """All numbers from `low` to `high`; with `log`, every factor is as likely as another of its size."""

    low: float
    high: float
    log: bool = False

    def holds(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def rounded(self, value: Any) -> Scalar:
        """The number that is used for a drawn one, still within. Any: what optuna draws, a number here."""
        if isinstance(self.low, int):
            return int(value)
        return min(max(float(f"{value:.{N_DIGITS}g}"), self.low), self.high)


@dataclass(frozen=True)
class OneOf:
    """One of some values."""

    choices: tuple[Scalar, ...]

    def holds(self, value: object) -> bool:
        return value in self.choices

    def rounded(self, value: Any) -> Scalar:
        """As it is. Any: what optuna draws, one of the choices here."""
        return next(choice for choice in self.choices if choice == value)


Range = Between | OneOf


class Space(NamedTuple):
    """What one search may change: setting -> its range; and what the config itself has there."""

    ranges: Mapping[str, Range]
    own: Mapping[str, Scalar]

    def to_json(self) -> dict[str, Any]:
        """Any: plain JSON."""
        return {name: asdict(own) for name, own in self.ranges.items()}


def read_ranges(path: Path) -> dict[str, Range]:
    """Dotted setting -> range, of a TOML file, in alphabetical order. Raises DataError with file, setting and remedy."""
    try:
        plain = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as err:
        raise DataError(str(path), f"cannot be read ({err.strerror})", "check the path") from err
    except (ValueError, RecursionError) as err:
        raise DataError(str(path), f"is not TOML ({err})", "correct that line") from err
    ranges = {name: _to_range(f"{path}: {name}", value) for name, value in sorted(_flat(plain))}
    if not ranges:
        raise DataError(str(path), "states no range", HOW)
    return ranges


def _flat(plain: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of what is no mere section. Any: whatever TOML can hold."""
    for key, value in plain.items():
        if isinstance(value, dict) and value and not KEYS & value.keys():
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _to_range(place: str, plain: Any) -> Range:
    """Any: whatever TOML can hold."""
    if not isinstance(plain, dict) or not plain:
        raise DataError(place, "is no range", HOW)
    unknown = sorted(plain.keys() - KEYS)
    if unknown:
        raise DataError(place, f"has the unknown key '{unknown[0]}'", HOW)
    if "choices" not in plain:
        return _to_between(place, plain)
    if len(plain) > 1:
        raise DataError(place, "has choices and bounds", HOW)
    choices = plain["choices"]
    if not isinstance(choices, list) or not all(_is_number(c) or isinstance(c, bool | str) for c in choices):
        raise DataError(place, "has choices that are no list of numbers, words or true and false", HOW)
    if not choices:
        raise DataError(place, "has no choices", "give at least one")
    if len({(type(c) is bool, c) for c in choices}) < len(choices):
        raise DataError(place, "has a choice twice", "remove it")
    return OneOf(tuple(choices))


def _to_between(place: str, plain: Mapping[str, Any]) -> Between:
    """Any: whatever TOML can hold."""
    for key in ("low", "high"):
        if key not in plain:
            raise DataError(place, f"has no {key}", HOW)
        if not _is_number(plain[key]):
            raise DataError(place, f"has a {key} that is no number ({plain[key]!r})", "give a number")
    low, high, log = plain["low"], plain["high"], plain.get("log", False)
    if not isinstance(log, bool):
        raise DataError(place, f"has a log that is neither true nor false ({log!r})", "correct it")
    if not low < high:
        raise DataError(place, f"has nothing between low ({low}) and high ({high})", "give a low that is below high")
    if log and low <= 0:
        raise DataError(place, f"has log, and a low that is not above 0 ({low})", "raise low, or leave out log")
    return Between(low, high, log)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST  # NaN is not


def fit_ranges(ranges: Mapping[str, Range], config: Config, given: Mapping[str, Any], place: str) -> tuple[Space, list[str]]:
    """The ranges that this run can search, and in a line each, those that it leaves out.

    config: what the run would be without a search. given: the settings that the user has given, which hold for all trials.
    place: the ranges' file. Any: what JSON holds.
    Raises DataError at the first range that the setting cannot be searched in, or where none is left.
    """
    kept: dict[str, Range] = {}
    own: dict[str, Scalar] = {}
    lines = []
    plain = config.interpolate()
    for name, stated in ranges.items():
        part = name.split(".")[1] if name.startswith("components.") and name.count(".") > 1 else None
        if any(f"{name}.".startswith(f"{other}.") or other.startswith(f"{name}.") for other in given):
            lines.append(f"{name} is given: it is not searched")
        elif part in NEEDS and part not in plain["components"]:
            lines.append(f"{name} is not searched: no {NEEDS[part]} are annotated")
        else:
            own[name] = _own_value(plain, name, f"{place}: {name}")
            kept[name] = _fitted(stated, own[name], f"{place}: {name}")
    if not kept:
        raise DataError(place, "leaves nothing to search", "give ranges of other settings, or train without --search")
    return Space(kept, own), lines


def _own_value(config: Config, name: str, place: str) -> Scalar:
    if any(f"{name}.".startswith(f"{other}.") for other in JUDGES):
        raise DataError(place, "would change what the trials are judged by", "remove it")
    value: Any = config  # Any: whatever a config holds
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            raise DataError(place, "is not a setting of the config", "check its spelling, or remove it")
        value = value[key]
    if not isinstance(value, bool | int | float | str):
        is_section = isinstance(value, dict)
        finding = "is a section of the config" if is_section else f"is {value!r} in the config: no number or word"
        raise DataError(place, finding, "name one setting within it" if is_section else "remove it")
    return value


def _fitted(stated: Range, own: Scalar, place: str) -> Range:
    """The range with numbers of the kind that the config has: spaCy keeps whole ones apart."""
    if isinstance(own, bool | str):
        kind, word = (bool, "true or false") if isinstance(own, bool) else (str, "a word")
        if not isinstance(stated, OneOf) or not all(isinstance(choice, kind) for choice in stated.choices):
            raise DataError(place, f"is {own!r} in the config, and not {word} here", f"give choices, each {word}")
        return stated
    values = (stated.low, stated.high) if isinstance(stated, Between) else stated.choices
    numbers = [value for value in values if _is_number(value)]
    if len(numbers) < len(values):
        raise DataError(place, f"is {own} in the config, and not always a number here", "give numbers")
    if own >= 0 and min(numbers) < 0:
        raise DataError(place, f"is {own} in the config, and below 0 here", "give larger numbers")
    if isinstance(own, float):
        if isinstance(stated, Between):
            return Between(float(stated.low), float(stated.high), stated.log)
        return OneOf(tuple(map(float, numbers)))
    if not all(isinstance(number, int) for number in numbers):
        raise DataError(place, f"is a whole number in the config ({own})", "give whole numbers")
    if own > 0 and isinstance(stated, Between) and stated.low == 0:  # nothing is so wide, and so many steps are none
        raise DataError(place, f"is {own} in the config, and from 0 on here", "give a low of 1 or more")
    least = least_of(place)
    if least is not None and min(numbers) < least:
        raise DataError(place, f"is {own} in the config, and {min(numbers)} here", f"give at least {least}")
    return stated


def short_names(names: Sequence[str]) -> list[str]:
    """The last parts of dotted names, as many as tell each from the others."""
    return [_short(name, [other for other in names if other != name]) for name in names]


def _short(name: str, others: Sequence[str]) -> str:
    parts = name.split(".")
    ends = (".".join(parts[-n:]) for n in range(1, len(parts)))
    return next((end for end in ends if not any(f".{other}".endswith(f".{end}") for other in others)), name)
