"""What occurs in an export of somebody else's page: which text is marked, which labels and relations there are."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..counts import n_of
from ..errors import DataError
from ..schema import Role, Schema
from .regions import ItemKind
from .results import names_in

Json = Mapping[str, Any]  # Any: Label Studio's JSON

UNNAMED = "RELATED"  # the role of relations that their page gave no name
_SCRIPTS = {"ja": "[\u3040-\u30ff]", "ko": "[\uac00-\ud7af]", "th": "[\u0e00-\u0e7f]", "zh": "[\u4e00-\u9fff]"}


@dataclass(slots=True)
class Survey:
    """How often each label and relation occurs; names as they can stand in a scheme.

    starts, ends: label -> how many relations start or end there.
    names: (label at the start, label at the end) -> names of relations between them.
    """

    labels: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    starts: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    names: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def kinds_of(self, label: str) -> tuple[ItemKind, ...]:
        """A label where relations start is an event; one where they end, or with none, an entity; it can be both."""
        if not self.starts[label]:
            return ("mention",)
        return ("mention", "event") if self.ends[label] else ("event",)


def plain_name(name: str) -> str:
    """A label or name as a scheme and the labelling page can hold it."""
    kept = "".join("_" if c in '"<>$' or not c.isprintable() else c for c in name.strip())
    return kept.strip() or "UNNAMED"


def labels_of(row: Json) -> list[str]:
    """The labels of a region, under whatever key its control puts them."""
    value, kind = row.get("value"), str(row.get("type", ""))
    if not isinstance(value, Mapping) or not (kind.endswith("labels") or "labels" in value):
        return []
    return list(dict.fromkeys(plain_name(name) for name in names_in(value.get(kind, value.get("labels")))))


def survey_results(results: Iterable[Sequence[Json]]) -> Survey:
    """Counts labels and relations of results, one for each annotation. from/to is taken as it stands, whatever the arrow."""
    survey = Survey()
    for result in results:
        labels: dict[str, list[str]] = defaultdict(list)
        for row in result:
            labels[str(row.get("id"))] += labels_of(row)
            survey.labels.update(labels_of(row))
        relations = [row for row in result if row.get("type") == "relation"]
        for row in relations:
            starts, ends = labels[str(row.get("from_id"))], labels[str(row.get("to_id"))]
            if starts and ends:
                _count_relation(survey, row, starts, ends)
    return survey


def _count_relation(survey: Survey, row: Json, starts: list[str], ends: list[str]) -> None:
    names = [plain_name(name) for name in names_in(row.get("labels"))] or [UNNAMED]
    survey.relations.update(names)
    survey.starts.update(starts)
    survey.ends.update(ends)
    for start in starts:
        for end in ends:
            survey.names[start, end].update(names)


def draft_schema(survey: Survey, *, name: str, language: str) -> Schema:
    """A scheme of what occurs, most frequent first; each definition says that it was drafted."""
    labels = [label for label, _ in _by_number(survey.labels)]
    drafted = "Drafted from an export where {} have this {}; write what it means."
    tables: dict[ItemKind, dict[str, str]] = {"mention": {}, "event": {}}
    for label in labels:
        for kind in survey.kinds_of(label):
            tables[kind][label] = drafted.format(n_of(survey.labels[label], "region"), "label")
    roles = {}
    for role, n in _by_number(survey.relations):
        pairs = [pair for pair, names in survey.names.items() if role in names]
        roles[role] = Role(
            definition=drafted.format(n_of(n, "relation"), "name"),
            entities=[label for label in labels if any(label == end for _, end in pairs)],
            events=[label for label in labels if any(label == start for start, _ in pairs)],
        )
    return Schema(name=name, language=language, entities=tables["mention"], events=tables["event"], roles=roles)


def _by_number(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda found: (-found[1], found[0]))


def language_of(texts: Iterable[str]) -> str:
    """The language whose script most letters have, as far as a script tells it; else English."""
    found: Counter[str] = Counter()
    for text in texts:
        found["en"] += len(re.findall(r"[A-Za-z]", text))
        for language, script in _SCRIPTS.items():
            found[language] += len(re.findall(script, text)) * (3 if language == "ja" else 1)  # kana stand among Han
    return max(sorted(found), key=lambda language: found[language], default="en")


def text_key(tasks: Sequence[Json], rows_of: Callable[[Json], Iterable[Json]], place: str) -> str:
    """The key of the tasks' data under which the marked text stands: the one whose text the regions quote.

    Raises DataError where no text fits.
    """
    keys: Counter[str] = Counter(key for task in tasks for key, value in task["data"].items() if isinstance(value, str))
    if not keys:
        raise DataError(place, "has no text in the data of its tasks", "export a project that labels plain text")
    fits: Counter[str] = Counter()
    n_quotes = 0
    for task in tasks:
        for row in rows_of(task):
            value = row.get("value")
            if labels_of(row) and isinstance(value, Mapping) and isinstance(value.get("text"), str):
                n_quotes += 1
                fits.update(key for key in keys if quote_fits(task["data"].get(key), value) is not None)
    if n_quotes and not fits:
        found = ", ".join(sorted(keys))
        raise DataError(place, f"has no text that its regions quote (looked under {found})", "export it again")
    return max(sorted(keys), key=lambda key: (fits[key], key == "text", keys[key]))


def quote_fits(text: object, value: Json) -> tuple[int, int] | None:
    """The range, in code points, at which the text has the words that the region quotes; None where it has others.

    Old exports count UTF-16 units. White space is not compared: the page changes it in quotes.
    """
    start, end, quote = value.get("start"), value.get("end"), value.get("text")
    if not isinstance(text, str) or not isinstance(start, int) or not isinstance(end, int) or not isinstance(quote, str):
        return None
    for found in _candidates(text, start, end):
        if _squeezed(text[found[0] : found[1]]) == _squeezed(quote):
            return found
    return None


def _candidates(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    yield start, end
    if not text.isascii() and 0 <= start <= end:
        units = text.encode("utf-16-le", "surrogatepass")
        before, until = (units[: 2 * edge].decode("utf-16-le", "ignore") for edge in (start, end))
        yield len(before), len(until)


def _squeezed(words: str) -> str:
    return re.sub(r"\s|\\n", "", words)
