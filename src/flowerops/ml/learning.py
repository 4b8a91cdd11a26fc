"""The training loop around `model.fit` that the head and the small net share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.domain.params import TrainParams
from flowerops.domain.progress import Progress, Task
from flowerops.errors import BadInputError, FlowerOpsError

Labels = npt.NDArray[np.int64]
OnEpoch = Callable[[int, dict[str, float]], None]

_LOSS = "crossentropy"
_NAMES = {_LOSS: "loss", "accuracy": "accuracy", f"val_{_LOSS}": "val_loss", "val_accuracy": "val_accuracy"}
"""What Keras logs, and what it is called outside: its own "loss" has penalties and class weights in it."""


@dataclass(frozen=True)
class Recipe:
    """How to fit: parameters that differ between kinds of models.

    batch_size: images a step. learning_rate: of Adam. class_weight: weight of each class in the training loss.
    """

    batch_size: int
    learning_rate: float
    class_weight: dict[int, float] | None


@dataclass(frozen=True)
class Fitted:
    """A Keras model with the weights of its best epoch, every epoch's metrics by name, and how it was fitted."""

    model: Any
    history: dict[str, list[float]]
    recipe: Recipe

    @property
    def metrics(self) -> dict[str, float]:
        """The best epoch's metrics, its number (from 1), and how many epochs there were."""
        best = int(np.argmin(self.history["val_loss"]))
        figures = {name: values[best] for name, values in self.history.items()}
        return {**figures, "best_epoch": best + 1, "epochs": len(self.history["val_loss"])}


def class_weights(labels: Labels, classes: int) -> dict[int, float]:
    """Weights that give every class the same total: n / (classes * n_c). Every class must occur."""
    counts = np.bincount(labels, minlength=classes)
    return {label: len(labels) / (classes * int(count)) for label, count in enumerate(counts)}


def fit_model(
    model: Any, train: Any, val: Any, params: TrainParams, recipe: Recipe, *, progress: Progress, on_epoch: OnEpoch
) -> Fitted:
    """Train by Adam until the validation cross-entropy has not fallen for `params.patience` epochs.

    Args:
        model: Ends in a softmax.
        train: tf.data.Dataset of batches (inputs, labels).
        val: The same.
        params: most_epochs and patience are read here.
        recipe: The rest.
        progress: Gets the task "training", counted in epochs.
        on_epoch: Called after each epoch with its number from 1 and loss, accuracy, val_loss, val_accuracy. Losses are
            mean cross-entropies in nats, without penalties and class weights; training figures are with dropout.

    Raises:
        FlowerOpsError: The loss became infinite.
    """
    import keras

    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(name=_LOSS)],
    )
    history: dict[str, list[float]] = {name: [] for name in _NAMES.values()}
    stopping = keras.callbacks.EarlyStopping(
        f"val_{_LOSS}", patience=params.patience, mode="min", restore_best_weights=True
    )
    with progress.task("training", params.most_epochs, "epoch") as task:
        model.fit(
            train,
            validation_data=val,
            epochs=params.most_epochs,
            class_weight=recipe.class_weight,
            shuffle=False,  # the dataset does it
            verbose=0,
            callbacks=[_reporter(history, task, on_epoch), stopping],
        )
    return Fitted(model, history, recipe)


def _reporter(history: dict[str, list[float]], task: Task, on_epoch: OnEpoch) -> Any:
    import keras

    def report(index: int, logs: dict[str, float]) -> None:
        metrics = {name: float(logs[key]) for key, name in _NAMES.items()}
        if not all(map(math.isfinite, metrics.values())):
            raise FlowerOpsError(
                f"training diverged in epoch {index + 1}: the loss is infinite", "Lower the learning rate."
            )
        for name, value in metrics.items():
            history[name].append(value)
        task.advance(1, _status(metrics))
        on_epoch(index + 1, metrics)

    return keras.callbacks.LambdaCallback(on_epoch_end=report)


def _status(metrics: dict[str, float]) -> str:
    shown = {"loss": "loss", "accuracy": "accuracy", "val_accuracy": "val accuracy"}
    return " · ".join(f"{words} {metrics[name]:.3f}" for name, words in shown.items())


def check_labels(train: Labels, val: Labels, names: list[str]) -> None:
    """Raise BadInputError unless there are two classes or more, all in the training split, and a validation split."""
    if len(names) < 2:
        raise BadInputError("training needs at least two classes", "Add a folder of photos for each class.")
    absent = [name for label, name in enumerate(names) if not (train == label).any()]
    if absent:
        raise BadInputError(f"no training image of {', '.join(absent)}", "Add photos of it, or remove the class.")
    if not len(val):
        raise BadInputError("the validation split is empty", "Add photos, or preprocess with a larger val share.")
