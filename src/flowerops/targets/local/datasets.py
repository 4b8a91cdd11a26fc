"""Dataset versions in local folders, numbered by the ledger."""

from __future__ import annotations

from pathlib import Path

from flowerops.datasets.raw import NewPhotos, ingest, version_folder
from flowerops.datasets.rows import read_manifest
from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress
from flowerops.domain.steps import StepContext
from flowerops.io.atomic import publish, sync_disk
from flowerops.io.discard import discard
from flowerops.io.presence import announce
from flowerops.io.surroundings import environment_info, now
from flowerops.targets.local.home import Home
from flowerops.targets.local.numbers import Numbered, Numbers
from flowerops.targets.protocol import DatasetEntry, DatasetVersion
from flowerops.targets.selecting import not_found


class LocalDatasets:
    """See `targets.protocol.DatasetStore`."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._numbers = Numbers(home.numbers)

    def all(self, name: str | None = None) -> list[DatasetVersion]:
        """All versions, newest first; those whose folder was deleted are left out, so that they can be made again."""
        return [self._open(found) for found in self._numbers.all(name) if self._folder(found).exists()]

    def find(self, selector: Selector) -> DatasetVersion:
        """One version, or the latest."""
        known = self._numbers.all(selector.name)
        for found in known:
            if selector.version in (None, found.version):
                return self._open(found)
        gone = self._numbers.removed(selector.name, selector.version or 0)
        said = f" any more: it was removed at {gone}" if gone else ""
        numbers = [found.version for found in known]
        raise not_found("dataset", selector, numbers, lambda: {found.name for found in self._numbers.all()}, said)

    def take_in(self, new: NewPhotos, context: StepContext, progress: Progress) -> Path:
        """Copy photos into the store."""
        announce(self._home.locks)
        return ingest(new, self._home.root, context.provenance(now(), environment_info()), progress)

    def number(self, folder: Path) -> DatasetVersion:
        """Move a version's folder to its place and number it."""
        announce(self._home.locks)
        manifest = read_manifest(folder)
        place = version_folder(self._home.root, manifest.name, manifest.digest)
        publish(folder, place)
        if manifest.kind == "raw":
            sync_disk()  # the photos of a version are on the disk before it gets its number
        return self._open(self._numbers.number(manifest.name, manifest.digest))

    def entries(self, name: str | None = None) -> list[DatasetEntry]:
        """All numbers."""
        return [
            DatasetEntry(found.name, found.version, found.digest, self._folder(found))
            for found in self._numbers.all(name)
        ]

    def fetch(self, entry: DatasetEntry) -> Path:
        """Its folder, where everything lies already."""
        return entry.folder

    def remove(self, entry: DatasetEntry) -> None:
        """Mark the number, then delete the folder: whoever is killed between leaves a folder without a number."""
        self._numbers.bury(Numbered(entry.name, entry.version, entry.digest))
        discard(entry.folder)

    def open(self, version: DatasetVersion | DatasetEntry) -> Path:
        """Its folder, where everything lies already."""
        return version.folder

    def keeps_squares(self) -> bool:
        """The step runs on this machine and can read them."""
        return True

    def objects(self) -> Path | None:
        """The content store."""
        return self._home.objects

    def _open(self, found: Numbered) -> DatasetVersion:
        folder = self._folder(found)
        return DatasetVersion(found.name, found.version, read_manifest(folder), folder)

    def _folder(self, found: Numbered) -> Path:
        return version_folder(self._home.root, found.name, found.digest)
