"""The model bundle: a folder with everything that scoring and lineage need, sealed by one digest.

bundle.json      this document
model.keras      Keras model; float32 RGB in 0..255, shape [batch, size, size, 3], in; probabilities out
model.tflite     the same function for LiteRT
model.int8.tflite  its int8 form, where one was wanted and lost little accuracy
saved_model/     its SavedModel for TF Serving, where one was wanted
golden/          a few test images as received, with golden.json: the probabilities they must give
MODEL_CARD.md    the facts for people
SHA256SUMS       one line a file; its own SHA-256 is the bundle's digest
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.documents import Document
from flowerops.domain.params import Fit

BUNDLE_FILE = "bundle.json"
KERAS_FILE = "model.keras"
TFLITE_FILE = "model.tflite"
INT8_FILE = "model.int8.tflite"
SAVED_MODEL_DIR = "saved_model"
GOLDEN_DIR = "golden"
GOLDEN_FILE = "golden/golden.json"
MODEL_CARD_FILE = "MODEL_CARD.md"


class Geometry(Document):
    """How a decoded image becomes a square: side length in pixels and the way to fit it."""

    size: int = Field(ge=16, le=1024)
    fit: Fit = "pad"


class VersionRef(Document):
    """One dataset version by name, number and full digest (SHA-256, 64 hex digits)."""

    name: str
    version: int | None = None
    digest: str


class RunRef(Document):
    """The pipeline run and the step run that made something, and their experiment."""

    id: str
    experiment: str
    step_id: str | None = None


class BackboneInfo(Document):
    """Which network makes the features, and where its weights came from."""

    name: str
    weights_source: str
    weights_sha256: str | None = None


class QuantizedInfo(Document):
    """What became of the int8 model.

    accuracy, float_accuracy: of both on the same `images` of the validation split, 0..1. drop: the second less the
    first. max_drop: the largest that is accepted. kept: whether the bundle has the int8 file. bytes, float_bytes: sizes
    of the files. calibration_images: on so many training images the ranges of the activations were measured.
    """

    accuracy: float
    float_accuracy: float
    drop: float
    max_drop: float
    kept: bool
    images: int
    bytes: int
    float_bytes: int
    calibration_images: int


class TuningInfo(Document):
    """The search that chose some of the parameters: how many trials there were, which was the best (from 1), and its
    validation cross-entropy in nats beside that of the first trial, which had the parameters as they were asked for."""

    trials: int
    best: int
    val_loss: float
    first_val_loss: float | None


class BundleInfo(Document):
    """What a bundle's `bundle.json` says.

    created, run, build, code: who made it and when. A deterministic training leaves them out, because they differ from
    one making of the same model to the next; its run, and the tags of a registered version, have them. params: as used.
    requested: as they were given, before those of the data's size and the backbone were filled in.
    """

    schema_version: int = 1
    created: str | None
    labels: list[str] = Field(min_length=2)
    geometry: Geometry
    decoder_version: int
    backbone: BackboneInfo
    raw: VersionRef | None
    processed: VersionRef
    run: RunRef | None
    build: BuildInfo | None
    code: CodeInfo
    environment: dict[str, str]
    params: dict[str, Any]
    requested: dict[str, Any] = {}
    metrics: dict[str, float]
    synthetic: bool = False
    quantized: QuantizedInfo | None = None
    tuning: TuningInfo | None = None

    @property
    def build_id(self) -> str | None:
        """The build's id, where the bundle knows it."""
        return self.build.id if self.build else None


class GoldenImage(Document):
    """A test image kept in the bundle and what the model must answer for it (probabilities in label order, 0..1).

    quantized: what the int8 model answered, where the bundle has one.
    """

    file: str
    label: str
    sha256: str
    probabilities: list[float]
    quantized: list[float] | None = None


class GoldenSet(Document):
    """`golden/golden.json`: the images in the order of their files."""

    schema_version: int = 1
    images: list[GoldenImage]
