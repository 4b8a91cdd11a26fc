"""Run-time parameters of the steps: one frozen record a step, the same for every target."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from flowerops.domain.documents import Document

Fit = Literal["pad", "crop", "stretch"]
Mode = Literal["extend", "replace"]
"""What becomes of the latest version's photos when there are new ones."""


def _compiled(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


Pattern = Annotated[str, AfterValidator(_compiled)]
"""A regular expression."""


class PreprocessParams(Document):
    """How photos become a processed version.

    image_size: side of the square in pixels. fit: letterbox on white, centre crop, or stretch.
    Split shares are fractions of 1. max_bad: the share of files (0..1) that may be quarantined.
    group_by: regular expression over paths; photos for which it finds the same text (its first group) share a split.
    """

    image_size: int = Field(224, ge=16, le=1024)
    fit: Fit = "pad"
    val_share: float = Field(0.1, gt=0, lt=0.5)
    test_share: float = Field(0.2, gt=0, lt=0.5)
    max_bad: float = Field(0.01, ge=0, le=1)
    group_by: Pattern | None = None
    workers: int | None = Field(None, ge=1, le=256)


Augmentation = Literal["flip", "crop", "colour", "mixup", "cutmix"]
AUGMENTATIONS: tuple[Augmentation, ...] = get_args(Augmentation)


class TrainParams(Document):
    """How a model is trained.

    epochs: at most so many (None: see `most_epochs`); training stops after `patience` epochs without a lower
    validation loss. learning_rate (of Adam) and batch_size: when None, 0.003 and up to 256 for a head on a frozen
    backbone, 0.001 and 30 for `cnn`. weight_decay: L2 penalty on the weights of the head, or None: the one of several
    with the lowest validation loss. label_smoothing: share of the truth spread over all classes.

    fine_tune: how many of the backbone's last blocks are trained too, after the head; -1 for all of them, 0 for none.
    fine_tune_epochs, fine_tune_learning_rate: of that second phase; warm_up: the share of its steps in which the rate
    rises, before it falls along a cosine. ema: momentum of the moving average of the weights, None for no average.
    augment: what happens to training images, while fine-tuning and for `cnn`; of AUGMENTATIONS. A photo's copies in
    different epochs differ; validation and test images are never changed.

    deterministic: give up speed for the same bits each time. threads: at most so many CPU threads. require_gpu: no
    training without one. precision: of the arithmetic on pixels; auto takes the GPU's 16 bits. cache: remember
    features. quantize, saved_model: what the bundle gets besides. max_quantize_drop: largest loss of accuracy (0..1)
    on the validation split with which the int8 model is kept. tensorboard: write its logs. tune: train so many times
    with other values of what is open here, and keep the best, see `flowerops.domain.search`.
    """

    backbone: str = "efficientnet_lite0"
    weights: str | None = None
    epochs: int | None = Field(None, ge=1, le=10_000)
    batch_size: int | None = Field(None, ge=1, le=4096)
    learning_rate: float | None = Field(None, gt=0, lt=1)
    weight_decay: float | None = Field(None, ge=0, lt=1)
    label_smoothing: float = Field(0.0, ge=0, le=0.5)
    class_weights: bool = True
    patience: int = Field(8, ge=1)
    fine_tune: int = Field(0, ge=-1, le=1000)
    fine_tune_epochs: int = Field(10, ge=1, le=10_000)
    fine_tune_learning_rate: float = Field(1e-4, gt=0, lt=1)
    warm_up: float = Field(0.1, ge=0, le=1)
    ema: float | None = Field(None, gt=0, lt=1)
    augment: tuple[Augmentation, ...] = ("flip", "crop")
    seed: int = Field(42, ge=0, lt=2**31)
    deterministic: bool = False
    threads: int | None = Field(None, ge=1, le=256)
    require_gpu: bool = False
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    cache: bool = True
    quantize: bool = False
    max_quantize_drop: float = Field(0.02, ge=0, le=1)
    saved_model: bool = False
    tensorboard: bool = False
    tune: int | None = Field(None, ge=2, le=1000)

    @field_validator("fine_tune", mode="before")
    @classmethod
    def _all_blocks(cls, value: object) -> object:
        return -1 if value == "all" else value

    @field_validator("augment", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return () if value == "none" else tuple(part.strip() for part in value.split(","))

    @model_validator(mode="after")
    def _has_blocks(self) -> Self:
        if self.fine_tune and self.backbone == "cnn":
            raise ValueError("--fine-tune does not go with --backbone cnn, all of which is trained anyway")
        return self

    @property
    def most_epochs(self) -> int:
        """`epochs`, or what suits the backbone: a head on frozen features learns fast, a net from scratch slowly."""
        return self.epochs or (10 if self.backbone == "cnn" else 50)


class EvaluateParams(Document):
    """How a candidate is scored and compared with the champion.

    max_thumbnails: photos that the report shows large; the others are small, behind the confusion matrix.
    max_explained: of so many misclassified photos the report shows which parts decided, within `explain_seconds`.
    bootstrap_samples, seed: of the intervals. group_by: regular expression over paths; photos for which it finds the
    same text are scored as a group. None: that of the dataset version.
    """

    max_thumbnails: int = Field(48, ge=0, le=1000)
    max_explained: int = Field(4, ge=0, le=100)
    explain_seconds: float = Field(20, ge=0, le=3600)
    bootstrap_samples: int = Field(1000, ge=100, le=100_000)
    seed: int = Field(42, ge=0, lt=2**31)
    group_by: Pattern | None = None


class GatePolicy(Document):
    """What a candidate must show before it replaces the champion. Shares, gains and drops are 0..1 of the images.

    Floors and caps for every candidate: min_accuracy, min_test_images; min_recall, of every class, and min_recall_of,
    by class instead; max_calibration_error; max_latency_ms, the median of one image on one thread, see `Cost`;
    max_bundle_mb, in millions of bytes.

    Against the champion: test and significance say when a difference counts: McNemar's exact test, or the paired
    bootstrap, which finds more and is more often wrong where few images differ. min_gain: no smaller gain promotes.
    min_macro_f1_gain: the same of macro-F1; None does not ask, 0 forbids a loss. clear_gain: from this gain on, p below
    clear_gain_significance is enough. max_recall_drop: how far the recall of one class may fall. See
    `flowerops.domain.gate.decide`.
    """

    min_accuracy: float = Field(0.0, ge=0, le=1)
    min_test_images: int = Field(1, ge=1)
    min_recall: float = Field(0.0, ge=0, le=1)
    min_recall_of: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    max_calibration_error: float = Field(1.0, ge=0, le=1)
    max_latency_ms: float | None = Field(None, gt=0)
    max_bundle_mb: float | None = Field(None, gt=0)
    test: Literal["mcnemar", "bootstrap"] = "mcnemar"
    significance: float = Field(0.05, gt=0, lt=1)
    min_gain: float = Field(0.0, ge=0, le=1)
    min_macro_f1_gain: float | None = Field(None, ge=-1, le=1)
    clear_gain: float = Field(0.02, ge=0, le=1)
    clear_gain_significance: float = Field(0.2, gt=0, lt=1)
    max_recall_drop: float = Field(0.1, ge=0, le=1)


class RegisterParams(Document):
    """Under which name the model is registered and what may overrule the gate."""

    name: str = "flower_classifier"
    force: bool = False
    reason: str | None = None


SECTIONS: dict[str, type[Document]] = {
    "preprocessing": PreprocessParams,
    "training": TrainParams,
    "evaluation": EvaluateParams,
    "registration": RegisterParams,
}
