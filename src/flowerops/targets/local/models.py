"""Model versions: bundles by digest in local folders, numbers and the champion alias in the MLflow ledger."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from flowerops.domain.audit import AuditEntry, entry_name
from flowerops.domain.champions import TERM_TAG, next_term, office
from flowerops.errors import StoreIntegrityError
from flowerops.io.atomic import atomic_write, publish_folder
from flowerops.io.copying import copy_folder
from flowerops.io.discard import discard
from flowerops.io.hashing import verify_seal
from flowerops.io.locks import exclusive
from flowerops.io.presence import announce
from flowerops.targets.local.home import Home
from flowerops.targets.protocol import DIGEST_TAG, ModelVersion
from flowerops.tracking import Ledger, ModelRecord

_PATIENCE_S = 300.0
"""A register takes seconds on a busy machine, and twenty of them may be under way."""


class LocalModels:
    """See `targets.protocol.ModelRegistry`."""

    def __init__(self, home: Home, ledger: Ledger) -> None:
        self._home = home
        self._ledger = ledger

    def names(self) -> list[str]:
        """All registered models."""
        return self._ledger.model_names()

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions, newest first.

        Those without a digest are left out: somebody removes one while MLflow reads first the versions and then their
        tags, or registered it past flowerops.
        """
        return [self._version(record) for record in self._ledger.model_versions(name) if DIGEST_TAG in record.tags]

    def open(self, model: ModelVersion) -> Path:
        """Its folder, where everything lies already."""
        return model.bundle

    def fetch(self, model: ModelVersion) -> Path:
        """The same folder."""
        return model.bundle

    def register(self, name: str, bundle: Path, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        """Copy the bundle under its digest unless it is there whole, check the copy, then take a number."""
        announce(self._home.locks)
        digest = verify_seal(bundle)
        place = self._home.bundles / digest[:16]
        if place.exists() and not _is_whole(place, digest):
            discard(place)  # damaged; what was registered before of the same content is mended with it
        if not place.exists():
            with publish_folder(place) as temp:
                copy_folder(bundle, temp)
                verify_seal(temp, digest)
        return self._version(self._ledger.create_model_version(name, place, run_id, {**tags, DIGEST_TAG: digest}))

    def tag(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Add or change tags."""
        for key, value in tags.items():
            self._ledger.set_model_tag(name, version, key, value)

    def set_champion(self, name: str, version: int) -> None:
        """Note the term of office, then move the alias, which decides; hold the model's lock meanwhile."""
        versions = self._ledger.model_versions(name)
        for record in versions:
            if record.champion and record.version != version and TERM_TAG not in record.tags:
                self._enter(name, record.version, versions)  # it took office before terms were noted
                versions = self._ledger.model_versions(name)
        self._enter(name, version, versions)
        self._ledger.set_champion(name, version)

    def _enter(self, name: str, version: int, versions: list[ModelRecord]) -> None:
        self.tag(name, version, office(next_term(record.tags for record in versions)))

    @contextlib.contextmanager
    def registration(self, name: str) -> Iterator[None]:
        """Hold the model's lock."""
        with exclusive(self._home.locks / f"model-{name}.lock", f"model {name}", _PATIENCE_S):
            yield

    def remove(self, model: ModelVersion) -> None:
        """Take the number out of the ledger, then every bundle that no number leads to; hold the home alone meanwhile.

        So a removal that was cut off in between is completed by the next one.
        """
        self._ledger.delete_model_version(model.name, model.version)
        records = (record for name in self.names() for record in self._ledger.model_versions(name))
        needed = {record.tags.get(DIGEST_TAG, "")[:16] for record in records}
        for folder in self._home.bundles.glob("*"):
            if folder.name not in needed:
                discard(folder)

    def note(self, name: str, entry: AuditEntry) -> AuditEntry:
        """A file of its own for each entry."""
        number = 1 + max((int(path.stem) for path in self._entries(name)), default=0)
        numbered = entry.model_copy(update={"number": number})
        atomic_write(self._home.audit / name / entry_name(numbered.number), numbered.to_json())
        return numbered

    def history(self, name: str) -> list[AuditEntry]:
        """All of its files."""
        return [AuditEntry.from_json(path.read_bytes(), str(path)) for path in self._entries(name)]

    def _entries(self, name: str) -> list[Path]:
        return sorted((self._home.audit / name).glob("[0-9]*.json"))

    def _version(self, record: ModelRecord) -> ModelVersion:
        digest = record.tags[DIGEST_TAG]
        return ModelVersion(
            name=record.name,
            version=record.version,
            digest=digest,
            bundle=self._home.bundles / digest[:16],
            run_id=record.run_id,
            created_ms=record.created_ms,
            champion=record.champion,
            tags=record.tags,
        )


def _is_whole(bundle: Path, digest: str) -> bool:
    try:
        return verify_seal(bundle, digest) == digest
    except (OSError, StoreIntegrityError):
        return False
