"""What a model's bundle says of it."""

from __future__ import annotations

from pathlib import Path

from flowerops.domain.bundle import BUNDLE_FILE, BundleInfo
from flowerops.errors import StoreIntegrityError


def read_bundle(bundle: Path) -> BundleInfo:
    """A bundle's facts; whoever loads the model verifies its files.

    Raises:
        StoreIntegrityError: They are not there, or damaged.
    """
    file = bundle / BUNDLE_FILE
    try:
        data = file.read_bytes()
    except OSError as error:
        raise StoreIntegrityError(
            f"{file} cannot be read: {error.strerror}", "Restore it from a backup, or register the model again."
        ) from error
    return BundleInfo.from_json(data, str(file))
