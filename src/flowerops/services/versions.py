"""Dataset versions by number, by content, and by what they were made from."""

from __future__ import annotations

from flowerops.domain.dataset import PROCESSED_SUFFIX
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError
from flowerops.targets.protocol import DatasetEntry, DatasetVersion, Target
from flowerops.targets.selecting import not_found


def find_entry(target: Target, selector: Selector) -> DatasetEntry:
    """The number that was handed out to a version, the latest without a number; nothing of it is opened.

    Raises:
        BadInputError: There is none; the hint has the nearest name or the numbers there are.
    """
    known = target.datasets.entries(selector.name)
    for entry in known:
        if selector.version in (None, entry.version):
            return entry
    numbers = [entry.version for entry in known]
    raise not_found("dataset", selector, numbers, lambda: {entry.name for entry in target.datasets.entries()})


def with_digest(target: Target, name: str | None, digest: str) -> DatasetVersion | None:
    """The version of a dataset, or with None of any, that has this content, if it is here."""
    return next((found for found in target.datasets.all(name) if found.manifest.digest == digest), None)


def made_from(target: Target, raw: DatasetVersion) -> list[DatasetVersion]:
    """The processed versions that were made from a raw one, newest first."""
    return [
        found
        for found in target.datasets.all(raw.name + PROCESSED_SUFFIX)
        if any(parent.digest == raw.manifest.digest for parent in found.manifest.parents)
    ]


def processed_versions(target: Target, selector: Selector) -> list[DatasetVersion]:
    """A processed version by itself, or those that were made from a raw one, newest first.

    Raises:
        BadInputError: There is no such version, or nothing was made from it yet.
    """
    version = target.datasets.find(selector)
    found = [version] if version.manifest.kind == "processed" else made_from(target, version)
    if not found:
        raise BadInputError(
            f"{version} has not been preprocessed", f"Do it with: flowerops preprocess --dataset {version}"
        )
    return found
