"""What the tables of both pages have in common."""

from collections.abc import Iterable, Sequence


def plain(score: str) -> str:
    return score.replace("_", " ")


def span(interval: Sequence[float] | None, *, sign: str = "") -> str:
    return "-" if interval is None else f"{interval[0]:{sign}.3f} to {interval[1]:{sign}.3f}"


def extent(values: Sequence[float]) -> str:
    return f"{min(values):.3f} to {max(values):.3f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
