"""What a search found, as a table for the terminal."""

from collections.abc import Iterator, Sequence

from .ranges import short_names
from .search import Found, Trial


def to_text(found: Found) -> str:
    """The trials, the best first, each with its score, that of each layer, and its settings; and what the gain is worth."""
    names = list(found.best.settings)
    layers = list(found.best.scores)
    heads = ["trial", "score", *(name.removesuffix("_f")[:8] for name in layers), *short_names(names)]
    rows = [heads, *(_row(trial, layers, names) for trial in ranked(found))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*table, "", *notes_on(found)])


def ranked(found: Found) -> list[Trial]:
    """The best first; of equals, the one that came first."""
    return sorted(found.trials, key=lambda trial: (-trial.score, trial.number))


def _row(trial: Trial, layers: Sequence[str], names: Sequence[str]) -> list[str]:
    values = (trial.score, *(trial.scores[layer] for layer in layers))
    scores = ("-" if value is None else f"{value:.3f}" for value in values)
    return [str(trial.number), *scores, *(f"{trial.settings[name]}" for name in names)]


def notes_on(found: Found) -> Iterator[str]:
    """What the first trial was, what the search gained, and whether dev can tell that from chance."""
    yield "trial 1 has the config's own settings"
    own, best = found.trials[0], found.best
    if best.score <= own.score:
        yield "no other trial scores more"
        return
    gain = best.score - own.score
    yield (
        f"trial {best.number} scores {gain:.3f} more; on dev, what differs by less than about {found.shown:.2f} looks alike:"
        f" {'it is more than that, but' if gain > found.shown else 'it may be chance, and'}"
        f" the best of {len(found.trials)} always flatters (`copydesk compare` on other articles shows what it is worth)"
    )
