"""Registered model versions, the champion among them, and their history."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from flowerops.domain.audit import AuditEntry
from flowerops.domain.deployment import ModelRef

DIGEST_TAG = "bundle_digest"
"""Tag of a model version: the digest of its bundle."""
ARCHIVED_TAG = "archived"
"""Tag of a model version: `true` while it is put away."""


@dataclass(frozen=True)
class ModelVersion:
    """A registered model version: its bundle's digest and folder, its tags, and whether it is the champion.

    The bundle's files may have to be fetched first: see `ModelRegistry.open`.
    """

    name: str
    version: int
    digest: str
    bundle: Path
    run_id: str | None
    created_ms: int
    champion: bool
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> ModelRef:
        """Name, number and digest."""
        return ModelRef(name=self.name, version=self.version, digest=self.digest)

    @property
    def archived(self) -> bool:
        """Whether it was put away: it is listed on demand only, and is no champion, now or by a rollback."""
        return self.tags.get(ARCHIVED_TAG) == "true"

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class ModelRegistry(Protocol):
    """Registered model versions and the champion among them."""

    def names(self) -> list[str]:
        """All registered models."""

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of a model, newest first."""

    def open(self, model: ModelVersion) -> Path:
        """A version's bundle with all of its files on this machine.

        Raises:
            StoreIntegrityError: It is not what was registered.
        """

    def fetch(self, model: ModelVersion) -> Path:
        """The bundle as the storage has it right now, whole or not; for checks."""

    def register(self, name: str, bundle: Path, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        """Store a bundle and give it the next version number."""

    def tag(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Add or change tags of a version."""

    def set_champion(self, name: str, version: int) -> None:
        """Make a version the champion and give it the next term of office: see `domain.champions`."""

    def registration(self, name: str) -> AbstractContextManager[None]:
        """Hold off other registrations of this model while the block runs."""

    def remove(self, model: ModelVersion) -> None:
        """Take a version away for good, its bundle too when no other version has it; its number is not given again."""

    def note(self, name: str, entry: AuditEntry) -> AuditEntry:
        """Add an entry to a model's history under the next number; call it while `registration` holds others off."""

    def history(self, name: str) -> list[AuditEntry]:
        """Every entry, the first one first; those of versions that are gone, too."""
