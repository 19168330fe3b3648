"""How the components get known to spaCy, also where a packaged model brings them a second time."""

from collections.abc import Callable
from typing import Any, TypeVar

from spacy.language import Language

from . import scoring  # noqa: F401  (registers the scorers that the factories name)

Make = TypeVar("Make", bound=Callable[..., Any])  # Any: spaCy passes whatever the config holds


def factory(name: str, **settings: Any) -> Callable[[Make], Make]:
    """Registers a component factory unless one of that name is there already; `settings` are those of Language.factory.

    spaCy refuses a second factory of one name from another file, which is what a packaged model in a process that
    has loaded the library, or a second packaged model, would be.
    """

    def register(make: Make) -> Make:
        if not Language.has_factory(name):
            Language.factory(name, **settings)(make)
        return make

    return register
