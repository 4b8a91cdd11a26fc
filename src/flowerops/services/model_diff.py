"""models diff: in what two model versions differ, from their bundles, their tags and their data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.domain.bundle import TFLITE_FILE, BundleInfo, VersionRef
from flowerops.domain.names import Selector
from flowerops.errors import FlowerOpsError
from flowerops.io.discard import size_of
from flowerops.services.bundles import read_bundle
from flowerops.services.compare import compare
from flowerops.services.lineage import origin_of
from flowerops.services.selection import find_model
from flowerops.services.versions import with_digest
from flowerops.targets.protocol import ModelVersion, Target

_TEST = "test_"


@dataclass(frozen=True)
class _Side:
    """A version, what its bundle says, and the bundle's folder with all of its files."""

    model: ModelVersion
    info: BundleInfo
    folder: Path

    def metrics(self) -> dict[str, float]:
        """Of the training's validation split, and what the evaluation found on the test split, by its tags."""
        tested = {name: _float(text) for name, text in self.model.tags.items() if name.startswith(_TEST)}
        return {**self.info.metrics, **{name: value for name, value in tested.items() if value is not None}}

    def origin(self) -> dict[str, str | None]:
        """Who made it, with what."""
        build, code = origin_of(self.model, self.info)
        changed = " with changes" if code.dirty else ""
        return {
            "build": build.id,
            "commit": f"{code.commit}{changed}" if code.commit else None,
            "run": self.model.run_id,
            "created": self.info.created,
        }

    def network(self) -> dict[str, Any]:
        """Which network on which pixels."""
        info = self.info
        return {
            "backbone": info.backbone.name,
            "weights": info.backbone.weights_sha256 or info.backbone.weights_source,
            "image_size": info.geometry.size,
            "fit": info.geometry.fit,
            "decoder": info.decoder_version,
        }

    def size(self) -> dict[str, int]:
        """Bytes of the bundle, and of the file that is served."""
        return {"bundle": size_of(self.folder), "served": size_of(self.folder / TFLITE_FILE)}


def diff_models(target: Target, before: Selector, after: Selector) -> dict[str, Any]:
    """Compare two model versions, of one model or of two.

    Returns:
        JSON members; `[before, after]` pairs, and only what differs in `params`, `network`, `origin`, `environment`.

    Raises:
        BadInputError: There is no such version.
        StoreIntegrityError: A bundle is not what was registered.
    """
    old, new = (_side(target, selector) for selector in (before, after))
    labels = old.info.labels, new.info.labels
    return {
        "before": _named(old.model),
        "after": _named(new.model),
        "same_bundle": old.model.digest == new.model.digest,
        "metrics": _numbers(old.metrics(), new.metrics()),
        "classes": {
            "added": [label for label in labels[1] if label not in labels[0]],
            "removed": [label for label in labels[0] if label not in labels[1]],
            "kept": [label for label in labels[0] if label in labels[1]],
        },
        "data": {
            "raw": _data(target, old.info.raw, new.info.raw),
            "processed": _data(target, old.info.processed, new.info.processed),
        },
        "params": _differing(old.info.params, new.info.params),
        "network": _differing(old.network(), new.network()),
        "origin": _differing(old.origin(), new.origin()),
        "environment": _differing(old.info.environment, new.info.environment),
        "size": _numbers(old.size(), new.size()),
    }


def _side(target: Target, selector: Selector) -> _Side:
    model = find_model(target, selector)
    folder = target.models.open(model)
    return _Side(model, read_bundle(folder), folder)


def _named(model: ModelVersion) -> dict[str, Any]:
    flags = {"champion": model.champion, "archived": model.archived}
    return {**model.ref.model_dump(), **flags}


def _numbers(old: Mapping[str, float], new: Mapping[str, float]) -> dict[str, dict[str, float | None]]:
    """Every number of both sides, with the change where both have it."""
    found: dict[str, dict[str, float | None]] = {}
    for name in sorted({*old, *new}):
        pair = old.get(name), new.get(name)
        change = round(pair[1] - pair[0], 9) if pair[0] is not None and pair[1] is not None else None
        found[name] = {"before": pair[0], "after": pair[1], "change": change}
    return found


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    pairs = {name: [old.get(name), new.get(name)] for name in sorted({*old, *new})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _data(target: Target, old: VersionRef | None, new: VersionRef | None) -> dict[str, Any]:
    """Two dataset versions; `changes` has counts where both are raw, differ, and are here."""
    same = old is not None and new is not None and old.digest == new.digest
    selectors = [_selector(target, ref) for ref in (old, new)]
    changes = None
    if not same and selectors[0] is not None and selectors[1] is not None:
        changes = _changes(target, selectors[0], selectors[1])
    shown = [str(found) if found else _unknown(ref) for found, ref in zip(selectors, (old, new), strict=True)]
    return {"before": shown[0], "after": shown[1], "same": same, "changes": changes}


def _changes(target: Target, before: Selector, after: Selector) -> dict[str, Any] | None:
    try:
        found = compare(target, before, after).document()
    except FlowerOpsError:  # processed versions are not compared, and photos' rows may be damaged
        return None
    classes = {name: found[name] for name in ("classes_added", "classes_removed")}
    return {**found["counts"], **classes}


def _selector(target: Target, ref: VersionRef | None) -> Selector | None:
    """The number of a version that is here."""
    if ref is None:
        return None
    found = with_digest(target, ref.name, ref.digest)
    return Selector(ref.name, found.version) if found else None


def _unknown(ref: VersionRef | None) -> str | None:
    return f"{ref.name}:{ref.version or '?'} ({ref.digest[:12]}, not here)" if ref else None


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
