"""The label scheme: which labels there are, what they mean and what goes with what."""

import hashlib
import tomllib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from .errors import SchemaError
from .outputs import whole_file

DEFAULT_SCHEMA = Path(__file__).parent.parent / "configs" / "schema.toml"
FORMAT = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Role(_Part):
    """What a mention can be in an event, and for which entity labels and event types (all types where `events` is empty)."""

    definition: str
    entities: list[str]
    events: list[str] = []


class Attribute(_Part):
    """A property of events with exactly one of its values."""

    definition: str
    default: str
    values: dict[str, str]

    @model_validator(mode="after")
    def _default_is_a_value(self) -> Self:
        if self.default not in self.values:
            raise ValueError(f"default '{self.default}' is none of its values")
        return self


class Stances(_Part):
    """The stance labels, and the entity labels that can hold a stance or be its target (any where the list is empty).

    An event can be a target whatever its type.
    """

    labels: dict[str, str] = {}
    holders: list[str] = []
    targets: list[str] = []


class Schema(_Part):
    """A label scheme; `entities`, `events` and the other tables map a label to its one-sentence definition."""

    format: int = FORMAT
    name: str
    language: str = "en"
    entities: dict[str, str] = {}
    events: dict[str, str] = {}
    roles: dict[str, Role] = {}
    attributes: dict[str, Attribute] = {}
    stances: Stances = Stances()

    @model_validator(mode="after")
    def _labels_fit_together(self) -> Self:
        if not self.entities and not self.events:
            raise ValueError("no label in [entities] or [events]")
        for name, role in self.roles.items():
            self._refuse_unknown(f"roles.{name}.entities", role.entities, self.entities)
            self._refuse_unknown(f"roles.{name}.events", role.events, self.events)
        self._refuse_unknown("stances.holders", self.stances.holders, self.entities)
        self._refuse_unknown("stances.targets", self.stances.targets, self.entities)
        tables: dict[str, Iterable[str]] = {
            "entities": self.entities,
            "events": self.events,
            "roles": self.roles,
            "stances.labels": self.stances.labels,
        }
        tables |= {f"attributes.{name}.values": attribute.values for name, attribute in self.attributes.items()}
        for table, labels in tables.items():
            for label in labels:
                if not label or label != label.strip() or any(c in label for c in '\n\r\t"<>'):
                    raise ValueError(f"{table}: label {label!r} is empty or has spaces at its ends, quotes or < >")
        relations = set(self.roles) & set(self.stances.labels)
        if relations:
            raise ValueError(f"'{min(relations)}' is both a role and a stance")
        return self

    @staticmethod
    def _refuse_unknown(place: str, labels: list[str], known: dict[str, str]) -> None:
        for label in labels:
            if label not in known:
                raise ValueError(f"{place}: unknown label '{label}'")

    def roles_between(self, event: str, mention: str) -> tuple[str, ...]:
        """The roles that a mention of this entity label may have in an event of this type, in the scheme's order."""
        return tuple(
            name for name, role in self.roles.items() if mention in role.entities and (not role.events or event in role.events)
        )

    def can_hold_stance(self, entity: str) -> bool:
        return not self.stances.holders or entity in self.stances.holders

    def can_be_target(self, label: str) -> bool:
        """label: an entity label or an event type."""
        return label in self.events or not self.stances.targets or label in self.stances.targets

    @property
    def default_attributes(self) -> dict[str, str]:
        return {name: attribute.default for name, attribute in self.attributes.items()}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the scheme's content, whatever the layout of its file."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_schema(path: Path = DEFAULT_SCHEMA) -> Schema:
    """The scheme of a TOML file. Raises SchemaError with file, setting and remedy."""
    try:
        plain = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as err:
        raise SchemaError(str(path), f"cannot be read ({err.strerror})", "check the path") from err
    except (ValueError, RecursionError) as err:
        raise SchemaError(str(path), f"is not TOML ({err})", "correct that line") from err
    return to_schema(plain, str(path))


def write_schema(path: Path, schema: Schema, *, force: bool = False) -> None:
    """Writes the scheme as TOML, empty tables left out.

    Raises DataError when the file is there already and `force` is not set.
    """
    plain = {"format": schema.format} | schema.model_dump(exclude_defaults=True)
    with whole_file(path, force=force) as temporary:
        temporary.write_text(tomli_w.dumps(plain), encoding="utf-8", newline="\n")


def to_schema(plain: dict[str, Any], place: str) -> Schema:
    """A scheme from the plain tables of its file. Any: whatever TOML can hold. Raises SchemaError."""
    try:
        schema = Schema.model_validate(plain)
    except ValidationError as err:
        first = err.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            raise SchemaError(place, f"has the unknown key '{where}'", "remove it or correct its spelling") from err
        raise SchemaError(place, f"{where}: {message}" if where else message, "correct it") from err
    if schema.format != FORMAT:
        raise SchemaError(place, f"has format {schema.format}", f"this copydesk reads format {FORMAT}; install a newer one")
    return schema
