"""data rm: take a dataset version away, unless something that lives was made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flowerops.datasets.rows import read_manifest
from flowerops.domain.names import Selector
from flowerops.errors import ConflictError, StoreIntegrityError, UsageError
from flowerops.io.discard import size_of
from flowerops.services.bundles import read_bundle
from flowerops.services.versions import find_entry
from flowerops.targets.protocol import DatasetEntry, ModelVersion, Target

_DIGEST_TAGS = ("dataset_digest", "processed_digest")


@dataclass(frozen=True)
class Removal:
    """A version that goes, or went. bytes: of its folder; its photos go with the next `gc`."""

    entry: DatasetEntry
    bytes: int

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        entry = self.entry
        removed = {"name": entry.name, "version": entry.version, "digest": entry.digest}
        return {"removed": removed, "folder": str(entry.folder), "bytes": self.bytes}


def plan(target: Target, selector: Selector) -> Removal:
    """What `remove` would do; fails as it would."""
    if selector.version is None:
        raise UsageError(f"which version of {selector.name!r}?", f"Name it: {selector.name}:1, say. None is assumed.")
    entry = find_entry(target, selector)
    users = list(_users(target, entry))
    if users:
        raise ConflictError(
            f"{entry} is needed by {', '.join(users[:5])}{' …' if len(users) > 5 else ''}",
            "A version stays as long as a model's lineage or another version leads to it.",
            {"needed_by": users},
        )
    return Removal(entry, size_of(entry.folder))


def remove(target: Target, selector: Selector) -> Removal:
    """Take a version away; its number stays bound to its content and is never given to another.

    Raises:
        UsageError: No version number was given.
        BadInputError: There is no such version.
        ConflictError: A registered model or a processed version needs it, or a command is writing.
    """
    with target.storage.cleaning():
        removal = plan(target, selector)
        target.datasets.remove(removal.entry)
    return removal


def _users(target: Target, entry: DatasetEntry) -> Iterator[str]:
    for other in target.datasets.entries():
        if other.digest != entry.digest and entry.digest in _parents(other):
            yield str(other)
    if target.storage.tracked():
        for name in target.models.names():
            for model in target.models.versions(name):
                if entry.digest in _digests(model):
                    yield str(model)


def _parents(entry: DatasetEntry) -> set[str]:
    try:
        return {parent.digest for parent in read_manifest(entry.folder).parents}
    except StoreIntegrityError:
        return set()


def _digests(model: ModelVersion) -> set[str]:
    """The dataset versions a model was made of, by its tags and by its own bundle."""
    named = {model.tags[tag] for tag in _DIGEST_TAGS if tag in model.tags}
    try:
        info = read_bundle(model.bundle)
    except StoreIntegrityError:
        return named
    return named | {info.processed.digest} | ({info.raw.digest} if info.raw else set())
