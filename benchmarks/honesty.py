"""How well the models of the starter corpus know themselves: scores, promised precision, comparisons and forecasts."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from spacy.language import Language

from annotate.scores import COVERAGE
from apply.cutoffs import Cutoffs, cutoffs_of, left_in
from training.compare import compare
from training.curve import Rows, drawn_means, f1_of
from training.evaluate import Scores
from training.forecast import forecast
from training.judged import LAYERS, Judged, judge

WANTED = (0.8, 0.9)  # of the items that are kept, the share that is right
N_MORE = 50  # articles


class Known(NamedTuple):
    """A model's scores, all its items, and for each wanted precision those that are kept."""

    scores: Scores
    items: list[Judged]
    kept: dict[float, list[Judged]]


def honesty(models: Iterable[tuple[Language, Scores]]) -> dict[str, Any]:
    """How well models that differ in their seed know themselves on test: layer -> numbers, and their comparisons.

    models: each with its scores on the same articles. Any: plain JSON.
    """
    known = [_known(nlp, scores) for nlp, scores in models]
    gaps = [gap for one, other in pairwise(known) for gap in compare(one.scores, other.scores).values()]
    return {
        "layers": {layer: _layer(layer, known) for layer in LAYERS},
        "comparisons": {
            "lines": len(gaps),
            "shown": sum(gap.is_shown for gap in gaps),
            "by chance": round((1 - COVERAGE) * len(gaps)),
        },
    }


def _known(nlp: Language, scores: Scores) -> Known:
    cutoffs = {wanted: cutoffs_of(nlp, precision=wanted) for wanted in WANTED}
    return Known(scores, _items(scores), {wanted: _items(scores, own) for wanted, own in cutoffs.items()})


def _items(scores: Scores, cutoffs: Cutoffs | None = None) -> list[Judged]:
    """What was found, without what the cut-offs leave out, and all that points to it, as `apply` does."""
    both = ((pair.gold, pair.found if cutoffs is None else left_in(pair.found, cutoffs)) for pair in scores.pairs)
    return [item for gold, found in both for item in judge(gold, found)]


def _layer(layer: str, known: Sequence[Known]) -> dict[str, Any]:
    """Means over the models; of what is kept, the share of all models' together, None without any. Any: plain JSON."""
    both = [model.scores.calibration[layer] for model in known]
    found: dict[str, Any] = {
        "found": round(fmean(own.after.n_items for own in both)),
        "before": round(fmean(own.before.error for own in both), 4),
        "after": round(fmean(own.after.error for own in both), 4),
    }
    for wanted in WANTED if layer != "attributes" else ():
        n_all = sum(item.layer == layer for model in known for item in model.items)
        kept = [item.is_right for model in known for item in model.kept[wanted] if item.layer == layer]
        right = round(fmean(kept), 4) if kept else None
        found[str(wanted)] = {"right": right, "kept": round(len(kept) / max(n_all, 1), 4)}
    return found


def forecasts(names: Iterable[str], sizes: Sequence[float], points: Sequence[Sequence[Mapping[str, Rows]]]) -> dict[str, Any]:
    """What N_MORE articles more would bring, score -> numbers or the reason why nobody can tell.

    sizes: articles of each point. points: the runs of each, score -> counts. Any: as in `Forecast.to_json`.
    """
    made: dict[str, Any] = {}
    for name in names:
        rows = [[run[name] for run in runs] for runs in points]
        f1 = [fmean(f1_of(own) for own in runs) for runs in rows]
        found = forecast(sizes, f1, np.stack([drawn_means(own) for own in rows], axis=1), N_MORE)
        made[name] = found if isinstance(found, str) else found.to_json()
    return made
