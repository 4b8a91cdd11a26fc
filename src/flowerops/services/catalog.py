"""What there is: datasets and models, as lists and one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flowerops.datasets.reference import REFERENCE_FILE
from flowerops.domain.names import Selector
from flowerops.services.audit import history_of
from flowerops.services.selection import find_model
from flowerops.targets.protocol import DatasetVersion, ModelVersion, Target


def list_datasets(target: Target) -> list[dict[str, Any]]:
    """Every dataset version, newest first."""
    return [_dataset_line(found) for found in target.datasets.all()]


def show_dataset(target: Target, selector: Selector) -> dict[str, Any]:
    """One dataset version in full, without its rows."""
    found = target.datasets.find(selector)
    manifest = found.manifest.model_dump(mode="json", exclude={"schema_version", "name"})
    places = {"folder": str(found.folder), "reference": (found.folder / REFERENCE_FILE).exists()}
    return {"name": found.name, "version": found.version, **manifest, **places}


def list_models(target: Target, name: str | None = None, *, archived: bool = True) -> list[dict[str, Any]]:
    """Every model version, newest first within a model; without `archived` only those that are in use."""
    names = [name] if name else target.models.names()
    found = [version for each in names for version in target.models.versions(each)]
    return [_model_line(version) for version in found if archived or not version.archived]


def show_model(target: Target, selector: Selector) -> dict[str, Any]:
    """One model version with its tags, its bundle, and what was done to it."""
    model = find_model(target, selector)
    shown = {"bundle": str(model.bundle), "tags": dict(model.tags), "history": history_of(target, model)}
    return {**_model_line(model), **shown}


def _dataset_line(found: DatasetVersion) -> dict[str, Any]:
    manifest = found.manifest
    return {
        "name": found.name,
        "version": found.version,
        "kind": manifest.kind,
        "files": manifest.files,
        "classes": manifest.classes,
        "digest": manifest.digest,
        "created": manifest.provenance.created,
        "synthetic": manifest.synthetic,
    }


def _model_line(model: ModelVersion) -> dict[str, Any]:
    accuracy = model.tags.get("test_accuracy")
    return {
        "name": model.name,
        "version": model.version,
        "champion": model.champion,
        "archived": model.archived,
        "accuracy": float(accuracy) if accuracy else None,
        "dataset": model.tags.get("dataset_id"),
        "run_id": model.run_id,
        "build_id": model.tags.get("BuildId"),
        "digest": model.digest,
        "created": datetime.fromtimestamp(model.created_ms / 1000, UTC).isoformat(timespec="seconds"),
    }
