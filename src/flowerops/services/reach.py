"""lineage, backwards: which models did a dataset version, a build or one photo reach?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flowerops.datasets.rows import read_rows
from flowerops.domain.bundle import BundleInfo
from flowerops.domain.dataset import PROCESSED_SUFFIX, ProcessedImage, RawFile
from flowerops.domain.lineage import Lineage
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError
from flowerops.services.bundles import read_bundle
from flowerops.services.lineage import ModelLineage, trace
from flowerops.targets.protocol import DatasetVersion, ModelVersion, Target

SHORTEST_HASH = 8
"""Hex digits of an abbreviated SHA-256: below, it would mean several photos too often."""


@dataclass(frozen=True)
class Reached:
    """A model that was reached. how: in words. images: of the photos asked for, how many stand in which split."""

    lineage: ModelLineage
    how: str
    images: dict[str, int] = field(default_factory=dict)

    def document(self, endpoints: dict[str, list[str]]) -> dict[str, Any]:
        """JSON members."""
        model = self.lineage.model
        ref = str(model)
        return {
            "name": model.name,
            "version": model.version,
            "digest": model.digest,
            "champion": model.champion,
            "how": self.how,
            "images": self.images,
            "endpoints": endpoints.get(ref, []),
        }


@dataclass(frozen=True)
class Reach:
    """The answer. unknown: models about which it cannot be said, because their data is not here any more."""

    asked: dict[str, Any]
    reached: list[Reached]
    unknown: list[str]
    endpoints: dict[str, list[str]]

    @cached_property
    def graph(self) -> Lineage:
        """The lineage of all models that were reached, in one graph."""
        whole = Lineage()
        for one in self.reached:
            whole.include(one.lineage.graph)
        return whole

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        models = [one.document(self.endpoints) for one in self.reached]
        return {"asked": self.asked, "models": models, "unknown": self.unknown, **self.graph.document()}


@dataclass(frozen=True)
class _Seen:
    """A registered model, what its bundle says, and its processed version, where that is still here."""

    model: ModelVersion
    info: BundleInfo
    processed: DatasetVersion | None


def of_dataset(target: Target, selector: Selector) -> Reach:
    """Models that were made of a version, or of another version that has photos of it.

    Raises:
        BadInputError: There is no such version.
    """
    version = target.datasets.find(selector)
    digest, photos = version.manifest.digest, _photos(version)

    def answer(seen: _Seen) -> tuple[str, dict[str, int]] | None:
        exact = digest in {seen.info.processed.digest, seen.info.raw.digest if seen.info.raw else None}
        images = _images(seen, photos)
        if exact:
            return "made of it", images
        return ("made of a version that shares photos with it", images) if images else None

    return _reach(target, {"dataset": version.ref.model_dump()}, answer)


def of_image(target: Target, sha256: str) -> Reach:
    """Models whose data has a photo, by the SHA-256 of its bytes or the hash's first digits.

    Raises:
        BadInputError: The digits are too few, mean several photos, or no photo here.
    """
    whole, paths = _located(target, sha256.lower())

    def answer(seen: _Seen) -> tuple[str, dict[str, int]] | None:
        images = _images(seen, {whole})
        split = next(iter(images), None)
        return (f"in its {split} split", images) if split else None

    return _reach(target, {"image": whole, "paths": paths}, answer)


def of_build(target: Target, build: str) -> Reach:
    """Models that a build trained, or whose data it made."""

    def answer(seen: _Seen) -> tuple[str, dict[str, int]] | None:
        if build in {seen.info.build_id, seen.model.tags.get("BuildId")}:
            return "trained by it", {}
        made = seen.processed.manifest.provenance.build.id if seen.processed else None
        return ("made of data that it prepared", {}) if build == made else None

    return _reach(target, {"build": build}, answer, needs_data=False)


Answer = Callable[[_Seen], tuple[str, dict[str, int]] | None]


def _reach(target: Target, asked: dict[str, Any], answer: Answer, *, needs_data: bool = True) -> Reach:
    reached, unknown = [], []
    for seen in _models(target):
        found = answer(seen)
        if found:
            reached.append(Reached(trace(target, seen.model, seen.info), *found))
        elif seen.processed is None and needs_data:
            unknown.append(str(seen.model))
    return Reach(asked, reached, unknown, _served(target) if reached else {})


def _models(target: Target) -> Iterator[_Seen]:
    versions: dict[str, list[DatasetVersion]] = {}  # most models are of the same dataset, and a workspace is far away
    for name in target.models.names():
        for model in target.models.versions(name):
            info = read_bundle(model.bundle)
            ref = info.processed
            if ref.name not in versions:
                versions[ref.name] = target.datasets.all(ref.name)
            found = (one for one in versions[ref.name] if one.manifest.digest == ref.digest)
            yield _Seen(model, info, next(found, None))


def _photos(version: DatasetVersion) -> set[str]:
    if version.manifest.kind == "processed":
        return {row.sha256 for row in read_rows(version.folder, ProcessedImage)}
    return {row.sha256 for row in read_rows(version.folder, RawFile)}


def _images(seen: _Seen, photos: set[str]) -> dict[str, int]:
    if seen.processed is None:
        return {}
    rows = read_rows(seen.processed.folder, ProcessedImage)
    return dict(Counter(row.split for row in rows if row.sha256 in photos))


def _located(target: Target, digits: str) -> tuple[str, dict[str, list[str]]]:
    """A photo's whole hash, and its paths by dataset version."""
    if not SHORTEST_HASH <= len(digits) <= 64 or set(digits) - set("0123456789abcdef"):
        raise BadInputError(
            f"{digits!r} is no SHA-256", f"Give {SHORTEST_HASH} to 64 hex digits of it, or the photo's file."
        )
    found: dict[str, dict[str, list[str]]] = {}
    for version in target.datasets.all():
        if version.name.endswith(PROCESSED_SUFFIX):
            continue
        for row in read_rows(version.folder, RawFile):
            if row.sha256.startswith(digits):
                places = found.setdefault(row.sha256, {})
                places.setdefault(str(version), []).append(row.path)
    if not found:
        raise BadInputError(f"no dataset version here has the photo {digits}", "Is this the right home or workspace?")
    if len(found) > 1:
        raise BadInputError(f"{digits} means {len(found)} photos", "Give more digits.")
    return next(iter(found.items()))


def _served(target: Target) -> dict[str, list[str]]:
    """The endpoints that have a model version's deployment, by NAME:VERSION."""
    served: dict[str, list[str]] = {}
    for endpoint in target.endpoints.all():
        for one in endpoint.deployments:
            if one.status != "stopped":
                served.setdefault(f"{one.model.name}:{one.model.version}", []).append(f"{endpoint.name} ({one.role})")
    return served
