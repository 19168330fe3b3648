"""Settings to try, drawn from their ranges by Optuna."""

from typing import TYPE_CHECKING

from .ranges import Between, Range, Scalar, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

N_RANDOM = 5  # drawn at random before it is learnt from them; more would leave little of a dozen


class Draws:
    """Settings to try, which are the better the more scores are learnt; the same ones for the same seed and scores.

    So nothing of optuna's need be kept: a search that goes on tells it the scores that are there.
    """

    def __init__(self, space: Space, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=N_RANDOM)
        self.space = space
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._distributions: dict[str, BaseDistribution] = {name: _distribution(r) for name, r in space.ranges.items()}

    def learn_own(self, score: float) -> None:
        """Learns the score of the config's own settings, where they are in the ranges."""
        from optuna.trial import create_trial

        own, ranges = dict(self.space.own), self.space.ranges
        if all(ranges[name].holds(value) for name, value in own.items()):
            self._study.add_trial(create_trial(params=own, distributions=self._distributions, value=score))

    def draw(self) -> dict[str, Scalar]:
        """The next ones; `learn` is to be told their score before there are others."""
        self._trial = self._study.ask(self._distributions)
        return {name: self.space.ranges[name].rounded(value) for name, value in self._trial.params.items()}

    def learn(self, score: float) -> None:
        self._study.tell(self._trial, score)


def _distribution(stated: Range) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(stated, Between):
        return CategoricalDistribution(stated.choices)
    if isinstance(stated.low, int) and isinstance(stated.high, int):
        return IntDistribution(stated.low, stated.high, log=stated.log)
    return FloatDistribution(stated.low, stated.high, log=stated.log)
