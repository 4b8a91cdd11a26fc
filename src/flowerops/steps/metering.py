"""What a training costs: images a second, seconds of reading, and memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from flowerops.domain.progress import Progress, Task
from flowerops.io.memory import peak_memory_bytes
from flowerops.ml.fit import TrainedModel
from flowerops.ml.gpu_memory import peak_gpu_memory_bytes
from flowerops.ml.source import ImageSource, Pixels

_MIB = 2**20


class MeteredImages:
    """An image source whose reading is timed; see `ml.source.ImageSource`. seconds: spent in `pixels` so far."""

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self.seconds = 0.0

    @property
    def keys(self) -> Sequence[str]:
        """As the source's."""
        return self._source.keys

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """As the source's."""
        return self._source.labels

    def pixels(self, indices: Sequence[int]) -> Pixels:
        """As the source's."""
        began = time.perf_counter()
        try:
            return self._source.pixels(indices)
        finally:
            self.seconds += time.perf_counter() - began


class MeteredProgress:
    """Passes everything on, and says after each epoch how many training images went by in a second.

    images_per_second: of the epochs counted one by one, over all of them; None before the first.
    """

    def __init__(self, progress: Progress, images: int) -> None:
        self._progress = progress
        self._images = images
        self._epochs = 0
        self._seconds = 0.0

    @property
    def images_per_second(self) -> float | None:
        """Training images in a second of the training's epochs, validation included."""
        return self._images * self._epochs / self._seconds if self._seconds else None

    def message(self, text: str) -> None:
        """Pass it on."""
        self._progress.message(text)

    @contextlib.contextmanager
    def task(self, label: str, total: int, unit: str) -> Iterator[Task]:
        """Begin a task; one of epochs is metered."""
        with self._progress.task(label, total, unit) as task:
            yield _MeteredTask(task, self) if unit == "epoch" else task

    def epoch_took(self, seconds: float) -> float:
        """Count an epoch, and give its images a second."""
        self._epochs += 1
        self._seconds += seconds
        return self._images / max(seconds, 1e-9)


class _MeteredTask:
    def __init__(self, task: Task, meter: MeteredProgress) -> None:
        self._task = task
        self._meter = meter
        self._since = time.perf_counter()

    def advance(self, amount: int = 1, status: str | None = None) -> None:
        now = time.perf_counter()
        if amount == 1 and status:  # epochs of an earlier attempt are caught up in one go
            status = f"{status} · {self._meter.epoch_took(now - self._since):,.0f} images/s"
        self._since = now
        self._task.advance(amount, status)


def cost(trained: TrainedModel, fit_rate: float | None) -> dict[str, float]:
    """Figures for the run: images_per_second_features (those computed, not those remembered), images_per_second_fit,
    peak_memory_mib of this process, and peak_gpu_memory_mib of the GPU that needed most. What there is none of is
    left out."""
    found: dict[str, float] = {}
    computed, seconds = trained.features.get("computed", 0), trained.seconds.get("features", 0.0)
    if computed and seconds:
        found["images_per_second_features"] = computed / seconds
    if fit_rate:
        found["images_per_second_fit"] = fit_rate
    if peak := peak_memory_bytes():
        found["peak_memory_mib"] = peak / _MIB
    if on_gpus := peak_gpu_memory_bytes():
        found["peak_gpu_memory_mib"] = max(on_gpus.values()) / _MIB
    return {name: round(value, 1) for name, value in found.items()}
