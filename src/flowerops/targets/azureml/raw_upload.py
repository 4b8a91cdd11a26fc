"""Send a raw version to the workspace: photos that are there already are copied there, not sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from flowerops.datasets.reference import read_reference
from flowerops.datasets.rows import read_manifest, read_rows
from flowerops.domain.dataset import MANIFEST_FILE, ROWS_FILE, RawFile
from flowerops.domain.progress import Progress
from flowerops.errors import StoreIntegrityError
from flowerops.targets.azureml.blobs import Blobs, Upload


def upload_raw(folder: Path, blobs: Blobs, to: str, there: Callable[[], Mapping[str, str]], progress: Progress) -> None:
    """Photos first, the manifest last: a folder without a manifest is no version.

    Args:
        folder: The version, with the places of its photos on this machine.
        blobs: The datastore.
        to: The folder there.
        there: Asked for blobs of earlier versions by the SHA-256 of their content, when a photo is not here.
        progress: Told of every photo.

    Raises:
        StoreIntegrityError: A photo is neither here nor there.
    """
    sizes = blobs.sizes(to)
    missing = [row for row in read_rows(folder, RawFile) if sizes.get(row.path) != row.bytes]
    label = f"uploading {read_manifest(folder).name}"
    blobs.upload(list(_sources(folder, to, missing, there)), label, progress)
    for document in (ROWS_FILE, MANIFEST_FILE):
        blobs.write(f"{to}/{document}", (folder / document).read_bytes())


def _sources(
    folder: Path, to: str, rows: Sequence[RawFile], there: Callable[[], Mapping[str, str]]
) -> Iterator[Upload]:
    here = read_reference(folder)
    known = there() if any(row.sha256 not in here for row in rows) else {}
    for row in rows:
        name = f"{to}/{row.path}"
        if row.sha256 in here:
            yield Upload(name, here[row.sha256], row.sha256)
        elif row.sha256 in known:
            yield Upload(name, known[row.sha256])
        else:
            raise StoreIntegrityError(f"{row.path} is neither here nor in the workspace", "Take the photos in again.")
