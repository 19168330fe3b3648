"""The account of what became of each mark on its way between records and Label Studio: kept, repaired or dropped."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from ..outputs import whole_file

Kind = Literal["annotation", "region", "relation", "choice", "other"]
Outcome = Literal["kept", "repaired", "dropped"]

KINDS: tuple[Kind, ...] = ("annotation", "region", "relation", "choice", "other")
OUTCOMES: tuple[Outcome, ...] = ("kept", "repaired", "dropped")


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What became of one row of an annotation, or of an annotation as a whole.

    mark: the region's id, `from -> to` of a relation, the control and region of a choice; empty for a whole annotation.
    reason: how it was repaired, why it was dropped, or what to know about something kept.
    """

    article: str
    annotator: str
    kind: Kind
    mark: str
    outcome: Outcome
    reason: str = ""


class Ledger:
    """Collects entries; each row of each annotation makes exactly one."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)

    def counts(self) -> dict[Kind, dict[Outcome, int]]:
        """Kind -> outcome -> how many; every kind and outcome is there, zeros too."""
        found = Counter((entry.kind, entry.outcome) for entry in self.entries)
        return {kind: {outcome: found[kind, outcome] for outcome in OUTCOMES} for kind in KINDS}

    def write(self, path: Path, *, force: bool = False) -> None:
        """Writes the entries as JSON Lines, in order of article and annotator."""
        with whole_file(path, force=force) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as out:
            for entry in sorted(self.entries, key=lambda e: (e.article, e.annotator)):
                out.write(json.dumps(dataclasses.asdict(entry), ensure_ascii=False) + "\n")

    def summary(self) -> str:
        """A table of kind and outcome, then each reason with its number, most frequent first."""
        return "\n".join([*self._table(), *self._reasons()]) + "\n"

    def _table(self) -> Iterator[str]:
        yield f"{'':10}  {'kept':>8}  {'repaired':>8}  {'dropped':>8}"
        for kind, row in self.counts().items():
            if any(row.values()):
                yield f"{kind:10}  {row['kept']:>8,}  {row['repaired']:>8,}  {row['dropped']:>8,}"

    def _reasons(self) -> Iterator[str]:
        reasons = Counter((e.outcome, e.kind, e.reason) for e in self.entries if e.reason)
        for outcome in OUTCOMES:
            found = [(n, kind, reason) for (o, kind, reason), n in reasons.items() if o == outcome]
            for n, kind, reason in sorted(found, key=lambda f: (-f[0], f[1], f[2])):
                yield f"{outcome} {n:,} x {kind}: {reason}"
