"""What is odd about a dataset version, for `data show` and for the result of preprocess."""

from __future__ import annotations

from typing import Any

from flowerops.datasets.hygiene import read_hygiene
from flowerops.domain.hygiene import Hygiene
from flowerops.domain.hygiene_words import warnings_about
from flowerops.domain.names import Selector
from flowerops.services.versions import with_digest
from flowerops.targets.protocol import DatasetVersion, Target


def warnings_of(version: DatasetVersion) -> list[str]:
    """What a person should look at in a processed version, in plain sentences with counts."""
    return warnings_about(read_hygiene(version.folder))


def hygiene_of(target: Target, version: DatasetVersion) -> Hygiene:
    """The hygiene of a processed version, with the files that were skipped when its photos were taken in."""
    raw = raw_version_of(target, version)
    return read_hygiene(version.folder, raw.manifest if raw else None)


def hygiene_members(target: Target, selector: Selector) -> dict[str, Any]:
    """The members `warnings` and `hygiene` of `data show`; none for a raw version, whose pixels nobody has read yet."""
    version = target.datasets.find(selector)
    if version.manifest.kind != "processed":
        return {}
    hygiene = hygiene_of(target, version)
    return {"warnings": warnings_about(hygiene), "hygiene": hygiene.model_dump(mode="json")}


def raw_version_of(target: Target, version: DatasetVersion) -> DatasetVersion | None:
    """The raw version that a processed one was made from, if it is still there."""
    found = (with_digest(target, parent.name, parent.digest) for parent in version.manifest.parents)
    return next((one for one in found if one is not None and one.manifest.kind == "raw"), None)
