"""What a bundle gets besides the float model: the int8 one, if it is good enough, and a SavedModel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flowerops.domain.bundle import INT8_FILE, KERAS_FILE, SAVED_MODEL_DIR, TFLITE_FILE, QuantizedInfo
from flowerops.domain.params import TrainParams
from flowerops.domain.progress import Progress
from flowerops.io.parallel import usable_cores
from flowerops.ml.export import export
from flowerops.ml.fit import TrainedModel, Training
from flowerops.ml.quantize import calibration_images, to_int8
from flowerops.ml.saved_model import write_saved_model
from flowerops.ml.source import ImageSource
from flowerops.serving.interpreters import InterpreterPool

_PARITY_IMAGES = 8
_BATCH = 64


def export_all(trained: TrainedModel, work: Training, bundle: Path, progress: Progress) -> QuantizedInfo | None:
    """Write every form of the model that the parameters ask for.

    Args:
        trained: The model.
        work: What it was trained on; calibrated on its training images, measured on its validation images.
        bundle: An existing folder that nobody reads yet.
        progress: Told of what is written, and of an int8 model that is left out.

    Returns:
        The figures of the int8 model, also of one that was left out; None where none was wanted.

    Raises:
        FlowerOpsError: The forms do not agree, or a wanted one cannot be made.
    """
    sample = work.val.pixels(range(min(_PARITY_IMAGES, len(work.val.keys))))
    progress.message("exporting the model")
    export(trained.model, bundle, sample, trained.flatbuffer)
    if work.params.saved_model:
        progress.message("exporting the SavedModel")
        write_saved_model(bundle / KERAS_FILE, bundle / SAVED_MODEL_DIR, sample)
    return _quantize(trained, work, bundle, progress) if work.params.quantize else None


def _quantize(trained: TrainedModel, work: Training, bundle: Path, progress: Progress) -> QuantizedInfo:
    chosen = calibration_images(work.train)
    progress.message(f"quantizing the model on {len(chosen)} training images")
    int8, plain = to_int8(trained.model, chosen), (bundle / TFLITE_FILE).read_bytes()
    accuracy, float_accuracy = _accuracies([int8, plain], work.val, work.params, work.image_size, progress)
    drop = round(float_accuracy - accuracy, 6)
    info = QuantizedInfo(
        accuracy=accuracy,
        float_accuracy=float_accuracy,
        drop=drop,
        max_drop=work.params.max_quantize_drop,
        kept=drop <= work.params.max_quantize_drop,
        images=len(work.val.keys),
        bytes=len(int8),
        float_bytes=len(plain),
        calibration_images=len(chosen),
    )
    if info.kept:
        (bundle / INT8_FILE).write_bytes(int8)
    else:
        progress.message(f"warning: {left_out(info)}")
    return info


def left_out(info: QuantizedInfo) -> str:
    """Why the int8 model is not in the bundle, in one line."""
    return (
        f"the int8 model is left out: its accuracy on {info.images} validation images is {info.accuracy:.3f} "
        f"where the float model has {info.float_accuracy:.3f}; max_quantize_drop allows {info.max_drop:g} less"
    )


def _accuracies(
    models: list[bytes], source: ImageSource, params: TrainParams, side: int, progress: Progress
) -> list[float]:
    """The share of images that each model gets right, through the scoring core's interpreters."""
    pools = [InterpreterPool(model, min(params.threads or 64, usable_cores()), side) for model in models]
    count = len(source.keys)
    hits = [0] * len(models)
    with progress.task("comparing int8", count, "image") as task:
        for start in range(0, count, _BATCH):
            rows = range(start, min(start + _BATCH, count))
            pixels, truth = source.pixels(rows), source.labels[rows.start : rows.stop]
            for index, pool in enumerate(pools):
                hits[index] += int(np.sum(pool.run_many(pixels).argmax(axis=1) == truth))
            task.advance(len(rows))
    return [round(hit / count, 6) for hit in hits]
