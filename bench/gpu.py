"""`python -m bench.gpu`: images/s of feature extraction and of fine-tuning, beside what the device can do at most.

It is for a machine with a GPU; with --size 32 --batch 4 --steps 2 --no-xla it also runs on a CPU, to see that it works.
KERAS_BACKEND=jax or torch measures the same networks there: what needs tf.data is left out then.

The limit is a forward pass (or forward and backward) over images that lie on the device already. flowerops' own figure
has everything in it: pixels as bytes in memory, their way to the device, and for fine-tuning the optimizer.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import keras
import numpy as np

from bench.gpu_limits import backward, forward, on_device, wait_for
from flowerops.ml.backbones import efficientnet_lite0
from flowerops.ml.blocks import learning_layers, unfreeze
from flowerops.ml.engines import copy_for_inference
from flowerops.ml.precision import compute_in

CLASSES = 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.gpu", description=__doc__)
    parser.add_argument("--size", type=int, default=224, help="side of an image in pixels")
    parser.add_argument("--batch", type=int, default=64, help="images a step")
    parser.add_argument("--steps", type=int, default=30, help="steps a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the median counts")
    parser.add_argument("--blocks", type=int, default=3, help="last blocks that are fine-tuned")
    parser.add_argument("--precision", nargs="+", default=["float32", "float16", "bfloat16"])
    parser.add_argument("--no-xla", action="store_true", help="leave out what compiles for minutes on a CPU")
    parser.add_argument("--out", type=Path, help="file for the table, besides the screen")
    given = parser.parse_args()
    lines = []
    for line in itertools.chain(_machine(given), _table(given)):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        lines.append(line)
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


def _machine(given: Any) -> list[str]:
    backend = keras.backend.backend()
    try:
        devices = ", ".join(map(str, keras.distribution.list_devices()))
    except (AttributeError, NotImplementedError):
        devices = "unknown"
    shape = f"EfficientNet-Lite0 at {given.size} px, {given.batch} images a step"
    return [f"Keras {keras.__version__} on {backend}; devices: {devices}; {shape}", "",
            "| part | precision | XLA | limit, images/s | flowerops, images/s | of the limit |",
            "|---|---|---|---:|---:|---:|"]  # fmt: skip


def _table(given: Any) -> Iterator[str]:
    state, _ = efficientnet_lite0.read_weights()
    for precision in given.precision:
        for xla in _xla_choices(given):
            for part, measured in (("features", _features), ("fine-tuning", _fine_tuning)):
                keras.utils.clear_session()
                limit, ours = measured(given, state, precision, xla)
                words = "yes" if xla else "no"
                share = f"{ours / limit:.0%}"
                yield f"| {part} | {precision} | {words} | {limit:,.0f} | {ours:,.0f} | {share} |"


def _xla_choices(given: Any) -> list[bool]:
    """JAX always compiles, torch never."""
    return {"jax": [True], "torch": [False]}.get(keras.backend.backend(), [False] if given.no_xla else [False, True])


def _pixels(given: Any) -> Any:
    return np.random.default_rng(0).integers(0, 256, (given.batch, given.size, given.size, 3), np.uint8)


def _features(given: Any, state: Any, precision: str, xla: bool) -> tuple[float, float]:
    pixels = _pixels(given)
    model = efficientnet_lite0.build(given.size, state)
    infer = copy_for_inference(model, precision, xla=xla)
    compute_in(model, precision)
    bare = forward(model, on_device(pixels.astype(np.float32)), xla=xla)
    return _speed(given, bare), _speed(given, lambda: infer(pixels))


def _fine_tuning(given: Any, state: Any, precision: str, xla: bool) -> tuple[float, float]:
    pixels, labels = _pixels(given), np.eye(CLASSES, dtype=np.float32)[np.arange(given.batch) % CLASSES]
    model = _net(given, state, precision)
    bare = backward(model, on_device(pixels.astype(np.float32)), on_device(labels), xla=xla)
    limit = _speed(given, bare)
    optimizer = keras.optimizers.AdamW(1e-4)
    if precision == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", jit_compile=xla)
    return limit, _speed(given, lambda: model.train_on_batch(pixels, labels))


def _net(given: Any, state: Any, precision: str) -> Any:
    backbone = efficientnet_lite0.build(given.size, state)
    unfreeze(backbone, learning_layers(backbone, given.blocks, efficientnet_lite0.NAME))
    answers = keras.layers.Dense(CLASSES, activation="softmax")(backbone.output)
    model = keras.Model(backbone.input, answers)
    compute_in(model, precision)
    return model


def _speed(given: Any, step: Callable[[], Any]) -> float:
    """Images a second: the median round, after one step that compiles."""
    wait_for(step())
    seconds = []
    for _ in range(given.rounds):
        started = time.perf_counter()
        for _ in range(given.steps):
            answer = step()
        wait_for(answer)
        seconds.append(time.perf_counter() - started)
    return float(given.batch * given.steps / statistics.median(seconds))


if __name__ == "__main__":
    main()
