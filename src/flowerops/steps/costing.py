"""What a model costs to use: milliseconds an image, and bytes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from flowerops.domain.bundle import TFLITE_FILE
from flowerops.domain.evaluation import Cost
from flowerops.io.discard import size_of
from flowerops.serving.scorer import Scorer
from flowerops.steps.testsets import TestSet

_IMAGES = 32
_WARM_UP = 2


def measure_cost(scorer: Scorer, bundle: Path, test: TestSet) -> Cost:
    """Time single images on one thread, and add up the bundle's files. See `Cost`."""
    pixels = test.pixels(range(min(len(test), _IMAGES)), scorer.info.geometry)
    milliseconds = []
    for index in [*range(len(pixels))[:_WARM_UP], *range(len(pixels))]:
        started = time.perf_counter()
        scorer.score_pixels(pixels[index : index + 1])
        milliseconds.append(1000 * (time.perf_counter() - started))
    median, late = np.percentile(milliseconds[-len(pixels) :], [50, 95])
    return Cost(
        latency_ms=round(float(median), 3),
        latency_p95_ms=round(float(late), 3),
        images=len(pixels),
        bundle_bytes=size_of(bundle),
        model_bytes=(bundle / TFLITE_FILE).stat().st_size,
    )
