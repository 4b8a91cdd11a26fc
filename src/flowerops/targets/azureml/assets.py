"""Data assets: names, numbers and tags of dataset versions in the workspace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from flowerops.domain.dataset import VersionManifest
from flowerops.errors import ConflictError
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.mirror import ROOT, Place, place_of_uri
from flowerops.targets.azureml.numbering import TRIES, take_number

DIGEST_TAG = "flowerops.digest"
_TAG_LENGTH = 250
_OURS = f"{ROOT}/datasets/"
_UNASKED = re.compile("azureml_.+_output_.+")


@dataclass(frozen=True)
class Asset:
    """A numbered version of a data asset, where its files lie, and its tags. archived: whether it is in no list."""

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

        # Two lists, as the SDK's versions do not say whether they are archived.
        views = [ListViewType.ACTIVE_ONLY, *([ListViewType.ARCHIVED_ONLY] if archived else [])]
        with translating(f"list the versions of {name}"):
            try:
                found = [
                    _asset(one, archived=view == ListViewType.ARCHIVED_ONLY)
                    for view in views
                    for one in self._client.ml.data.list(name=name, list_view_type=view)
                ]
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
        from azure.ai.ml.entities import Data

        for _ in range(TRIES):
            known = self.versions(name, archived=True)
            same = [one for one in known if one.digest == digest]
            living = [one for one in same if not one.archived]
            if living:
                return living[-1]
            back = next((one for one in reversed(same) if one.place == place), None)
            if back is not None:
                return self._restore(back)
            number = max((one.version for one in known), default=0) + 1
            data = Data(name=name, version=str(number), type="uri_folder", path=place.uri, tags=dict(tags))
            if take_number(f"{name}:{number}", place, partial(self._client.ml.data.create_or_update, data)):
                return Asset(name, number, place, tags)
        raise ConflictError(f"no number could be had for {name}: others take them all", "Run the command again.")

    def tag(self, asset: Asset, tags: Mapping[str, str]) -> Asset:
        """Add tags to a version."""
        with translating(f"tag {asset.name}:{asset.version}"):
            found = self._client.ml.data.get(asset.name, version=str(asset.version))
            found.tags = {**(found.tags or {}), **tags}
            self._client.ml.data.create_or_update(found)
        return replace(asset, tags={**asset.tags, **tags})

    def _restore(self, asset: Asset) -> Asset:
        with translating(f"restore {asset.name}:{asset.version}"):
            self._client.ml.data.restore(asset.name, version=str(asset.version))
        return replace(asset, archived=False)

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


def _asset(found: Any, *, archived: bool) -> Asset | None:
    place = place_of_uri(str(found.path))
    if place is None or not place.path.startswith(_OURS) or not str(found.version).isdigit():
        return None
    return Asset(str(found.name), int(found.version), place, dict(found.tags or {}), archived)
