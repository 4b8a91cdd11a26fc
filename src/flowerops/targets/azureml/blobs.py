"""Files in a datastore: list, read, write, copy and lock blobs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, ConflictError
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_bytes
from flowerops.io.parallel import bounded_map
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.errors import translating

_THREADS = 8
_LEASE_S = 60
_PAUSE_S = 1.0


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

    @contextlib.contextmanager
    def lock(
        self, name: str, what: str, timeout_s: float = 120.0, waiting: Callable[[str], None] | None = None
    ) -> Iterator[None]:
        """Hold a lock that all machines see: the lease of a blob, renewed while the block runs.

        Who dies lets go of it after a minute. Source: Azure Storage, "Lease Blob".

        Args:
            name: The blob.
            what: What the lock guards, for the error message.
            timeout_s: How long to wait for another holder.
            waiting: Told in words when somebody else holds it.

        Raises:
            ConflictError: Somebody else holds it for longer than the timeout.
        """
        lease = self._acquire(name, what, timeout_s, waiting)
        done = threading.Event()

        def renew() -> None:
            while not done.wait(_LEASE_S / 3):
                with contextlib.suppress(Exception):  # the next round tries again
                    lease.renew()

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            with contextlib.suppress(Exception):  # it ends by itself
                lease.release()

    def _acquire(self, name: str, what: str, timeout_s: float, waiting: Callable[[str], None] | None) -> Any:
        from azure.core.exceptions import HttpResponseError, ResourceExistsError

        ends = time.monotonic() + timeout_s
        with translating(f"lock {what}"):
            blob = self._container.get_blob_client(name)
            with contextlib.suppress(HttpResponseError):  # it is there already; else the next line says what is wrong
                blob.upload_blob(b"", overwrite=False)
            while True:
                try:
                    return blob.acquire_lease(lease_duration=_LEASE_S)
                except ResourceExistsError as error:
                    if time.monotonic() > ends:
                        raise ConflictError(
                            f"{what} is being changed by another command", "Wait for it to end, then run again."
                        ) from error
                    if waiting is not None:
                        waiting(f"{what} is being changed by another command; waiting for it")
                        waiting = None
                    time.sleep(_PAUSE_S)


def _unchanged(path: Path, sha256: str) -> bytes:
    data = path.read_bytes()
    if sha256_bytes(data) != sha256:
        raise BadInputError(f"{path} changed while it was being uploaded", "Run the command again.")
    return data
