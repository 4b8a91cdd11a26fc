"""What `--tune` searches: the parameters that were left open, and between which bounds."""

from __future__ import annotations

from typing import Any, Literal

from flowerops.domain.documents import Document
from flowerops.domain.params import TrainParams

_SMOOTHING = (0.0, 0.05, 0.1, 0.2)
_FINE_TUNING_RATE = 1e-4
_ALL_BLOCKS = -1


class LogRange(Document):
    """Any number between two others, on a logarithmic scale."""

    kind: Literal["log_range"] = "log_range"
    low: float
    high: float


class Choices(Document):
    """One of several numbers."""

    kind: Literal["choices"] = "choices"
    values: list[float]


SearchSpace = dict[str, LogRange | Choices]
"""By name of the parameter, see `TrainParams`."""


def search_space(params: TrainParams) -> SearchSpace:
    """The parameters to search: those that the user did not fix.

    learning_rate, weight_decay and batch_size where they are None; label_smoothing where it is 0; for `cnn`, whose
    layers have no penalty, no weight_decay. With fine-tuning, its learning rate where it is the usual one, and its
    depth: from no block to as many as were asked for.
    """
    space: SearchSpace = {}
    scratch = params.backbone == "cnn"
    if params.learning_rate is None:
        space["learning_rate"] = LogRange(low=1e-4, high=1e-2) if scratch else LogRange(low=3e-4, high=3e-2)
    if params.weight_decay is None and not scratch:
        space["weight_decay"] = LogRange(low=1e-4, high=1e-1)
    if params.label_smoothing == 0:
        space["label_smoothing"] = Choices(values=list(_SMOOTHING))
    if params.batch_size is None:
        space["batch_size"] = Choices(values=[16, 32, 64] if scratch else [32, 64, 128, 256])
    if params.fine_tune and not scratch:
        space["fine_tune"] = Choices(values=_depths(params.fine_tune))
        if params.fine_tune_learning_rate == _FINE_TUNING_RATE:
            space["fine_tune_learning_rate"] = LogRange(low=1e-5, high=1e-3)
    return space


def _depths(most: int) -> list[float]:
    if most == _ALL_BLOCKS:
        return [0, 2, 4, _ALL_BLOCKS]
    return [0, *(depth for depth in (1, 2, 4, 8, 16) if depth < most), most]


def planned_search(params: TrainParams) -> dict[str, Any]:
    """The member `tuning` of a plan's document: how many trials there will be, and what they search; without a search
    there is no such member."""
    if params.tune is None:
        return {}
    space = {name: domain.model_dump() for name, domain in search_space(params).items()}
    return {"tuning": {"trials": params.tune, "space": space}}


def with_values(params: TrainParams, values: dict[str, Any]) -> TrainParams:
    """The parameters of a trial; they search no further."""
    whole = {name: int(value) if name in ("batch_size", "fine_tune") else value for name, value in values.items()}
    return TrainParams.model_validate({**params.model_dump(), **whole, "tune": None})


class Trial(Document):
    """One training of the search.

    number: from 1. values: of the searched parameters; empty for the first trial, which has them as they were asked
    for. val_loss (cross-entropy in nats), val_accuracy: of the best epoch; None where the training diverged.
    """

    number: int
    values: dict[str, float]
    val_loss: float | None = None
    val_accuracy: float | None = None
    epochs: int
    seconds: float


class Tuning(Document):
    """`tuning.json`: a search and its trials so far.

    search: what it is about, see `ml.tuning`; trials of another search are of no use to this one.
    """

    schema_version: int = 1
    search: str
    space: SearchSpace
    trials: list[Trial]

    @property
    def best(self) -> Trial:
        """The trial with the lowest validation cross-entropy; the first of equal ones.

        Raises:
            ValueError: All diverged.
        """
        return min((trial for trial in self.trials if trial.val_loss is not None), key=lambda one: one.val_loss or 0.0)
