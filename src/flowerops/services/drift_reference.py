"""Which dataset version the photos of a folder are compared with."""

from __future__ import annotations

from flowerops.domain.bundle import BundleInfo
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError
from flowerops.services.versions import processed_versions, with_digest
from flowerops.targets.protocol import DatasetVersion, Target


def reference_version(target: Target, selector: Selector | None, info: BundleInfo) -> DatasetVersion:
    """The processed version to compare with, of the model's own geometry.

    Args:
        target: Where it is.
        selector: A version of either kind; None for the one that the model was trained on. Of several that were made
            from one raw version the one with the model's geometry.
        info: The model's bundle.

    Raises:
        BadInputError: There is no such version, or it is of another geometry.
    """
    if selector is None:
        version = _trained_on(target, info)
    else:
        made = processed_versions(target, selector)
        version = next((one for one in made if _fits(one, info)), made[0])
    if not _fits(version, info):
        size, fit = version.manifest.params.get("image_size"), version.manifest.params.get("fit")
        wanted = info.geometry
        raise BadInputError(
            f"{version} has squares of {size} pixels ({fit}); the model takes {wanted.size} ({wanted.fit})",
            f"Prepare it for the model: flowerops preprocess --image-size {wanted.size} --fit {wanted.fit}",
        )
    return version


def _trained_on(target: Target, info: BundleInfo) -> DatasetVersion:
    version = with_digest(target, info.processed.name, info.processed.digest)
    if version is None:
        raise BadInputError(
            f"the data that the model was trained on, {info.processed.name}, is not here any more",
            "Name another version with --reference NAME:VERSION.",
        )
    return version


def _fits(version: DatasetVersion, info: BundleInfo) -> bool:
    params = version.manifest.params
    return (params.get("image_size"), params.get("fit")) == (info.geometry.size, info.geometry.fit)
