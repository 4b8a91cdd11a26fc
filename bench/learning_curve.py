"""Accuracy on the test split against photos a class: the default, fine-tuning, and the small net from scratch."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowerops.datasets.processed import ProcessedVersion, SplitImages
from flowerops.domain.params import TrainParams
from flowerops.domain.progress import SilentProgress
from flowerops.ml.fit import Training, train

PHOTOS_A_CLASS = (10, 40, 100, 300)
IMAGE = "learning_curve.png"
_VAL_SHARE = 8
"""One photo in so many decides when to stop, and is not learnt from; two a class at least."""

WAYS = {
    "default: a head on EfficientNet-Lite0": TrainParams(),
    "and its last 3 blocks fine-tuned": TrainParams(fine_tune=3, fine_tune_epochs=5),
    "cnn from scratch": TrainParams(backbone="cnn"),
}


@dataclass(frozen=True)
class Part:
    """Some images of a split."""

    whole: SplitImages
    chosen: np.ndarray

    @property
    def keys(self) -> Sequence[str]:
        return [self.whole.keys[index] for index in self.chosen]

    @property
    def labels(self) -> np.ndarray:
        return self.whole.labels[self.chosen]

    def pixels(self, indices: Sequence[int]) -> np.ndarray:
        return self.whole.pixels([int(self.chosen[index]) for index in indices])


def measure(photos: Path, out: Path, image_size: int = 224) -> str:
    """The table; the picture goes beside it, into the folder `out`."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        version = ProcessedVersion(_prepared(photos, home, image_size))
        curves: dict[str, list[float]] = {name: [] for name in WAYS}
        seconds: dict[str, list[float]] = {name: [] for name in WAYS}
        for name, params in WAYS.items():
            for count in PHOTOS_A_CLASS:
                began = time.perf_counter()
                curves[name].append(_accuracy(version, params, count, home / "cache"))
                seconds[name].append(time.perf_counter() - began)
                sys.stderr.write(f"{name}, {count} a class: {curves[name][-1]:.3f} in {seconds[name][-1]:.0f} s\n")
    out.mkdir(parents=True, exist_ok=True)
    _draw(curves, out / IMAGE)
    return _table(curves, seconds, image_size, len(version.split("test")))


def _prepared(photos: Path, home: Path, image_size: int) -> Path:
    def run(*arguments: str) -> dict:  # type: ignore[type-arg]
        command = [sys.executable, "-m", "flowerops", *arguments, "--home", str(home), "--json"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    run("preprocess", "--data-folder", str(photos), "--max-bad", "10%", "--image-size", str(image_size))
    return Path(run("data", "show", "flowers_processed")["folder"])


def _accuracy(version: ProcessedVersion, params: TrainParams, count: int, cache: Path) -> float:
    learn, held_out = version.split("train"), version.split("val")
    for_val = max(2, count // _VAL_SHARE)
    size, fit = version.manifest.params["image_size"], version.manifest.params["fit"]
    parts = _first(learn, count - for_val), _first(held_out, for_val)
    trained = train(
        Training(*parts, version.labels, size, fit, params, cache), SilentProgress(), lambda epoch, metrics: None
    )
    test = version.split("test")
    right = 0
    for start in range(0, len(test), 32):
        rows = range(start, min(start + 32, len(test)))
        answers = trained.model.predict_on_batch(test.pixels(rows).astype(np.float32)).argmax(axis=1)
        right += int((answers == test.labels[list(rows)]).sum())
    return right / len(test)


def _first(images: SplitImages, count: int) -> Part:
    """So many of each class, or all that there are, in the order of their hashes: a larger part holds the smaller."""
    chosen = [np.flatnonzero(images.labels == label)[:count] for label in np.unique(images.labels)]
    return Part(images, np.sort(np.concatenate(chosen)))


def _table(curves: dict[str, list[float]], seconds: dict[str, list[float]], size: int, tests: int) -> str:
    lines = [
        f"### Accuracy on the {tests:,} test photos at {size} px against photos a class, one run each",
        "",
        f"| way | {' | '.join(map(str, PHOTOS_A_CLASS))} | seconds |",
        f"|---|{'---|' * len(PHOTOS_A_CLASS)}---|",
        *(
            f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} "
            f"| {', '.join(f'{value:.0f}' for value in seconds[name])} |"
            for name, values in curves.items()
        ),
        "",
        f"One photo in {_VAL_SHARE} of these is held out to decide when to stop. Picture: {IMAGE}.",
        "",
    ]
    return "\n".join(lines)


def _draw(curves: dict[str, list[float]], file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for (name, values), marker in zip(curves.items(), "os^", strict=True):
        axes.plot(PHOTOS_A_CLASS, values, marker=marker, label=name)
    axes.set_xscale("log")
    axes.set_xticks(PHOTOS_A_CLASS, [str(count) for count in PHOTOS_A_CLASS])
    axes.minorticks_off()
    axes.set(xlabel="photos a class", ylabel="accuracy on the test split", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(file, dpi=120)
