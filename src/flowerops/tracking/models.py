"""The models of the ledger: versions under their numbers, and which of them is the champion."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowerops.tracking.records import ModelRecord

CHAMPION = "champion"


class Models:
    """What a ledger does with model versions, by a client of MLflow."""

    _client: Any

    def create_model_version(self, name: str, source: Path, run_id: str, tags: Mapping[str, str]) -> ModelRecord:
        """Register a bundle under the next version number."""
        from mlflow.exceptions import MlflowException

        with contextlib.suppress(MlflowException):  # it exists already
            self._client.create_registered_model(name)
        version = self._client.create_model_version(name, source.resolve().as_uri(), run_id, tags=dict(tags))
        return _record(version, None)

    def set_champion(self, name: str, version: int) -> None:
        """Point the `champion` alias at a version."""
        self._client.set_registered_model_alias(name, CHAMPION, str(version))

    def set_model_tag(self, name: str, version: int, key: str, value: str) -> None:
        """Add or change one tag of a model version."""
        self._client.set_model_version_tag(name, str(version), key, value)

    def delete_model_version(self, name: str, version: int) -> None:
        """Take a version away; its number is not given again."""
        self._client.delete_model_version(name, str(version))

    def model_names(self) -> list[str]:
        """All registered models."""
        return sorted(model.name for model in self._client.search_registered_models(max_results=1000))

    def model_versions(self, name: str) -> list[ModelRecord]:
        """All versions of a model, newest first; empty when there is no such model."""
        found = self._client.search_model_versions(f"name = '{name}'", max_results=10_000)
        champion = self._champion_number(name)
        return sorted((_record(one, champion) for one in found), key=lambda model: -model.version)

    def _champion_number(self, name: str) -> int | None:
        from mlflow.exceptions import MlflowException

        try:
            return int(self._client.get_model_version_by_alias(name, CHAMPION).version)
        except MlflowException:
            return None


def _record(version: Any, champion: int | None) -> ModelRecord:
    return ModelRecord(
        name=version.name,
        version=int(version.version),
        source=version.source,
        run_id=version.run_id or None,
        created_ms=version.creation_timestamp,
        champion=int(version.version) == champion,
        tags=dict(version.tags),
    )
