"""train, on every worker but the first: learn along with it, and leave everything that is to be written to it."""

from __future__ import annotations

from typing import Any

from flowerops.datasets.processed import ProcessedVersion
from flowerops.domain.progress import Progress
from flowerops.ml.fit import train as fit
from flowerops.steps.train import TrainInput, training_of


def train_along(work: TrainInput, progress: Progress) -> dict[str, Any]:
    """Compute the features of this worker's share of the images and take part in every step, until the first worker
    has its model. Checkpoints are the first worker's, too; this one goes on from the same.

    Returns:
        The worker's number among how many, and the metrics, which are the same on all.

    Raises:
        RemoteError: Another worker ended before its time.
        FlowerOpsError: What ends the first worker's step, too, see `steps.train.train`.
    """
    version = ProcessedVersion(work.data)
    training = training_of(work, version, version.split("train"), version.split("val"))
    trained = fit(training, progress, lambda epoch, metrics: None)
    return {"worker": work.worker.index, "workers": work.worker.count, "metrics": trained.metrics}
