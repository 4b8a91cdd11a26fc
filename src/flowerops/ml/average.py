"""The moving average of a model's weights that its optimizer keeps, in the weights' place while it is judged."""

from __future__ import annotations

from typing import Any


class Average:
    """Puts the average in and takes it out again, bit by bit, which adding and subtracting would not.

    Where the optimizer keeps none, nothing happens.
    """

    def __init__(self, model: Any) -> None:
        """A compiled model, its optimizer built."""
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # inside that which scales the loss
        self._pairs: list[tuple[Any, Any]] = []
        if optimizer.use_ema:
            # Keras' own SwapEMAWeights takes them from there, too.
            self._pairs = list(zip(model.trainable_variables, optimizer._model_variables_moving_average, strict=True))
        self._raw: list[Any] | None = None

    def enter(self) -> None:
        """The model has the average from now on."""
        if self._raw is None:
            self._raw = [variable.numpy() for variable, _ in self._pairs]
            for variable, average in self._pairs:
                variable.assign(average)

    def leave(self) -> None:
        """The model has the weights that learn."""
        for (variable, _), value in zip(self._pairs, self._raw or [], strict=self._raw is not None):
            variable.assign(value)
        self._raw = None
