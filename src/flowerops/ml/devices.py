"""What a training computes on: which devices, in which precision, compiled or not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from flowerops.domain.params import TrainParams
from flowerops.domain.workers import Worker
from flowerops.errors import UsageError
from flowerops.ml.precision import FLOAT32, computing_in
from flowerops.ml.replicas import Replicas, open_replicas, telling_of_lost_workers
from flowerops.ml.runtime import builds, capabilities, gpus

_PIXELS_RANK = 4
_TENSOR_CORES = (7, 0)
_BFLOAT16 = (8, 0)


@dataclass(frozen=True)
class Devices:
    """replicas: several devices, or None for one. precision: of models that take pixels, see `precision.computing_in`.

    features: precision of a frozen backbone. xla: compile what is computed.
    """

    replicas: Replicas | None = None
    precision: str = FLOAT32
    features: str = FLOAT32
    xla: bool = False

    def optimizer(self, model: Any, optimizer: Any) -> Any:
        """float16 needs a loss so large that no gradient becomes 0."""
        import keras

        return keras.optimizers.LossScaleOptimizer(optimizer) if self._of(model) == "float16" else optimizer

    @contextlib.contextmanager
    def learner(self, model: Any) -> Iterator[Any]:
        """The model to train in the block: itself on one device, its copy on several."""
        if self.replicas is None:
            with computing_in(model, self._of(model)):
                yield model
            return
        import keras

        with self.replicas.strategy.scope():
            copy = keras.models.clone_model(model)
            for variable, value in zip(copy.variables, model.variables, strict=True):
                variable.assign(value.numpy())
            with computing_in(copy, self._of(model)):
                yield copy

    def _of(self, model: Any) -> str:
        return self.precision if len(model.input_shape) == _PIXELS_RANK else FLOAT32


_ONE = Devices()
_ACTIVE: ContextVar[Devices] = ContextVar("devices", default=_ONE)


def active() -> Devices:
    """The devices that are in use here, as TensorFlow has a current strategy."""
    return _ACTIVE.get()


@contextlib.contextmanager
def using(devices: Devices) -> Iterator[None]:
    """Train on these devices in the block.

    Raises:
        RemoteError: Another worker ended before its time.
    """
    token = _ACTIVE.set(devices)
    try:
        with telling_of_lost_workers(devices.replicas):
            yield
    finally:
        _ACTIVE.reset(token)


def choose_devices(params: TrainParams, worker: Worker) -> Devices:
    """All GPUs that TensorFlow sees, else the CPU. It has to come before TensorFlow's first operation.

    Args:
        params: require_gpu, precision and deterministic are read here.
        worker: This process's place among all; waits until the others are there, too.

    Raises:
        UsageError: A GPU is required, and there is none.
    """
    if params.require_gpu and not gpus():
        raise UsageError(
            f"a GPU is required, and TensorFlow sees none here ({', '.join(builds()) or 'tensorflow'})",
            "`flowerops doctor --gpu` says why. Leave --require-gpu out to train on the CPU.",
        )
    replicas = open_replicas(worker)
    xla = bool(gpus()) and not params.deterministic
    if params.precision != "auto":
        return Devices(replicas, params.precision, params.precision, xla)
    return Devices(replicas, *automatic_precision(capabilities()), xla)


def automatic_precision(found: list[tuple[int, int]]) -> tuple[str, str]:
    """What to learn in, and what to compute features in.

    bfloat16 has float32's range, so that no loss need be scaled; GPUs compute it as fast as float16 from compute
    capability 8 on, and float16 from 7 on (NVIDIA, "Train With Mixed Precision"). Features want float16's finer steps.

    Args:
        found: Compute capability of each GPU; the oldest one decides.
    """
    oldest = min(found, default=(0, 0))
    if oldest >= _BFLOAT16:
        return "bfloat16", "float16"
    return ("float16", "float16") if oldest >= _TENSOR_CORES else (FLOAT32, FLOAT32)
