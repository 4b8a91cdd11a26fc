"""Processed versions: decoded, resized, split, ready for training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flowerops.datasets.pixels import REMEDY
from flowerops.datasets.rows import read_manifest, read_rows
from flowerops.datasets.shard_reader import ShardReader
from flowerops.datasets.shards import split_files
from flowerops.domain.bundle import Geometry
from flowerops.domain.dataset import ProcessedImage, Split
from flowerops.domain.documents import Document
from flowerops.errors import StoreIntegrityError
from flowerops.io.hashing import sha256_bytes

SAMPLES_DIR = "samples"
SAMPLES_FILE = "samples/samples.json"


class Sample(Document):
    """A photo of the test split as received; a few of each class travel with the version."""

    file: str
    label: str
    path: str
    sha256: str


class SampleSet(Document):
    """`samples/samples.json`."""

    schema_version: int = 1
    samples: list[Sample]


class SplitImages:
    """One split as a sequence of images: what training and evaluation read.

    The order is that of the SHA-256, however the images are spread over files.
    keys: SHA-256 of each photo's original bytes. labels: int64 [n], indices into the version's class list.

    Raises:
        StoreIntegrityError: The split's shards are damaged, or hold other images than the rows name.
    """

    def __init__(self, folder: Path, split: Split, rows: Sequence[ProcessedImage], labels: Sequence[str]) -> None:
        ordered = sorted((row for row in rows if row.split == split), key=lambda row: row.sha256)
        number = {label: index for index, label in enumerate(labels)}
        self.rows = ordered
        self.keys = [row.sha256 for row in ordered]
        self.labels: npt.NDArray[np.int64] = np.array([number[row.label] for row in ordered], dtype=np.int64)
        self._reader = ShardReader(split_files(folder, split))
        if self._reader.sha256s() != self.keys:
            raise StoreIntegrityError(
                f"{folder}: the {split} shards hold {len(self._reader)} images, which are not the {len(ordered)} of "
                "the manifest",
                REMEDY,
            )

    def __len__(self) -> int:
        return len(self.rows)

    def pixels(self, indices: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Images as uint8 RGB, shape [len(indices), size, size, 3], checked against their hashes.

        Raises:
            StoreIntegrityError: An image is not the one that was written.
        """
        images = self._reader.pixels(indices)
        for index, image in zip(indices, images, strict=True):
            row = self.rows[index]
            if sha256_bytes(image.data) != row.pixels_sha256:
                raise StoreIntegrityError(f"image {row.path} of the {row.split} split is corrupt", REMEDY)
        return images


class ProcessedVersion:
    """A processed version's folder: manifest, rows (in the order of class and path) and classes (sorted).

    Raises:
        StoreIntegrityError: Manifest or rows are damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.rows = read_rows(folder, ProcessedImage)
        self.labels = sorted({row.label for row in self.rows})  # of the rows, which are what the digest is of

    @property
    def geometry(self) -> Geometry:
        """That of its squares."""
        return Geometry(size=self.manifest.params["image_size"], fit=self.manifest.params["fit"])

    def split(self, split: Split) -> SplitImages:
        """The images of one split.

        Raises:
            StoreIntegrityError: Its shards are damaged, or not those of the manifest.
        """
        return SplitImages(self.folder, split, self.rows, self.labels)

    def samples(self) -> list[Sample]:
        """The test photos that travel with the version, as received.

        Raises:
            StoreIntegrityError: Their list is missing or malformed.
        """
        path = self.folder / SAMPLES_FILE
        try:
            text = path.read_bytes()
        except OSError as error:
            raise StoreIntegrityError(f"{path} cannot be read: {error.strerror}", REMEDY) from error
        return SampleSet.from_json(text, str(path)).samples
