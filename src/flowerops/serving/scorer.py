"""The scoring core: a verified model bundle, ready to answer images. Evaluation, the server and Azure all use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowerops.domain.bundle import (
    BUNDLE_FILE,
    GOLDEN_DIR,
    GOLDEN_FILE,
    INT8_FILE,
    TFLITE_FILE,
    BundleInfo,
    GoldenImage,
    GoldenSet,
)
from flowerops.domain.deployment import PARITY_TOLERANCE, QUANTIZED_TOLERANCE
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.images import DECODER_VERSION, prepare_image
from flowerops.io.hashing import SealedReader, verify_seal
from flowerops.io.parallel import usable_cores
from flowerops.serving.interpreters import InterpreterPool, Pixels, Probabilities


@dataclass(frozen=True)
class Scored:
    """The most probable label, and every label's probability (0..1) in the order of the bundle's labels."""

    label: str
    probabilities: dict[str, float]


class Scorer:
    """A loaded bundle. Use `Scorer.load`; any number of threads may score at once."""

    def __init__(self, info: BundleInfo, digest: str, pool: InterpreterPool, threads: int) -> None:
        self.info = info
        self.digest = digest
        self.threads = threads
        self._pool = pool

    @classmethod
    def load(
        cls,
        bundle_dir: Path,
        expected_digest: str | None = None,
        threads: int | None = None,
        *,
        quantized: bool = False,
    ) -> Scorer:
        """Verify a bundle and load its model; it answers its golden images as it must, or it does not load.

        Args:
            bundle_dir: The sealed folder (see domain/bundle.py).
            expected_digest: The digest (SHA-256) that the bundle must have; None takes whatever is sealed there.
            threads: How many images can be scored at once; None means one a core.
            quantized: Take the int8 model.

        Raises:
            StoreIntegrityError: Changed files, another digest, a broken model, or other answers than at training.
            BadInputError: No such folder, no int8 model, or model, labels and decoder do not fit together.
            UsageError: LiteRT is not installed.
        """
        if not bundle_dir.is_dir():
            raise BadInputError(f"no model bundle at {bundle_dir}", "Give the folder that training wrote.")
        digest = verify_seal(bundle_dir, expected_digest)
        sealed = SealedReader(bundle_dir, digest)
        info = BundleInfo.from_json(sealed.read(BUNDLE_FILE), BUNDLE_FILE)
        _check_decoder(info)
        if quantized and not (info.quantized and info.quantized.kept):
            raise BadInputError(f"{bundle_dir} has no int8 model", "Train it with --quantize.")
        count = threads or usable_cores()
        model = sealed.read(INT8_FILE if quantized else TFLITE_FILE)
        pool = InterpreterPool(model, count, info.geometry.size, wide=True)
        if pool.classes != len(info.labels):
            raise BadInputError(
                f"{TFLITE_FILE} answers {pool.classes} classes, but {BUNDLE_FILE} names {len(info.labels)} labels"
            )
        scorer = cls(info, digest, pool, count)
        scorer._check_golden(sealed, quantized=quantized)
        return scorer

    @property
    def labels(self) -> list[str]:
        """The class names, in the order of the model's answers."""
        return self.info.labels

    def score(self, data: bytes) -> Scored:
        """Score one image file's bytes.

        Raises:
            ImageRejectedError: The bytes are not an acceptable image.
        """
        answer = self._pool.run(self._prepared(data))
        return Scored(
            self.labels[int(answer.argmax())], {name: float(p) for name, p in zip(self.labels, answer, strict=True)}
        )

    def score_pixels(self, pixels: Pixels) -> Probabilities:
        """Score prepared images, uint8 RGB [n, size, size, 3]; gives float32 [n, classes], rows as given.

        Raises:
            BadInputError: Another shape or type.
        """
        return self._pool.run_many(pixels)

    def _prepared(self, data: bytes) -> Pixels:
        return prepare_image(data, self.info.geometry.size, self.info.geometry.fit).pixels

    def _check_golden(self, sealed: SealedReader, *, quantized: bool) -> None:
        tolerance = QUANTIZED_TOLERANCE if quantized else PARITY_TOLERANCE
        golden = GoldenSet.from_json(sealed.read(GOLDEN_FILE), GOLDEN_FILE)
        if not golden.images:
            raise StoreIntegrityError(f"{GOLDEN_FILE}: no golden images, so nothing proves the model's answers")
        for image in golden.images:
            pixels = self._prepared(sealed.read(f"{GOLDEN_DIR}/{image.file}"))
            self._check_parity(image.file, self._pool.checked(pixels), _expected(image, quantized=quantized), tolerance)

    def _check_parity(self, file: str, answer: Probabilities, expected: list[float], tolerance: float) -> None:
        if len(expected) != len(answer):
            raise StoreIntegrityError(f"{GOLDEN_FILE}: {file}: {len(expected)} probabilities for {len(answer)} labels")
        distance = float(np.abs(answer - np.array(expected)).max())
        if not distance <= tolerance:  # written so that NaN fails too
            raise StoreIntegrityError(
                f"golden image {file}: the model's answer is off by {distance:.2g} (at most {tolerance:g})",
                "This machine or the model file does not give what training gave; do not serve it.",
            )


def _expected(image: GoldenImage, *, quantized: bool) -> list[float]:
    return (image.quantized or []) if quantized else image.probabilities


def _check_decoder(info: BundleInfo) -> None:
    if info.decoder_version != DECODER_VERSION:
        raise BadInputError(
            f"the model was trained with image decoder {info.decoder_version}; this flowerops has {DECODER_VERSION}",
            "Install the flowerops version that trained it, or train it again.",
        )
