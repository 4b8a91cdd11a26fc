"""The part of the datastores that this machine has seen, as folders: a path here stands for a place there, and back.

Services work with paths. What they hand to a step becomes the uri that the path mirrors; what they open was brought
here before. Places hold content that never changes once it is complete, so a file that is here is not fetched again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from flowerops.domain.progress import Progress, SilentProgress
from flowerops.io.atomic import atomic_write
from flowerops.io.discard import discard
from flowerops.io.hashing import sha256_bytes
from flowerops.targets.azureml.blobs import Blobs
from flowerops.targets.azureml.client import AzureClient

ROOT = "flowerops"
"""Folder of a datastore below which everything of ours lies."""
_URI = re.compile(r"(?i)azureml://(?:subscriptions/.*/)?datastores/([^/]+)/paths/(.*)$")


@dataclass(frozen=True)
class Place:
    """A folder (or file) of a datastore."""

    datastore: str
    path: str

    @property
    def uri(self) -> str:
        """The short form, which jobs and assets take."""
        return f"azureml://datastores/{self.datastore}/paths/{self.path}"

    def __truediv__(self, name: str) -> Place:
        return Place(self.datastore, f"{self.path.rstrip('/')}/{name}")


def place_of_uri(uri: str) -> Place | None:
    """Read the short or the long form of a datastore uri; None for anything else.

    One with `..` is something else, too: whoever may register assets would choose a folder of this machine by it.
    """
    found = _URI.match(uri)
    if found is None or ".." in (found[1], *found[2].split("/")):
        return None
    return Place(found[1], found[2].strip("/"))


class Mirror:
    """Maps paths below one folder to datastores and back, and moves files between them."""

    def __init__(self, client: AzureClient, home: Path) -> None:
        self._client = client
        identity = sha256_bytes(client.workspace_id.lower().encode())[:8]
        self.root = home.absolute() / "azureml" / f"{client.workspace_name}-{identity}"
        self._blobs: dict[str, Blobs] = {}

    def blobs(self, datastore: str | None = None) -> Blobs:
        """The blobs of a datastore; of the one that we write to, without a name."""
        name = datastore or self._client.datastore
        return self._blobs.setdefault(name, Blobs(self._client, name))

    def place(self, *parts: str) -> Place:
        """A place of ours in the datastore that we write to."""
        return Place(self._client.datastore, "/".join([ROOT, *parts]))

    def path_of(self, place: Place) -> Path:
        """Where a place is mirrored."""
        return self.root / place.datastore / place.path

    def place_of(self, path: Path) -> Place | None:
        """What a path mirrors; None for a path of the user's."""
        try:
            datastore, *parts = path.absolute().relative_to(self.root).parts
        except ValueError:
            return None
        return Place(datastore, "/".join(parts)) if parts else None

    def bring(
        self,
        place: Place,
        label: str = "downloading",
        progress: Progress | None = None,
        only: Callable[[str], bool] = lambda name: True,
        *,
        anew: bool = False,
    ) -> Path:
        """Download what is not here yet.

        Args:
            place: A folder.
            label: What the progress bar says.
            progress: Told of every file.
            only: Chooses files by their name relative to the folder.
            anew: Download what is here, too, and remove here what is not there any more.
        """
        folder = self.path_of(place)
        blobs = self.blobs(place.datastore)
        if anew:
            discard(folder)
        missing = [
            name for name, size in blobs.sizes(place.path).items() if only(name) and not _is_here(folder / name, size)
        ]
        blobs.download(missing, place.path, folder, label, progress or SilentProgress())
        return folder

    def bring_documents(self, place: Place, names: Iterable[str]) -> bool:
        """Download single files of a folder; True when all of them are here now."""
        folder, complete = self.path_of(place), True
        for name in names:
            if (folder / name).is_file():
                continue
            data = self.blobs(place.datastore).read(f"{place.path}/{name}")
            if data is None:
                complete = False
            else:
                atomic_write(folder / name, data, durable=False)
        return complete


def _is_here(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False
