"""Settings of the config that are given on the command line."""

import json
from collections.abc import Sequence
from typing import Any

from annotate.errors import DataError

MAX_SEED = 2**32 - 1  # numpy takes none that is larger


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
