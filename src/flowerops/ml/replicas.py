"""Over which devices a training is spread: TensorFlow's strategies, and what workers tell one another.

One replica of the model is on each device. All of them learn from their share of the same batch, so that the result is
that of one device, up to the order of additions.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.domain.workers import Worker
from flowerops.errors import RemoteError, first_line
from flowerops.ml.runtime import gpus, load_tensorflow

_CHUNK = 1 << 24
"""Bytes that workers exchange at once."""


class Replicas:
    """The devices of this training. strategy: tf.distribute.Strategy. worker: this process's place among all."""

    def __init__(self, strategy: Any, worker: Worker) -> None:
        self.strategy = strategy
        self.worker = worker

    @property
    def count(self) -> int:
        """Devices in all processes."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def here(self) -> range:
        """Numbers of the replicas in this process."""
        local = self.count // self.worker.count
        return range(self.worker.index * local, (self.worker.index + 1) * local)

    def total(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The sum over all workers, the same on each: int32 or float32 of one shape."""
        if self.worker.count == 1:
            return values
        flat = np.ascontiguousarray(values).reshape(-1)
        step = max(1, _CHUNK // flat.itemsize)
        parts = [self._summed(flat[start : start + step]) for start in range(0, len(flat), step)]
        return np.concatenate([*parts, flat[:0]]).reshape(values.shape)

    def from_chief(self, data: bytes | None) -> bytes:
        """What the first worker gives, on every worker; the others' own argument counts for nothing."""
        if self.worker.count == 1:
            return data or b""
        mine = data or b"" if self.worker.index == 0 else b""
        length = int(self.total(np.array([len(mine)], np.int32))[0])
        padded = np.zeros(-(-length // 4), np.int32)  # whole numbers add up exactly, whatever they stand for
        padded.view(np.uint8)[: len(mine)] = np.frombuffer(mine, np.uint8)
        return self.total(padded).tobytes()[:length]

    def _summed(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        tensorflow = load_tensorflow()
        local = len(self.here)

        def share(context: Any) -> Any:  # one of the replicas here brings the values, and the others nothing
            first = context.replica_id_in_sync_group % local == 0
            return tensorflow.constant(values if first else np.zeros_like(values))

        shares = self.strategy.experimental_distribute_values_from_function(share)
        return np.array(self.strategy.reduce(tensorflow.distribute.ReduceOp.SUM, shares, axis=None))


@functools.cache
def open_replicas(worker: Worker) -> Replicas | None:
    """All GPUs of this machine, or the devices of all workers that TF_CONFIG names; None for a single device.

    It has to come before TensorFlow's first operation, and waits until all workers are there. Later calls
    of a process get the same: two strategies would give their exchanges the same numbers.
    """
    tensorflow = load_tensorflow()
    if worker.count > 1:
        return Replicas(tensorflow.distribute.MultiWorkerMirroredStrategy(), worker)
    if len(gpus()) > 1:
        return Replicas(tensorflow.distribute.MirroredStrategy(), worker)
    return None


@contextlib.contextmanager
def telling_of_lost_workers(replicas: Replicas | None) -> Iterator[None]:
    """A worker that ends makes TensorFlow's next exchange fail with one of several errors, within a minute.

    Raises:
        RemoteError: It did.
    """
    if replicas is None or replicas.worker.count == 1:
        yield
        return
    errors = load_tensorflow().errors
    kinds = (errors.UnavailableError, errors.AbortedError, errors.CancelledError, errors.DeadlineExceededError,
             errors.InternalError, errors.OutOfRangeError, errors.FailedPreconditionError)  # fmt: skip
    try:
        yield
    except kinds as error:
        raise RemoteError(
            f"worker {replicas.worker.index} of {replicas.worker.count} lost the others: {first_line(error)[:300]}",
            "Read the log of the worker that failed first. The same step goes on from the last checkpoint.",
        ) from error
