"""The training that the head, fine-tuning and the small net share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.domain.params import TrainParams
from flowerops.errors import BadInputError, FlowerOpsError
from flowerops.ml.average import Average
from flowerops.ml.batches import Batches
from flowerops.ml.course import Course, taken_up
from flowerops.ml.devices import active
from flowerops.ml.epochs import LOSS, Hooks, run_epochs
from flowerops.ml.listener import Listener

Labels = npt.NDArray[np.int64]

_NAMES = {LOSS: "loss", "accuracy": "accuracy", f"val_{LOSS}": "val_loss", "val_accuracy": "val_accuracy"}
"""What an epoch logs, and what it is called outside: Keras' own "loss" has penalties and class weights in it."""


class DivergedError(FlowerOpsError):
    """The loss became infinite."""


@dataclass(frozen=True)
class Recipe:
    """How to fit: parameters that differ between kinds of models.

    batch_size: images a step. learning_rate: of Adam. class_weight: weight of each class in the training loss; an image
    mixed of two classes has that of the larger part. label_smoothing: share of the truth spread over all classes, in
    the training loss only. weight_decay: of the head, as used. epochs: at most so many; None for params.most_epochs.
    make_optimizer: makes another one than Adam. task: what its progress is called.
    """

    batch_size: int
    learning_rate: float
    class_weight: dict[int, float] | None
    label_smoothing: float = 0.0
    weight_decay: float | None = None
    epochs: int | None = None
    make_optimizer: Callable[[], Any] | None = None
    task: str = "training"


@dataclass(frozen=True)
class Fitted:
    """A Keras model with the weights of its best epoch, the epochs that it had, and how it was fitted."""

    model: Any
    course: Course
    recipe: Recipe

    @property
    def metrics(self) -> dict[str, float]:
        """The best epoch's metrics, its number (from 1), how many epochs there were, and how many of them before
        fine-tuning, where there was any."""
        course = self.course
        best = course.best_epoch
        phases = {"head_epochs": course.begun} if course.begun else {}
        return {**course.metrics(best - 1), "best_epoch": best, "epochs": course.epoch, **phases}


def class_weights(labels: Labels, classes: int) -> dict[int, float]:
    """Weights that give every class the same total: n / (classes * n_c). Every class must occur."""
    counts = np.bincount(labels, minlength=classes)
    return {label: len(labels) / (classes * int(count)) for label, count in enumerate(counts)}


def one_hot(labels: Any, classes: int) -> Any:
    """int64 [b] → float32 [b, classes]: what batches have for labels, because images can be mixed of two classes."""
    import keras

    return keras.ops.one_hot(labels, classes, dtype="float32")


def fit_model(
    model: Any,
    train: Batches,
    val: Batches,
    params: TrainParams,
    recipe: Recipe,
    listener: Listener,
    *,
    course: Course | None = None,
) -> Fitted:
    """Train until the validation cross-entropy has not fallen for `params.patience` epochs.

    Args:
        model: Ends in a softmax.
        train: What to learn from; labels are `one_hot`.
        val: What decides when to stop.
        params: most_epochs and patience are read here.
        recipe: The rest.
        listener: Hears of each epoch; from the checkpoint that it found, the training goes on.
        course: What went before, where this is not the first phase of a training and nothing was found.

    Raises:
        FlowerOpsError: The loss became infinite.
    """
    with active().learner(model) as learner:
        course = _learn(learner, train, val, params, recipe, listener, course=course)
    model.set_weights(course.best_weights)
    return Fitted(model, course, recipe)


def _learn(
    model: Any,
    train: Batches,
    val: Batches,
    params: TrainParams,
    recipe: Recipe,
    listener: Listener,
    *,
    course: Course | None,
) -> Course:
    _compile(model, recipe)
    course = taken_up(listener.found, model) if listener.found else course or Course()
    average, epochs = Average(model), recipe.epochs or params.most_epochs
    with listener.progress.task(recipe.task, epochs, "epoch") as task, listener.interrupted():
        listener.catch_up(course, task)

        def ended(index: int, logs: dict[str, float]) -> None:
            course.add(_checked(index + 1, logs), model)
            average.leave()
            listener.epoch_ended(course, model, task)
            model.stop_training = course.is_over(epochs, params.patience)

        if not course.is_over(epochs, params.patience):
            span = range(course.epoch, course.begun + epochs)
            run_epochs(model, train, val, span, Hooks(recipe.class_weight, average.enter, ended))
    return course


def _compile(model: Any, recipe: Recipe) -> None:
    import keras

    devices = active()
    optimizer = recipe.make_optimizer() if recipe.make_optimizer else keras.optimizers.Adam(recipe.learning_rate)
    model.compile(
        optimizer=devices.optimizer(model, optimizer),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy"), keras.metrics.CategoricalCrossentropy(name=LOSS)],
        jit_compile=devices.xla,
    )
    model.optimizer.build(model.trainable_variables)


def _checked(epoch: int, logs: dict[str, float]) -> dict[str, float]:
    metrics = {name: float(logs[key]) for key, name in _NAMES.items()}
    if not all(map(math.isfinite, metrics.values())):
        raise DivergedError(f"training diverged in epoch {epoch}: the loss is infinite", "Lower the learning rate.")
    return metrics


def check_labels(train: Labels, val: Labels, names: list[str]) -> None:
    """Raise BadInputError unless there are two classes or more, all in the training split, and a validation split."""
    if len(names) < 2:
        raise BadInputError("training needs at least two classes", "Add a folder of photos for each class.")
    absent = [name for label, name in enumerate(names) if not (train == label).any()]
    if absent:
        raise BadInputError(f"no training image of {', '.join(absent)}", "Add photos of it, or remove the class.")
    if not len(val):
        raise BadInputError("the validation split is empty", "Add photos, or preprocess with a larger val share.")
