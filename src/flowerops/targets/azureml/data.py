"""Dataset versions in a workspace: folders of a datastore, numbered as data assets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from flowerops.datasets.raw import NewPhotos, ingest
from flowerops.datasets.reference import REFERENCE_FILE
from flowerops.datasets.rows import read_manifest, read_rows
from flowerops.domain.dataset import MANIFEST_FILE, ROWS_FILE, RawFile, VersionManifest
from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress, SilentProgress
from flowerops.domain.steps import StepContext
from flowerops.errors import BadInputError, StoreIntegrityError, UsageError
from flowerops.io.discard import discard
from flowerops.io.parallel import bounded_map
from flowerops.io.surroundings import environment_info, now
from flowerops.targets.azureml.assets import DIGEST_TAG, Asset, Assets, version_tags
from flowerops.targets.azureml.blobs import files_of
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.mirror import Mirror, Place
from flowerops.targets.azureml.raw_upload import upload_raw
from flowerops.targets.protocol import DatasetEntry, DatasetVersion
from flowerops.targets.selecting import not_found

_DOCUMENTS = (MANIFEST_FILE, ROWS_FILE)
_EXTRAS = ("hygiene.json",)
_THREADS = 8


class AzureDatasets:
    """See `targets.protocol.DatasetStore`."""

    def __init__(self, client: AzureClient, mirror: Mirror, progress: Progress | None = None) -> None:
        self._assets = Assets(client)
        self._mirror = mirror
        self._progress = progress or SilentProgress()

    def all(self, name: str | None = None) -> list[DatasetVersion]:
        """All versions whose folder has a manifest, newest first; of the same content only the first number."""
        names = [name] if name is not None else self._assets.names()
        found = [self._versions(one) for one in names]
        return [version for versions in found for version in versions]

    def find(self, selector: Selector) -> DatasetVersion:
        """One version, or the latest."""
        known = self._versions(selector.name)
        for found in known:
            if selector.version in (None, found.version):
                return found
        numbers = [found.version for found in known]
        raise not_found("dataset", selector, numbers, lambda: {found.name for found in self.all()})

    def open(self, version: DatasetVersion | DatasetEntry) -> Path:
        """Download what is not here yet."""
        place = self._place(version.folder)
        return self._mirror.bring(place, f"downloading {version}", self._progress)

    def take_in(self, new: NewPhotos, context: StepContext, progress: Progress) -> Path:
        """Hash the photos and write the manifest here; `number` uploads both.

        Raises:
            UsageError: Photos were to stay where they are, where no job could read them.
        """
        if new.reference:
            raise UsageError("--reference needs the local target", "A job in Azure cannot read this machine's folders.")
        self._progress = progress
        home = self._mirror.path_of(self._mirror.place())
        left_there = NewPhotos(**{**vars(new), "reference": True, "base_places": {}})
        return ingest(left_there, home, context.provenance(now(), environment_info()), progress)

    def number(self, folder: Path) -> DatasetVersion:
        """Upload a raw version, or find what a pipeline made, and number it."""
        manifest, place = read_manifest(folder), self._mirror.place_of(folder)
        if place is None:
            return self._opened(self._number_elsewhere(folder, manifest))
        if manifest.kind == "raw":
            return self._opened(self._number_raw(folder, place))
        known = self._assets.versions(manifest.name)
        asset = next((one for one in known if one.place == place), None)
        if asset is None:
            asset = self._assets.register(manifest.name, place, version_tags(manifest), manifest.digest)
        elif asset.digest is None:
            asset = self._assets.tag(asset, version_tags(manifest))
        return self._opened(asset)

    def _number_elsewhere(self, folder: Path, manifest: VersionManifest) -> Asset:
        """Upload a whole version that lies outside of the mirror: in a job, say, what a step before has made."""
        place = self._mirror.place("datasets", manifest.name, manifest.digest[:16])
        files = files_of(folder)
        last = files.pop(MANIFEST_FILE)
        blobs = self._mirror.blobs(place.datastore)
        blobs.complete(place.path, files, f"uploading {manifest.name}", self._progress)
        blobs.write(f"{place.path}/{MANIFEST_FILE}", last.read_bytes())
        asset = self._assets.register(manifest.name, place, version_tags(manifest), manifest.digest)
        self._mirror.bring_documents(asset.place, _DOCUMENTS)
        return asset

    def entries(self, name: str | None = None) -> list[DatasetEntry]:
        """All numbers of what is, or says that it is, a dataset version; its documents are here then."""
        names = [name] if name is not None else self._assets.names()
        assets = [one for each in names for one in self._assets.versions(each)]
        found = bounded_map(self._entry, assets, workers=_THREADS, batch=1)
        return [entry for entry in found if entry is not None]

    def fetch(self, entry: DatasetEntry) -> Path:
        """Download all of its files, over what was here before."""
        return self._mirror.bring(self._place(entry.folder), f"downloading {entry}", self._progress, anew=True)

    def remove(self, entry: DatasetEntry) -> None:
        """Archive the asset, then delete its files, those here, too."""
        place = self._place(entry.folder)
        self._assets.archive(entry.name, entry.version)
        self._mirror.blobs(place.datastore).delete(place.path)
        discard(entry.folder)

    def keeps_squares(self) -> bool:
        """Nobody uploads pixels that a job can make by itself."""
        return False

    def objects(self) -> Path | None:
        """None: a version's photos lie in its own folder."""
        return None

    def documents(self, place: Place) -> Path:
        """A version's folder with its manifest and rows only.

        Raises:
            StoreIntegrityError: They are not there.
        """
        if not self._mirror.bring_documents(place, _DOCUMENTS):
            raise StoreIntegrityError(f"{place.uri} holds no dataset version", "Run the command again.")
        self._mirror.bring_documents(place, _EXTRAS)
        return self._mirror.path_of(place)

    def asset_of(self, folder: Path) -> str | None:
        """`azureml:NAME:VERSION` of a version's folder, which gets its number now if it has none; else None."""
        place = self._mirror.place_of(folder)
        if place is None or not place.path.startswith(self._mirror.place("datasets", "").path):
            return None
        version = self.number(folder)
        return f"azureml:{version}"

    # --- upload ---------------------------------------------------------------------------------------------------

    def _number_raw(self, folder: Path, place: Place) -> Asset:
        manifest = read_manifest(folder)
        known = [one for one in self._assets.versions(manifest.name) if one.digest == manifest.digest]
        if not known:
            there = partial(self._photos_there, manifest.name, place.datastore)
            upload_raw(folder, self._mirror.blobs(place.datastore), place.path, there, self._progress)
        tags = version_tags(manifest)
        asset = known[-1] if known else self._assets.register(manifest.name, place, tags, manifest.digest)
        (folder / REFERENCE_FILE).unlink(missing_ok=True)  # from now on the workspace's copy is the version
        return asset

    def _photos_there(self, name: str, datastore: str) -> dict[str, str]:
        """Blobs of earlier versions, by the SHA-256 of their content."""
        found: dict[str, str] = {}
        for version in self._versions(name):
            place = self._place(version.folder)
            if place.datastore == datastore:
                found |= {row.sha256: f"{place.path}/{row.path}" for row in read_rows(version.folder, RawFile)}
        return found

    # --- reading --------------------------------------------------------------------------------------------------

    def _versions(self, name: str) -> list[DatasetVersion]:
        """Versions with a manifest; several numbers of one content (a race in the service) count as the first."""
        assets = self._assets.versions(name)
        opened = bounded_map(self._opened_or_none, assets, workers=_THREADS, batch=1)
        by_digest = {version.manifest.digest: version for version in opened if version is not None}
        return sorted(by_digest.values(), key=lambda version: -version.version)

    def _opened_or_none(self, asset: Asset) -> DatasetVersion | None:
        if not self._mirror.bring_documents(asset.place, _DOCUMENTS):
            return None  # somebody else's data asset, or one whose files are gone
        self._mirror.bring_documents(asset.place, _EXTRAS)
        return self._opened(asset)

    def _entry(self, asset: Asset) -> DatasetEntry | None:
        folder = self._mirror.path_of(asset.place)
        digest = asset.digest
        if self._mirror.bring_documents(asset.place, _DOCUMENTS) and digest is None:
            digest = read_manifest(folder).digest
        return DatasetEntry(asset.name, asset.version, digest, folder) if digest is not None else None

    def _opened(self, asset: Asset) -> DatasetVersion:
        folder = self._mirror.path_of(asset.place)
        manifest = read_manifest(folder)
        if asset.digest not in (None, manifest.digest):
            raise StoreIntegrityError(
                f"{asset.name}:{asset.version}: the manifest in the datastore is not the one that was registered",
                f"The tag {DIGEST_TAG} says {str(asset.digest)[:12]}, the manifest {manifest.digest[:12]}.",
            )
        return DatasetVersion(asset.name, asset.version, manifest, folder)

    def _place(self, folder: Path) -> Place:
        place = self._mirror.place_of(folder)
        if place is None:
            raise BadInputError(f"{folder} belongs to no datastore of this workspace")
        return place
