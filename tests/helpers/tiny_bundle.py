"""A real model bundle that is made in seconds: a Keras model of a few numbers, its LiteRT twin, and golden images."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import (
    BUNDLE_FILE,
    GOLDEN_DIR,
    GOLDEN_FILE,
    KERAS_FILE,
    MODEL_CARD_FILE,
    TFLITE_FILE,
    BackboneInfo,
    BundleInfo,
    Geometry,
    GoldenImage,
    GoldenSet,
    RunRef,
    VersionRef,
)
from flowerops.images import DECODER_VERSION, prepare_image
from flowerops.io.hashing import SEAL_FILE, seal_folder, sha256_bytes

COLOURS = ((250, 250, 250), (200, 30, 60), (250, 210, 20), (150, 40, 170), (40, 90, 220), (30, 160, 60))
"""What each class looks like, in the order of the labels: the tiny model tells images apart by their mean colour."""


def photo(colour: tuple[int, int, int], width: int = 80, height: int = 60, seed: int = 0, kind: str = "JPEG") -> bytes:
    """A noisy picture around one colour, as file bytes."""
    noise = np.random.default_rng(seed).normal(0, 12, (height, width, 3))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def make_bundle(folder: Path, labels: tuple[str, ...] = ("daisy", "roses"), size: int = 32) -> str:
    """Write a sealed bundle whose model knows the class by the mean colour, and return its digest.

    Args:
        folder: Where to write; made when missing.
        labels: Class names, at most len(COLOURS); the class at index i looks like COLOURS[i].
        size: Side of the model's input in pixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras on numpy 2
        model = _colour_model(len(labels), size)
        model.save(folder / KERAS_FILE)
    (folder / TFLITE_FILE).write_bytes(_as_tflite(model))
    write_golden(folder, labels, size, model)
    (folder / MODEL_CARD_FILE).write_text("# A tiny model for tests\n")
    info = bundle_info(labels, size)
    (folder / BUNDLE_FILE).write_text(info.to_json())
    return seal_folder(folder)


def reseal(folder: Path) -> str:
    """Seal a changed copy of a bundle again and return its new digest."""
    (folder / SEAL_FILE).unlink(missing_ok=True)
    return seal_folder(folder)


def bundle_info(labels: tuple[str, ...], size: int) -> BundleInfo:
    return BundleInfo(
        created="2024-05-01T12:00:00+00:00",
        labels=list(labels),
        geometry=Geometry(size=size),
        decoder_version=DECODER_VERSION,
        backbone=BackboneInfo(name="mean_colour", weights_source="tests"),
        raw=VersionRef(name="tiny", version=1, digest="a" * 64),
        processed=VersionRef(name="tiny", version=1, digest="b" * 64),
        run=RunRef(id="run-1", experiment="tests"),
        build=BuildInfo(kind="laptop", id="tester@laptop"),
        code=CodeInfo(),
        environment={},
        params={},
        metrics={"test_accuracy": 1.0},
    )


def write_golden(folder: Path, labels: tuple[str, ...], size: int, model: Any) -> None:
    images = []
    for index, label in enumerate(labels):
        data = photo(COLOURS[index], seed=index)
        name = f"{index:02d}_{label}.jpg"
        (folder / GOLDEN_DIR).mkdir(exist_ok=True)
        (folder / GOLDEN_DIR / name).write_bytes(data)
        pixels = prepare_image(data, size).pixels[None].astype(np.float32)
        probabilities = [float(p) for p in model(pixels).numpy()[0]]
        images.append(GoldenImage(file=name, label=label, sha256=sha256_bytes(data), probabilities=probabilities))
    (folder / GOLDEN_FILE).write_text(GoldenSet(images=images).to_json())


def _colour_model(classes: int, size: int) -> Any:
    """softmax of minus the squared distance of the mean colour to each class colour: linear in the mean colour."""
    import keras

    centres = np.array(COLOURS[:classes], np.float32) / 255.0
    sharpness = 4.0
    inputs = keras.Input((size, size, 3))
    scaled = keras.layers.Rescaling(1 / 255.0)(inputs)
    mean = keras.layers.GlobalAveragePooling2D()(scaled)
    head = keras.layers.Dense(classes, activation="softmax")
    model = keras.Model(inputs, head(mean))
    head.set_weights([2 * sharpness * centres.T, -sharpness * (centres**2).sum(axis=1)])
    return model


def _as_tflite(model: Any) -> bytes:
    import tensorflow as tf

    return bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
