"""Which parameters to try next: KerasTuner's Bayesian optimisation, asked and told one trial at a time."""

from __future__ import annotations

import contextlib
import importlib
import tempfile
from typing import Any, Self

from flowerops.domain.search import LogRange, SearchSpace
from flowerops.errors import UsageError
from flowerops.io.loading import loading
from flowerops.ml.runtime import load_tensorflow

_OBJECTIVE = "val_loss"
_RANDOM_FIRST = 4
"""So many trials at random, before a Gaussian process has something to go by; KerasTuner's own choice, three times the
number of parameters, would leave a short search at random."""


class Oracle(contextlib.AbstractContextManager["Oracle"]):
    """Gaussian process over the finished trials, next point by upper confidence bound (J. Snoek et al. 2012,
    arXiv:1206.2944), as KerasTuner has it. The same space, seed and answers give the same questions.

    Args:
        space: What to search.
        trials: At most so many questions.
        seed: Of the random ones.

    Raises:
        UsageError: KerasTuner is not installed.
    """

    def __init__(self, space: SearchSpace, trials: int, seed: int) -> None:
        tuner = _keras_tuner()
        points = tuner.HyperParameters()
        for name, domain in space.items():
            if isinstance(domain, LogRange):
                points.Float(name, domain.low, domain.high, sampling="log")
            else:
                points.Choice(name, domain.values, ordered=True)
        self._folder = tempfile.TemporaryDirectory(prefix="flowerops-tuning-")
        self._oracle = tuner.oracles.BayesianOptimizationOracle(
            tuner.Objective(_OBJECTIVE, "min"),
            max_trials=trials,
            num_initial_points=_RANDOM_FIRST,
            seed=seed,
            hyperparameters=points,
            max_consecutive_failed_trials=trials + 1,
        )
        self._oracle._set_project_dir(self._folder.name, "search")  # it keeps books, which nobody reads
        self._oracle.verbose = 0
        self._asked: Any = None

    def ask(self) -> dict[str, float] | None:
        """Values to try, by parameter; None when there are no others left."""
        self._asked = self._oracle.create_trial("flowerops")
        if self._asked.status == "STOPPED":
            return None
        return {name: float(value) for name, value in self._asked.hyperparameters.values.items()}

    def tell(self, loss: float | None) -> None:
        """The validation loss of the values last asked for; None for a training that diverged."""
        if loss is None:
            self._asked.status = "FAILED"
        else:
            self._oracle.update_trial(self._asked.trial_id, {_OBJECTIVE: loss})
            self._asked.status = "COMPLETED"
        self._oracle.end_trial(self._asked)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def _keras_tuner() -> Any:
    load_tensorflow()  # first, so that Keras runs on it
    try:
        with loading():
            return importlib.import_module("keras_tuner")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{error.name} is not installed", 'Install the training part: pip install "flowerops[train]"'
        ) from error
