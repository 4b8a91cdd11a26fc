"""What a bundle is scored on: a processed version's test split, or any folder with one sub-folder a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flowerops.datasets.objects import read_photo
from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.scan import FoundFile, Scan, scan_folder
from flowerops.domain.bundle import Geometry
from flowerops.domain.dataset import Quarantined
from flowerops.domain.names import did_you_mean
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError
from flowerops.images import ImageRejectedError, prepare_image
from flowerops.io.hashing import sha256_bytes
from flowerops.io.parallel import bounded_map

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TestSet:
    """Labelled photos, readable in any geometry.

    names: a path a photo. labels: the classes. truth: int64 [n], indices into `labels`. keys: SHA-256 of each photo as
    received. sizes: width and height of each upright original in pixels.
    geometry: that of `prepared`, which gives pixels by indices. original: a photo's bytes as received, by index.
    """

    __test__ = False  # not a test, whatever pytest thinks of the name

    names: Sequence[str]
    labels: Sequence[str]
    truth: npt.NDArray[np.int64]
    geometry: Geometry
    prepared: Callable[[Sequence[int]], Pixels]
    original: Callable[[int], bytes] | None
    keys: Sequence[str]
    sizes: Sequence[tuple[int, int]]
    version: ProcessedVersion | None = None
    quarantined: Sequence[Quarantined] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.truth)

    def pixels(self, indices: Sequence[int], geometry: Geometry) -> Pixels:
        """Photos as uint8 RGB [len(indices), size, size, 3] in the geometry that a model wants.

        Raises:
            BadInputError: It is another one than was prepared, and the photos as received are not at hand.
        """
        if geometry == self.geometry:
            return self.prepared(indices)
        if self.original is None:
            raise BadInputError(
                f"the model wants {geometry.size} px {geometry.fit} images, the data is "
                f"{self.geometry.size} px {self.geometry.fit}",
                "Evaluate it on a folder of photos with --data-folder.",
            )
        return np.stack([prepare_image(self.original(index), geometry.size, geometry.fit).pixels for index in indices])


@dataclass(frozen=True)
class _Decoded:
    """A photo of a folder: its square in the model's geometry, the upright original's size, its bytes' SHA-256."""

    file: FoundFile
    pixels: Pixels
    size: tuple[int, int]
    sha256: str


def from_version(folder: Path, raw: RawVersion | None, known: Sequence[str]) -> TestSet:
    """A processed version's test split.

    Args:
        folder: The processed version.
        raw: The photos as received, for models of another geometry.
        known: The classes that the model knows.

    Raises:
        BadInputError: The version has a class that the model does not know.
    """
    version = ProcessedVersion(folder)
    for label in version.labels:
        _check_known(label, known, f"dataset {version.manifest.name}")
    images = version.split("test")
    by_sha = {row.sha256: row for row in raw.rows} if raw else {}
    return TestSet(
        names=[row.path for row in images.rows],
        labels=version.labels,
        truth=images.labels,
        geometry=version.geometry,
        prepared=images.pixels,
        original=(lambda index: raw.read(by_sha[images.keys[index]])) if raw else None,
        keys=images.keys,
        sizes=[(row.width, row.height) for row in images.rows],
        version=version,
    )


def from_folder(folder: Path, known: Sequence[str], geometry: Geometry, progress: Progress) -> TestSet:
    """Any labelled folder, decoded as serving does; unusable files are reported.

    Args:
        folder: One sub-folder a class.
        known: The classes that the model knows.
        geometry: The model's.
        progress: Told of every photo.

    Raises:
        BadInputError: The folder cannot be used, has a class that the model does not know, a photo that cannot be
            read, or no usable photo.
    """
    scan = scan_folder(folder, min_classes=1)
    for label in scan.classes():
        _check_known(label, known, str(folder / label))
    decoded, rejected = _decoded(scan, geometry, progress)
    if not decoded:
        raise BadInputError(f"{folder} has no usable photo", f"The first: {rejected[0].path}: {rejected[0].reason}")
    number = {label: index for index, label in enumerate(known)}
    return TestSet(
        names=[one.file.path for one in decoded],
        labels=known,
        truth=np.array([number[one.file.label] for one in decoded], dtype=np.int64),
        geometry=geometry,
        prepared=lambda indices: np.stack([decoded[index].pixels for index in indices]),
        original=lambda index: read_photo(decoded[index].file.location),
        keys=[one.sha256 for one in decoded],
        sizes=[one.size for one in decoded],
        quarantined=rejected,
    )


def _decoded(scan: Scan, geometry: Geometry, progress: Progress) -> tuple[list[_Decoded], list[Quarantined]]:
    """The photos of a folder, and what is not used of it."""
    decoded: list[_Decoded] = []
    rejected = list(scan.skipped)

    def prepare(found: FoundFile) -> _Decoded | Quarantined:
        data = read_photo(found.location)
        try:
            image = prepare_image(data, geometry.size, geometry.fit)
        except ImageRejectedError as error:
            return Quarantined(path=found.path, reason=error.reason)
        return _Decoded(found, image.pixels, (image.width, image.height), sha256_bytes(data))

    with progress.task("decoding", len(scan.files), "photo") as task:
        for result in bounded_map(prepare, scan.files):
            if isinstance(result, Quarantined):
                rejected.append(result)
            else:
                decoded.append(result)
            task.advance()
    return decoded, rejected


def _check_known(label: str, known: Sequence[str], where: str) -> None:
    if label not in known:
        raise BadInputError(f"{where}: the model knows no class {label!r}", did_you_mean(label, known))
