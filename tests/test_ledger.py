"""The ledger counts, groups and writes what became of each mark."""

import json
from pathlib import Path

import pytest

from annotate.errors import DataError
from annotate.studio.ledger import Entry, Ledger


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.add(Entry("b", "anna", "region", "m1", "kept"))
    ledger.add(Entry("a", "ben", "region", "m2", "dropped", "has no label"))
    ledger.add(Entry("a", "ben", "region", "m3", "dropped", "has no label"))
    ledger.add(Entry("a", "anna", "relation", "m2 -> m3", "repaired", "ü: \n"))
    return ledger


def test_counts_have_every_kind_and_outcome(ledger: Ledger) -> None:
    counts = ledger.counts()
    assert counts["region"] == {"kept": 1, "repaired": 0, "dropped": 2}
    assert counts["choice"] == {"kept": 0, "repaired": 0, "dropped": 0}
    assert sum(n for row in counts.values() for n in row.values()) == len(ledger.entries)


def test_summary_groups_by_reason(ledger: Ledger) -> None:
    assert "dropped 2 x region: has no label" in ledger.summary().splitlines()
    assert "choice" not in ledger.summary()


def test_written_ledger_is_sorted_json_lines(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger.write(path)
    plain = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(p["article"], p["annotator"], p["mark"]) for p in plain] == [
        ("a", "anna", "m2 -> m3"),
        ("a", "ben", "m2"),
        ("a", "ben", "m3"),
        ("b", "anna", "m1"),
    ]
    assert plain[0]["reason"] == "ü: \n"


def test_ledger_is_not_overwritten_unasked(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger.write(path)
    with pytest.raises(DataError, match="is there already"):
        ledger.write(path)
    ledger.write(path, force=True)
