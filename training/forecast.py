"""What more articles would bring: an inverse power law through the points of a learning curve.

F1 = a - b * n ** -c for n articles, with a <= 1 and b >= 0. Sources: Cortes and others 1994, "Learning curves: asymptotic
values and rate of convergence"; Figueroa and others 2012, "Predicting sample size required for classification performance".
For a given c the law is linear in a and b, so that c alone is searched (Golub and Pereyra 1973, variable projection).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotate.counts import n_of
from annotate.scores import middle

MIN_POINTS = 4  # three numbers make the law, the fourth can gainsay it
EXPONENTS = np.geomspace(0.05, 3, 60)  # from hardly bent on a scale of logarithms to level after twice the first size
MAX_LEVEL = 0.25  # share of the draws through which no rising law goes, above which no forecast is made
N_SHOWN = 25  # sizes at which the band of a forecast is known

Floats = NDArray[np.float64]


class Forecast(NamedTuple):
    """What F1 gains from `n_more` articles beyond the largest size.

    ci: the interval of the gain; None where the scores have none.
    law: a, b, c. sizes, middle, low, high: the law with its band, for a plot; low and high are empty without an interval.
    """

    n_more: int
    gain: float
    ci: tuple[float, float] | None
    law: tuple[float, float, float]
    sizes: Sequence[float]
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]

    def to_json(self) -> dict[str, Any]:
        """The plain numbers. Any: numbers, null and lists of numbers."""
        ci = None if self.ci is None else [round(value, 4) for value in self.ci]
        a, b, c = self.law
        return {"articles_more": self.n_more, "gain": round(self.gain, 4), "ci": ci, "law": {"a": a, "b": b, "c": c}}


def forecast(sizes: Sequence[float], f1: Sequence[float], draws: Floats | None, n_more: int) -> Forecast | str:
    """The forecast, or in words why there is none.

    sizes: articles of each point. f1: (n_points,). draws: (n_draws, n_points), F1 of resampled stories and runs, each row
    one draw for all points; None for a forecast without interval.
    """
    n_points = len(set(sizes))
    if n_points < MIN_POINTS:
        return f"not enough points: {n_of(n_points, 'size')}, and a law takes {MIN_POINTS}"
    sizes_, f1_ = np.asarray(sizes, dtype=float), np.asarray(f1, dtype=float)
    law = fit_laws(sizes_, f1_[None])  # (1, 3)
    if law[0, 1] == 0:
        return "not determined: the scores do not rise with the articles"
    last = sizes_.max()
    shown = np.linspace(sizes_.min(), last + n_more, N_SHOWN)
    whole = values(law, shown)[0]
    gain = float(np.diff(values(law, np.array([last, last + n_more])))[0, 0])
    ci: tuple[float, float] | None = None
    low: list[float] = []
    high: list[float] = []
    if draws is not None:
        laws = fit_laws(sizes_, draws)
        gains = np.diff(values(laws, np.array([last, last + n_more])), axis=1)[:, 0]
        ci = middle(gains)
        low, high = np.quantile(values(laws, shown), [0.025, 0.975], axis=0).tolist()
        if (laws[:, 1] == 0).mean() > MAX_LEVEL:
            return "not determined: drawn again, the scores often do not rise with the articles"
    a, b, c = law[0].tolist()
    return Forecast(n_more, gain, ci, (a, b, c), shown.tolist(), whole.tolist(), low, high)


def fit_laws(sizes: Floats, f1: Floats) -> Floats:
    """a, b and c of the law nearest to each row in squares, (n_rows, 3); b is 0 where a row does not rise.

    sizes: (n_points,), at least two different ones. f1: (n_rows, n_points), from 0 to 1.
    """
    best = np.full(len(f1), np.inf)
    laws = np.zeros((len(f1), 3))
    mean = f1.mean(axis=1)  # (n_rows,)
    for c in EXPONENTS:
        x = (sizes / sizes.max()) ** -c  # 1 at the largest size, more at the others
        off = x - x.mean()
        b = np.maximum(0.0, -(f1 @ off) / (off @ off))
        a = mean + b * x.mean()
        capped = a > 1
        b = np.where(capped, (1 - f1) @ x / (x @ x), b)
        a = np.where(capped, 1.0, a)
        b = np.where(b * np.ptp(x) < 1e-9, 0.0, b)  # level, but for rounding
        squares = ((a[:, None] - b[:, None] * x - f1) ** 2).sum(axis=1)
        nearer = squares < best - 1e-15
        best[nearer] = squares[nearer]
        laws[nearer] = np.stack([a, b * sizes.max() ** c, np.full_like(a, c)], axis=1)[nearer]
    return laws


def values(laws: Floats, sizes: Floats) -> Floats:
    """F1 of each law at each size, (n_laws, n_sizes), never below 0."""
    a, b, c = (column[:, None] for column in laws.T)
    found: Floats = np.maximum(0.0, a - b * sizes**-c)
    return found
