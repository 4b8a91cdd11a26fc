"""The storage account: where an address lies, folders to and from it, signatures that open it."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import (
    AccountSasPermissions,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerSasPermissions,
    ResourceTypes,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)

from azure_emulator.answers import now
from azure_emulator.names import ACCOUNT, ACCOUNT_KEY, ARTIFACT_DATASTORE, BLOB_HOST, CONTAINERS, WORKSPACE_ID

ARTIFACTS = CONTAINERS[ARTIFACT_DATASTORE]
_DATASTORE = re.compile(r"^azureml://(?:.*/)?datastores/([^/]+)/paths/(.*)$")
_ADDRESS = re.compile(r"^https://[^/]+/([^/]+)/?(.*)$")


class Place(NamedTuple):
    """A container and a path in it."""

    container: str
    path: str


class Blobs:
    """The storage account behind the workspace, reached with its key."""

    def __init__(self, port: int, authority: Path) -> None:
        self.containers = dict(CONTAINERS)
        credential = {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY}
        self._client = BlobServiceClient(
            f"https://127.0.0.1:{port}/{ACCOUNT}",
            credential=credential,
            connection_verify=str(authority),
            use_env_settings=False,
        )
        for container in self.containers.values():
            self.make_container(container)

    def make_container(self, name: str) -> None:
        try:
            self._client.create_container(name)
        except ResourceExistsError:
            return

    def new_upload_container(self) -> str:
        """A fresh container for each pending upload: what it holds can never be an older snapshot."""
        name = f"{WORKSPACE_ID}-{uuid.uuid4().hex[:26]}"
        self.make_container(name)
        return name

    def place(self, uri: str) -> Place:
        """Where `azureml://…/datastores/NAME/paths/…` or the https address of a blob lies."""
        datastore = _DATASTORE.match(uri)
        if datastore:
            return Place(self.containers[datastore[1]], datastore[2].strip("/"))
        address = _ADDRESS.match(uri)
        if not address:
            raise ValueError(f"no address of a blob or datastore: {uri}")
        return Place(address[1], address[2].strip("/"))

    def datastore_of(self, container: str) -> str:
        return next(name for name, its in self.containers.items() if its == container)

    def names(self, place: Place) -> list[str]:
        """The blobs at a place (one file) or below it (a folder), not those beside it with a longer name."""
        found = self._client.get_container_client(place.container).list_blob_names(name_starts_with=place.path)
        folder = place.path + "/" if place.path else ""
        return [name for name in found if name == place.path or name.startswith(folder)]

    def pull(self, place: Place, target: Path) -> list[str]:
        """Download a folder, or a file to `target/its name`; gives the paths relative to the target."""
        container = self._client.get_container_client(place.container)

        def fetch(name: str) -> str:
            relative = name[len(place.path) :].strip("/") or name.rsplit("/", 1)[-1]
            path = target / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(container.download_blob(name).readall())
            return relative

        return _each(fetch, self.names(place))

    def push(self, folder: Path, place: Place) -> list[str]:
        """Upload a folder; gives the paths relative to it."""
        container = self._client.get_container_client(place.container)

        def send(path: Path) -> str:
            relative = path.relative_to(folder).as_posix()
            with path.open("rb") as stream:
                container.upload_blob(f"{place.path}/{relative}".lstrip("/"), stream, overwrite=True)
            return relative

        return _each(send, sorted(path for path in folder.rglob("*") if path.is_file()))

    def remove(self, place: Place, relative: Iterable[str]) -> None:
        container = self._client.get_container_client(place.container)
        for name in relative:
            container.delete_blob(f"{place.path}/{name}")

    def write(self, place: Place, data: bytes) -> None:
        self._client.get_blob_client(*place).upload_blob(data, overwrite=True)

    def read(self, place: Place) -> bytes:
        return bytes(self._client.get_blob_client(*place).download_blob().readall())

    def account_signature(self, hours: float) -> str:
        return generate_account_sas(
            ACCOUNT,
            ACCOUNT_KEY,
            ResourceTypes(container=True, object=True),
            AccountSasPermissions(read=True, create=True, update=True, write=True, delete=True, list=True),
            now() + dt.timedelta(hours=hours),
        )

    def container_signature(self, container: str) -> str:
        """What a pending upload gets: read, create, write and list, but not delete."""
        permission = ContainerSasPermissions(read=True, create=True, write=True, list=True)
        return generate_container_sas(
            ACCOUNT, container, ACCOUNT_KEY, permission=permission, expiry=now() + dt.timedelta(hours=8)
        )

    def signed_address(self, place: Place) -> str:
        signature = generate_blob_sas(
            ACCOUNT,
            *place,
            account_key=ACCOUNT_KEY,
            permission=BlobSasPermissions(read=True),
            expiry=now() + dt.timedelta(hours=1),
        )
        return f"https://{BLOB_HOST}/{place.container}/{place.path}?{signature}"


def _each(work: Callable[[Any], str], items: Iterable[Any]) -> list[str]:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(work, items))
