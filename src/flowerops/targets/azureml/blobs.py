"""Files in a datastore: list, read, write and copy blobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_bytes
from flowerops.io.parallel import bounded_map
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.leases import holding

_THREADS = 8
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Upload:
    """One file to write: its name in the datastore, and its source: a file here, or the name of a blob there.

    sha256: what a file here must have, where that is known.
    """

    name: str
    source: Path | str
    sha256: str | None = None


class Blobs:
    """The blobs of one datastore. Names are paths with `/`, relative to the datastore's root."""

    def __init__(self, client: AzureClient, datastore: str) -> None:
        self._client = client
        self.datastore = datastore

    @property
    def _container(self) -> Any:
        return self._client.container(self.datastore)

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every file below a folder, by name relative to it."""
        prefix = folder.rstrip("/") + "/"
        with translating(f"list {folder} in datastore {self.datastore}"):
            found = {blob.name: blob.size for blob in self._container.list_blobs(name_starts_with=prefix)}
        folders = {name for name in found if found[name] == 0 and any(other.startswith(name + "/") for other in found)}
        return {name[len(prefix) :]: size for name, size in found.items() if name not in folders}

    def read(self, name: str) -> bytes | None:
        """A blob's bytes, or None when there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        with translating(f"read {name}"):
            try:
                return bytes(self._container.download_blob(name).readall())
            except ResourceNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        """Write a blob, over what was there."""
        with translating(f"write {name}"):
            self._container.upload_blob(name, data, overwrite=True)

    def delete(self, folder: str) -> None:
        """Remove every file below a folder."""
        for name in self.sizes(folder):
            with translating(f"delete {folder}/{name}"):
                self._container.delete_blob(f"{folder.rstrip('/')}/{name}")

    def upload(self, uploads: Sequence[Upload], label: str, progress: Progress) -> None:
        """Write many files, several at once; what lies in the storage already is copied there, not sent."""
        if not uploads:
            return
        with progress.task(label, len(uploads), "file") as task:
            for _ in bounded_map(self._put, uploads, workers=_THREADS, batch=1):
                task.advance()

    def complete(
        self, folder: str, files: Mapping[str, Path], label: str, progress: Progress, digests: Mapping[str, str] = _NONE
    ) -> None:
        """Write those of a folder's files that are not there yet in the same size.

        Args:
            folder: Where they go.
            files: By name relative to the folder.
            label: What the progress bar says.
            progress: Told of every file.
            digests: The SHA-256 that files must have, by the same names, where that is known.
        """
        there = self.sizes(folder)
        missing = [name for name, path in files.items() if there.get(name) != path.stat().st_size]
        self.upload([Upload(f"{folder}/{name}", files[name], digests.get(name)) for name in missing], label, progress)

    def download(self, names: Sequence[str], folder: str, into: Path, label: str, progress: Progress) -> None:
        """Read many files of a folder into a folder here, each whole or not at all.

        Raises:
            BadInputError: A name leads out of the folder; nothing was read then.
        """
        if not names:
            return
        dangerous = next((name for name in names if name.startswith("/") or ".." in name.split("/")), None)
        if dangerous is not None:
            raise BadInputError(f"datastore {self.datastore} has a file with a dangerous name: {folder}/{dangerous}")

        def fetch(name: str) -> None:
            data = self.read(f"{folder.rstrip('/')}/{name}")
            if data is not None:
                atomic_write(into / name, data, durable=False)

        with progress.task(label, len(names), "file") as task:
            for _ in bounded_map(fetch, names, workers=_THREADS, batch=1):
                task.advance()

    def _put(self, upload: Upload) -> None:
        with translating(f"upload {upload.name}"):
            if isinstance(upload.source, str):
                source = self._container.get_blob_client(upload.source)
                self._container.get_blob_client(upload.name).start_copy_from_url(source.url, requires_sync=True)
            elif upload.sha256 is not None:
                self._container.upload_blob(upload.name, _unchanged(upload.source, upload.sha256), overwrite=True)
            else:
                with upload.source.open("rb") as stream:
                    self._container.upload_blob(upload.name, stream, overwrite=True)

    def lock(
        self, name: str, what: str, timeout_s: float = 120.0, waiting: Callable[[str], None] | None = None
    ) -> AbstractContextManager[None]:
        """Hold a lock that all machines see while the block runs: see `leases.holding`. name: the blob."""
        return holding(self._container.get_blob_client(name), what, timeout_s, waiting)


def files_of(folder: Path) -> dict[str, Path]:
    """All files of a folder here, by name relative to it."""
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def _unchanged(path: Path, sha256: str) -> bytes:
    data = path.read_bytes()
    if sha256_bytes(data) != sha256:
        raise BadInputError(f"{path} changed while it was being uploaded", "Run the command again.")
    return data
