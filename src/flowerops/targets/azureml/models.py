"""Model versions of the workspace's registry; a version's bundle is a folder of a datastore."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from flowerops.domain.audit import AuditEntry, entry_name
from flowerops.domain.bundle import BUNDLE_FILE, GOLDEN_FILE, MODEL_CARD_FILE
from flowerops.domain.champions import next_term, office, term_of
from flowerops.domain.progress import Progress, SilentProgress
from flowerops.errors import ConflictError
from flowerops.io.discard import discard
from flowerops.io.hashing import SEAL_FILE, verify_seal
from flowerops.targets.azureml.blobs import files_of
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.mirror import Mirror, Place, place_of_uri
from flowerops.targets.azureml.numbering import TRIES, take_number
from flowerops.targets.protocol import DIGEST_TAG, ModelVersion

_RUN_TAG = "run_id"
_DOCUMENTS = (BUNDLE_FILE, SEAL_FILE, GOLDEN_FILE, MODEL_CARD_FILE)


class AzureModels:
    """See `targets.protocol.ModelRegistry`."""

    def __init__(self, client: AzureClient, mirror: Mirror, progress: Progress | None = None) -> None:
        self._client = client
        self._mirror = mirror
        self._progress = progress or SilentProgress()
        self._assets: dict[Path, str] = {}

    def names(self) -> list[str]:
        """All registered models."""
        with translating("list the models"):
            return sorted(str(found.name) for found in self._client.ml.models.list())

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions that are bundles of ours, newest first; their documents are here then, the rest is not."""
        found = [one for one in self._listed(name) if DIGEST_TAG in (one.tags or {})]
        champion = max((term_of(one.tags) for one in found), default=0)
        versions = [self._version(one, champion) for one in found]
        return sorted((one for one in versions if one is not None), key=lambda one: -one.version)

    def open(self, model: ModelVersion) -> Path:
        """Download the bundle and check its seal."""
        place = self._place(model.bundle)
        folder = self._mirror.bring(place, f"downloading {model}", self._progress)
        verify_seal(folder, model.digest)
        return folder

    def fetch(self, model: ModelVersion) -> Path:
        """Download the bundle, over what was here before."""
        return self._mirror.bring(self._place(model.bundle), f"downloading {model}", self._progress, anew=True)

    def register(self, name: str, bundle: Path, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        """Upload the bundle if it lies here only, then take the next number."""
        digest = verify_seal(bundle)
        place = self._mirror.place_of(bundle) or self._sent(bundle, digest)
        kept = {**tags, DIGEST_TAG: digest, _RUN_TAG: run_id}
        number = self._take_number(name, place, {key: text for key, text in kept.items() if text})
        return self._one(name, number)

    def tag(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Add or change tags."""
        with translating(f"tag {name}:{version}"):
            found = self._client.ml.models.get(name, version=str(version))
            found.tags = {**(found.tags or {}), **tags}
            self._client.ml.models.create_or_update(found)

    def set_champion(self, name: str, version: int) -> None:
        """Give the version the highest term; one write, so that nobody ever sees two champions or none."""
        term = next_term(one.tags or {} for one in self._listed(name))
        self.tag(name, version, office(term))

    @contextlib.contextmanager
    def registration(self, name: str) -> Iterator[None]:
        """Hold the model's lock in the datastore."""
        place = self._mirror.place("locks", f"model-{name}")
        with self._mirror.blobs(place.datastore).lock(place.path, f"model {name}"):
            yield

    def remove(self, model: ModelVersion) -> None:
        """Archive the number, which nobody gets again, then delete the bundle unless another version has it.

        A bundle that is part of a job's output stays with the job.
        """
        place, ours = self._place(model.bundle), self._mirror.place("bundles", model.digest[:16])
        with translating(f"remove {model}"):
            self._client.ml.models.archive(model.name, version=str(model.version))
        others = (one for name in self.names() for one in self._listed(name))
        if place == ours and not any(place_of_uri(str(one.path)) == place for one in others):
            self._mirror.blobs(place.datastore).delete(place.path)
            discard(model.bundle)

    def note(self, name: str, entry: AuditEntry) -> AuditEntry:
        """A blob of its own for each entry."""
        place = self._mirror.place("audit", name)
        blobs = self._mirror.blobs(place.datastore)
        number = 1 + max((int(one.partition(".")[0]) for one in blobs.sizes(place.path)), default=0)
        numbered = entry.model_copy(update={"number": number})
        blobs.write(f"{place.path}/{entry_name(numbered.number)}", numbered.to_json().encode())
        return numbered

    def history(self, name: str) -> list[AuditEntry]:
        """All of its blobs; those that were read before are here."""
        folder = self._mirror.bring(self._mirror.place("audit", name), "reading the history", self._progress)
        return [AuditEntry.from_json(path.read_bytes(), str(path)) for path in sorted(folder.glob("[0-9]*.json"))]

    def asset_of(self, bundle: Path) -> str | None:
        """`azureml:NAME:VERSION` of a bundle that `versions` has shown."""
        return self._assets.get(bundle)

    def _listed(self, name: str, *, archived: bool = False) -> list[Any]:
        """The SDK's versions that have a number; with `archived` those that were put away, too."""
        from azure.ai.ml.constants import ListViewType
        from azure.core.exceptions import ResourceNotFoundError

        view = ListViewType.ALL if archived else ListViewType.ACTIVE_ONLY
        with translating(f"list the versions of model {name}"):
            try:
                found = self._client.ml.models.list(name=name, list_view_type=view)
                return [one for one in found if str(one.version).isdigit()]
            except ResourceNotFoundError:
                return []

    def _take_number(self, name: str, place: Place, tags: Mapping[str, str]) -> int:
        from azure.ai.ml.entities import Model

        for _ in range(TRIES):
            number = max((int(one.version) for one in self._listed(name, archived=True)), default=0) + 1
            model = Model(name=name, version=str(number), type="custom_model", path=place.uri, tags=dict(tags))
            if take_number(f"model {name}:{number}", place, partial(self._client.ml.models.create_or_update, model)):
                return number
        raise ConflictError(f"no number could be had for model {name}", "Run the command again.")

    def _one(self, name: str, number: int) -> ModelVersion:
        return next(found for found in self.versions(name) if found.version == number)

    def _version(self, found: Any, champion: int) -> ModelVersion | None:
        place = place_of_uri(str(found.path))
        if place is None:
            return None
        bundle = self._mirror.path_of(place)
        self._mirror.bring_documents(place, _DOCUMENTS)
        self._assets[bundle] = f"azureml:{found.name}:{found.version}"
        created: datetime | None = getattr(found.creation_context, "created_at", None)
        tags = {key: str(value) for key, value in found.tags.items()}
        return ModelVersion(
            name=str(found.name),
            version=int(found.version),
            digest=tags[DIGEST_TAG],
            bundle=bundle,
            run_id=tags.get(_RUN_TAG),
            created_ms=int(created.timestamp() * 1000) if created else 0,
            champion=0 < champion == term_of(tags),
            tags=tags,
        )

    def _sent(self, bundle: Path, digest: str) -> Place:
        place = self._mirror.place("bundles", digest[:16])
        blobs = self._mirror.blobs(place.datastore)
        blobs.complete(place.path, files_of(bundle), "uploading the bundle", self._progress)
        return place

    def _place(self, bundle: Path) -> Place:
        place = self._mirror.place_of(bundle)
        assert place is not None, "a version's bundle lies in the mirror"
        return place
