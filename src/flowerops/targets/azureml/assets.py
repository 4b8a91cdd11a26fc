"""Data assets: names, numbers and tags of dataset versions in the workspace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowerops.domain.dataset import VersionManifest
from flowerops.errors import ConflictError
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.mirror import ROOT, Place, place_of_uri

DIGEST_TAG = "flowerops.digest"
_TAG_LENGTH = 250
_TRIES = 20
_OURS = f"{ROOT}/datasets/"
_UNASKED = re.compile("azureml_.+_output_.+")


@dataclass(frozen=True)
class Asset:
    """A numbered version of a data asset, where its files lie, and its tags. created_ms: ms since 1970, UTC."""

    name: str
    version: int
    place: Place
    tags: Mapping[str, str]
    archived: bool = False

    @property
    def digest(self) -> str | None:
        """What the tag says; None for a version that nobody has looked at yet."""
        return self.tags.get(DIGEST_TAG)


class Assets:
    """The workspace's data assets."""

    def __init__(self, client: AzureClient) -> None:
        self._client = client

    def names(self) -> list[str]:
        """Every data asset's name, but for those that the service makes of the outputs of jobs without asking."""
        with translating("list the data assets"):
            names = [str(found.name) for found in self._client.ml.data.list()]
        return sorted(name for name in names if not _UNASKED.fullmatch(name))

    def versions(self, name: str, *, archived: bool = False) -> list[Asset]:
        """Versions of ours, newest first; numbers only, and folders only."""
        from azure.ai.ml.constants import ListViewType
        from azure.core.exceptions import ResourceNotFoundError

        view = ListViewType.ALL if archived else ListViewType.ACTIVE_ONLY
        with translating(f"list the versions of {name}"):
            try:
                found = [_asset(one) for one in self._client.ml.data.list(name=name, list_view_type=view)]
            except ResourceNotFoundError:
                return []
        return sorted((one for one in found if one is not None), key=lambda one: -one.version)

    def register(self, name: str, place: Place, tags: Mapping[str, str], digest: str) -> Asset:
        """Give a folder the next number; the same content keeps the number it has.

        The service hands out no numbers for folders that we name: the next free one is taken, and when somebody else
        was faster, the one after it.

        Raises:
            ConflictError: Very many others register at the same time.
        """
        for _ in range(_TRIES):
            known = self.versions(name, archived=True)
            same = [one for one in known if one.digest == digest and not one.archived]
            if same:
                return same[-1]
            number = max((one.version for one in known), default=0) + 1
            if self._try_register(name, number, place, tags):
                return Asset(name, number, place, tags)
        raise ConflictError(f"no number could be had for {name}: others take them all", "Run the command again.")

    def _try_register(self, name: str, number: int, place: Place, tags: Mapping[str, str]) -> bool:
        from azure.ai.ml.entities import Data
        from azure.ai.ml.exceptions import AssetPathException
        from azure.core.exceptions import HttpResponseError

        data = Data(name=name, version=str(number), type="uri_folder", path=place.uri, tags=dict(tags))
        with translating(f"register {name}:{number}"):
            try:
                made = self._client.ml.data.create_or_update(data)
            except AssetPathException:
                return False
            except HttpResponseError as error:
                if error.status_code == 409:
                    return False
                raise
            # Two that put the same number at once may both hear yes.
            return place_of_uri(str(made.path)) == place

    def tag(self, asset: Asset, tags: Mapping[str, str]) -> Asset:
        """Add tags to a version."""
        with translating(f"tag {asset.name}:{asset.version}"):
            found = self._client.ml.data.get(asset.name, version=str(asset.version))
            found.tags = {**(found.tags or {}), **tags}
            self._client.ml.data.create_or_update(found)
        return Asset(asset.name, asset.version, asset.place, {**asset.tags, **tags}, asset.archived)

    def archive(self, asset_name: str, version: int) -> None:
        """Take a version out of all lists; its number is never given out again."""
        with translating(f"archive {asset_name}:{version}"):
            self._client.ml.data.archive(asset_name, version=str(version))


def version_tags(manifest: VersionManifest) -> dict[str, str]:
    """What a dataset version's tags say of its manifest."""
    tags = {
        DIGEST_TAG: manifest.digest,
        "flowerops.kind": manifest.kind,
        "files": str(manifest.files),
        "classes": ", ".join(f"{label} {count}" for label, count in manifest.classes.items()),
        "synthetic": str(manifest.synthetic).lower(),
        "BuildId": manifest.provenance.build.id,
        "BuildUri": manifest.provenance.build.uri or "",
        "git_commit": manifest.provenance.code.commit or "",
        "run_id": manifest.provenance.run.id if manifest.provenance.run else "",
        "made_from": ", ".join(f"{parent.name} {parent.digest[:12]}" for parent in manifest.parents),
    }
    return {name: text[:_TAG_LENGTH] for name, text in tags.items() if text}


def _asset(found: Any) -> Asset | None:
    place = place_of_uri(str(found.path))
    if place is None or not place.path.startswith(_OURS) or not str(found.version).isdigit():
        return None
    archived = bool(getattr(found, "_is_archived", False))
    return Asset(str(found.name), int(found.version), place, dict(found.tags or {}), archived)
