"""Which test photos the report shows: large ones to look at, with what decided, and small ones behind the matrix."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from flowerops.domain.params import EvaluateParams
from flowerops.domain.progress import Progress
from flowerops.images import without_letterbox
from flowerops.reports.facts import ExampleImage, SmallPhoto
from flowerops.reports.overlay import overlay
from flowerops.reports.thumbnails import thumbnail
from flowerops.serving.occlusion import occlude
from flowerops.serving.scorer import Scorer
from flowerops.steps.testsets import TestSet

_SMALL_SIDE, _SMALL_QUALITY = 84, 72
_MOST_SMALL = 700
_SMALL_BYTES = 1_300_000
"""Of all small photos together: a third more as base64, and the page stays below three megabytes."""
_CELLS = 7
_BATCH = 64


@dataclass(frozen=True)
class Answers:
    """What a model said of a test set. truth: int64 [n]. probabilities: float32 [n, classes], columns as `labels`."""

    labels: Sequence[str]
    truth: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]

    @cached_property
    def predicted(self) -> npt.NDArray[np.intp]:
        """The most probable classes, int [n]."""
        found: npt.NDArray[np.intp] = self.probabilities.argmax(1)
        return found

    @cached_property
    def confidence(self) -> npt.NDArray[np.float32]:
        """Their probabilities, float32 [n]."""
        found: npt.NDArray[np.float32] = self.probabilities.max(1)
        return found

    def wrong(self) -> list[int]:
        """The misclassified photos, the surest mistake first."""
        order = np.argsort(-self.confidence, kind="stable")
        return [int(index) for index in order if self.predicted[index] != self.truth[index]]

    def unsure(self) -> list[int]:
        """The photos that were recognised, the least sure first."""
        order = np.argsort(self.confidence, kind="stable")
        return [int(index) for index in order if self.predicted[index] == self.truth[index]]


def examples(
    answers: Answers, test: TestSet, scorer: Scorer, params: EvaluateParams, progress: Progress
) -> tuple[list[int], list[ExampleImage]]:
    """The large photos: misclassified ones, then the right ones that the model was least sure of; and their places."""
    wrong, unsure = answers.wrong(), answers.unsure()
    for_unsure = min(len(unsure), params.max_thumbnails // 4)
    wrong = wrong[: params.max_thumbnails - for_unsure]
    chosen = [*wrong, *unsure[:for_unsure]]
    reasons = _reasons(wrong[: params.max_explained], test, scorer, params.explain_seconds, progress)
    labels = answers.labels
    return chosen, [
        ExampleImage(
            path=test.names[index],
            true=labels[answers.truth[index]],
            predicted=labels[answers.predicted[index]],
            probabilities={label: float(p) for label, p in zip(labels, answers.probabilities[index], strict=True)},
            jpeg=thumbnail(test.prepared([index])[0]),
            overlay=reasons.get(index),
        )
        for index in chosen
    ]


def _reasons(
    indices: Sequence[int], test: TestSet, scorer: Scorer, seconds: float, progress: Progress
) -> dict[int, bytes]:
    """Thumbnails of what decided, by place; no photo is begun after `seconds`."""
    started, found = time.monotonic(), {}
    with progress.task("explaining", len(indices), "photo") as task:
        for index in indices:
            if time.monotonic() - started > seconds:
                break
            pixels = test.pixels([index], scorer.info.geometry)[0]
            grid = occlude(scorer, pixels, _CELLS).grid
            photo = Image.fromarray(without_letterbox(pixels))
            found[index] = thumbnail(np.asarray(overlay(photo, grid)))
            task.advance()
    return found


def gallery(answers: Answers, test: TestSet, shown: Sequence[int]) -> list[SmallPhoto]:
    """Small photos of every cell of the confusion matrix, as many as a page can carry, except for those shown large."""
    ranked = _in_turns(answers, set(shown))[:_MOST_SMALL]
    jpegs: dict[int, bytes] = {}
    ordered = sorted(ranked)  # shards are read fastest in their order
    for start in range(0, len(ordered), _BATCH):
        part = ordered[start : start + _BATCH]
        for index, pixels in zip(part, test.prepared(part), strict=True):
            jpegs[index] = thumbnail(pixels, _SMALL_SIDE, _SMALL_QUALITY)
    sizes = np.cumsum([len(jpegs[index]) for index in ranked])
    kept = ranked[: int(np.searchsorted(sizes, _SMALL_BYTES, side="right"))]
    return [
        SmallPhoto(
            path=test.names[index],
            true=answers.labels[answers.truth[index]],
            predicted=answers.labels[answers.predicted[index]],
            confidence=float(answers.confidence[index]),
            jpeg=jpegs[index],
        )
        for index in sorted(kept, key=lambda each: float(answers.confidence[each]))
    ]


def _in_turns(answers: Answers, shown: set[int]) -> list[int]:
    """All other photos, mistakes first; of those recognised, one of each class in turn, the least sure first."""
    by_class: dict[int, list[int]] = defaultdict(list)
    for index in answers.unsure():
        if index not in shown:
            by_class[int(answers.truth[index])].append(index)
    turns = [(turn, label, index) for label, mine in by_class.items() for turn, index in enumerate(mine)]
    return [*(index for index in answers.wrong() if index not in shown), *(index for _, _, index in sorted(turns))]
