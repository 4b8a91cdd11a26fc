"""Dataset versions: numbered, immutable, each with a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flowerops.datasets.raw import NewPhotos
from flowerops.domain.bundle import VersionRef
from flowerops.domain.dataset import VersionManifest
from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress
from flowerops.domain.steps import StepContext


@dataclass(frozen=True)
class DatasetVersion:
    """A numbered dataset version, its manifest, and the folder that a step can read it from.

    The folder has manifest and rows; its other files may have to be fetched first: see `DatasetStore.open`.
    """

    name: str
    version: int
    manifest: VersionManifest
    folder: Path

    @property
    def ref(self) -> VersionRef:
        """Name, number and digest."""
        return VersionRef(name=self.name, version=self.version, digest=self.manifest.digest)

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


@dataclass(frozen=True)
class DatasetEntry:
    """A number that was handed out, its content's digest, and where its files should lie; nothing was opened yet."""

    name: str
    version: int
    digest: str
    folder: Path

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class DatasetStore(Protocol):
    """Numbered, immutable dataset versions."""

    def all(self, name: str | None = None) -> list[DatasetVersion]:
        """All versions, or those of one dataset, newest first."""

    def find(self, selector: Selector) -> DatasetVersion:
        """One version, the latest when no number is given.

        Raises:
            BadInputError: There is none; the hint has the nearest name.
        """

    def open(self, version: DatasetVersion | DatasetEntry) -> Path:
        """A version's folder with all of its files on this machine, as far as they exist."""

    def take_in(self, new: NewPhotos, context: StepContext, progress: Progress) -> Path:
        """Store photos as a raw version without a number yet.

        Returns:
            The version's folder.
        """

    def number(self, folder: Path) -> DatasetVersion:
        """Publish a version's folder and give it its number; the same content keeps the number it has."""

    def entries(self, name: str | None = None) -> list[DatasetEntry]:
        """All numbers, newest first, whether or not their files are there and whole; for checks and clean-ups."""

    def fetch(self, entry: DatasetEntry) -> Path:
        """The folder with what the storage has of a number right now, whole or not; for checks."""

    def remove(self, entry: DatasetEntry) -> None:
        """Take a version away for good; its number goes on standing for its content and for nothing else."""

    def keeps_squares(self) -> bool:
        """Whether photos that were decoded while they were taken in spare the preprocess step that work."""

    def objects(self) -> Path | None:
        """The folder of the content store that raw versions refer to, or None when they carry their photos."""
