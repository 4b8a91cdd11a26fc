"""Raw versions whose photos stay where they are: the store keeps hashes and places, and every read checks the hash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowerops.domain.documents import Document
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import read_checked

REFERENCE_FILE = "reference.json"


class Reference(Document):
    """`reference.json`: the absolute place of each photo that is not in the store, by SHA-256.

    It is no part of the version's identity: the same photos elsewhere are the same version.
    """

    schema_version: int = 1
    locations: dict[str, str]


def read_reference(folder: Path) -> dict[str, Path]:
    """The places that a version's folder names; empty when all its photos are in the store.

    Raises:
        StoreIntegrityError: The file is damaged.
    """
    path = folder / REFERENCE_FILE
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreIntegrityError(f"{path} cannot be read: {error.strerror}", "Mend its permissions.") from error
    return {sha256: Path(place) for sha256, place in Reference.from_json(text, str(path)).locations.items()}


def write_reference(folder: Path, locations: Mapping[str, Path]) -> None:
    """Record places in a version's folder; those it names already stay unless there are newer ones.

    Raises:
        BadInputError: The name of a place is not valid text.
    """
    merged = read_reference(folder) | dict(locations)
    try:
        text = Reference(locations={sha256: str(path) for sha256, path in sorted(merged.items())}).to_json().encode()
    except (UnicodeEncodeError, ValueError) as error:
        raise BadInputError(
            "the photos lie below a folder whose name is not valid UTF-8", "Rename it, or leave out --reference."
        ) from error
    atomic_write(folder / REFERENCE_FILE, text)


def read_referenced(path: Path, sha256: str) -> bytes:
    """A photo's bytes from where it lies.

    Raises:
        StoreIntegrityError: It is not there any more, or is another one.
    """
    hint = "The version only refers to this file. Put the photo back, or take the folder in again without --reference."
    return read_checked(path, sha256, f"referenced photo {path}", "has changed since it was taken in", hint)
