"""How far a training has come, and how that goes into a checkpoint and comes out of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.errors import BadInputError
from flowerops.ml.checkpoint_files import Checkpoint

_BEGUN = "begun"
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


@dataclass
class Course:
    """history: each epoch's metrics by name. best_weights: of the epoch with the lowest validation loss.

    begun: how many epochs there were before the present phase, which fine-tunes; 0 in the first one.
    """

    history: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in METRICS})
    best_weights: list[npt.NDArray[Any]] = field(default_factory=list)
    begun: int = 0

    @property
    def epoch(self) -> int:
        """How many epochs are finished."""
        return len(self.history["val_loss"])

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest validation loss, from 1; the first of equal ones."""
        return int(np.argmin(self.history["val_loss"])) + 1

    def metrics(self, index: int) -> dict[str, float]:
        """Of one epoch, from 0."""
        return {name: values[index] for name, values in self.history.items()}

    def is_over(self, most_epochs: int, patience: int) -> bool:
        """Whether the phase has no epoch left, or in `patience` of its epochs the validation loss has not fallen."""
        done = self.epoch - self.begun
        return done >= most_epochs or (done > 0 and self.epoch - max(self.best_epoch, self.begun) >= patience)

    def add(self, metrics: Mapping[str, float], model: Any) -> None:
        """Count an epoch that has just ended."""
        for name in METRICS:
            self.history[name].append(metrics[name])
        if self.best_epoch == self.epoch:
            self.best_weights = _copies(model.weights)

    def checkpoint(self, model: Any) -> Checkpoint:
        """This moment, in copies; `model.variables` are the weights and the state of the random numbers."""
        arrays = {
            **_named("model", _copies(model.variables)),
            **_named("optimizer", _copies(model.optimizer.variables)),
            **_named("best", self.best_weights),
        }
        if self.begun:
            arrays[_BEGUN] = np.array(self.begun)
        return Checkpoint(self.epoch, {name: list(values) for name, values in self.history.items()}, arrays)


def taken_up(found: Checkpoint, model: Any) -> Course:
    """Put a model into the state that a checkpoint has.

    Args:
        found: The checkpoint.
        model: Compiled, its optimizer built.

    Raises:
        BadInputError: It is of another model.
    """
    state = _named("model", model.variables) | _named("optimizer", model.optimizer.variables)
    best = _named("best", model.weights)
    for name, variable in (state | best).items():
        if name not in found.arrays or found.arrays[name].shape != tuple(variable.shape):
            raise BadInputError(
                f"the checkpoint of epoch {found.epoch} is of another model: {name} does not fit",
                "Another version of flowerops wrote it: delete its folder, or give the step --fresh.",
            )
    for name, variable in state.items():
        variable.assign(found.arrays[name])
    return Course(found.history, [found.arrays[name] for name in best], begun_of(found))


def begun_of(found: Checkpoint) -> int:
    """After how many epochs the checkpoint's phase began: 0 in the first phase."""
    return int(found.arrays.get(_BEGUN, 0))


def _named(kind: str, items: Sequence[Any]) -> dict[str, Any]:
    return {f"{kind}-{index:03d}": item for index, item in enumerate(items)}


def _copies(variables: Sequence[Any]) -> list[npt.NDArray[Any]]:
    return [np.array(variable.numpy()) for variable in variables]
