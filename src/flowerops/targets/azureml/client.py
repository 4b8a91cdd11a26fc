"""The connection to one workspace: the SDK's client, the run history and the storage behind the datastores."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

from flowerops.errors import UsageError
from flowerops.io.loading import loading
from flowerops.settings import Settings
from flowerops.targets.azureml.credentials import SignIn
from flowerops.targets.azureml.errors import missing_extra, translating
from flowerops.targets.azureml.http import RETRIES, SCOPE, http_client, send

_STORAGE_RETRIES: dict[str, Any] = {
    "retry_total": 5,
    "initial_backoff": 1,
    "increment_base": 2,
    "random_jitter_range": 1,
}
"""Storage has names of its own for them: waits of 1, 3, 5, 9 and 17 s, instead of 15 s and more."""
_REQUIRED = {
    "subscription_id": "SUBSCRIPTION_ID",
    "resource_group": "RESOURCE_GROUP",
    "workspace_name": "WORKSPACE_NAME",
}
_SAS_LIFETIME_S = 20 * 60
_NOISY = ("azure", "azure.ai.ml", "azure.ai.ml._utils._experimental", "msrest", "urllib3")
"""With the parents alone it would go on: importing azure.ai.ml sets the level of its own logger back."""


class AzureClient:
    """One workspace. Nothing is asked of Azure before it is needed.

    Raises:
        UsageError: A setting that names the workspace is missing, or the Azure packages are.
    """

    def __init__(self, settings: Settings) -> None:
        missing = [name for field, name in _REQUIRED.items() if not getattr(settings, field)]
        if missing:
            raise UsageError(
                f"the azureml target needs {', '.join(missing)}",
                "Set them in .env or the environment; see .env.example.",
            )
        self.settings = settings
        self.subscription_id = str(settings.subscription_id)
        self.resource_group = str(settings.resource_group)
        self.workspace_name = str(settings.workspace_name)
        self._containers: dict[str, tuple[float, Any]] = {}

    @cached_property
    def credential(self) -> SignIn:
        """Who signs in."""
        return SignIn()

    @cached_property
    def ml(self) -> Any:
        """The SDK's client (azure.ai.ml.MLClient)."""
        quieten()
        try:
            with loading():
                from azure.ai.ml import MLClient
        except ImportError as error:
            raise missing_extra(error) from error
        with translating("connect to the workspace"):
            self.credential.get_token(SCOPE)  # first, so that a failure is told at once and in our words
            return MLClient(
                self.credential,
                self.subscription_id,
                self.resource_group,
                self.workspace_name,
                show_progress=True,  # else uploads of code swallow the failures of files; see `code_upload`
                enable_telemetry=False,
                **RETRIES,
            )

    @cached_property
    def workspace(self) -> Any:
        """The workspace's own description (azure.ai.ml.entities.Workspace)."""
        with translating(f"open workspace {self.workspace_name}"):
            return self.ml.workspaces.get(self.workspace_name)

    def sign_in(self) -> None:
        """Sign in now rather than with the first request.

        Raises:
            CredentialsError: No way worked.
        """
        self.credential.get_token(SCOPE)

    @property
    def workspace_id(self) -> str:
        """The workspace's path in Azure's resource manager."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace_name}"
        )

    @cached_property
    def datastore(self) -> str:
        """Name of the datastore that everything goes to."""
        if self.settings.datastore_name:
            return self.settings.datastore_name
        with translating("find the workspace's default datastore"):
            return str(self.ml.datastores.get_default().name)

    # --- run history ----------------------------------------------------------------------------------------------

    @cached_property
    def _api(self) -> str:
        """The address of the workspace's own services."""
        with translating("find the run history"):
            url = str(self.workspace.discovery_url)
        with http_client() as client:
            return str(send(client, "find the run history", "GET", url).json()["api"]).rstrip("/")

    @cached_property
    def http(self) -> Any:
        """Signed-in requests."""
        return http_client(self.credential)

    def history(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> Any:
        """Ask the run history, e.g. `runs/ID/details`.

        Returns:
            The answer's JSON.

        Raises:
            FlowerOpsError: See `errors.from_status`; BadInputError for an unknown run.
        """
        url = f"{self._api}/history/v1.0{self.workspace_id}/{path}"
        return send(self.http, "ask the run history", method, url, json=body).json()

    def recorded(self, run_id: str) -> Any:
        """What a run has told MLflow: its `params` and `metrics`, lists of `key` and `value`.

        Source: MLflow REST API, "Get Run"; the workspace knows runs by their own ids there.

        Raises:
            FlowerOpsError: See `errors.from_status`; BadInputError for a run that MLflow does not know.
        """
        url = f"{self._api}/mlflow/v1.0{self.workspace_id}/api/2.0/mlflow/runs/get?run_id={quote(run_id)}"
        return send(self.http, "read what a run recorded", "GET", url).json()["run"]["data"]

    def read_url(self, url: str, start: int = 0) -> bytes:
        """Bytes of a signed address from an offset on; empty where nothing is there (yet)."""
        from azure.core.rest import HttpRequest

        headers = {"Range": f"bytes={start}-", "x-ms-version": "2021-08-06"} if start else {}
        with translating("read a log"), http_client() as client:
            answer = client.send_request(HttpRequest("GET", url, headers=headers))
            if answer.status_code in (404, 416):
                return b""
            answer.raise_for_status()
            return bytes(answer.content)

    # --- storage --------------------------------------------------------------------------------------------------

    def container(self, datastore: str) -> Any:
        """The blob container behind a datastore (azure.storage.blob.ContainerClient).

        Signed access lives for an hour; it is asked for again before that.

        Raises:
            UsageError: The datastore is not one of blobs.
        """
        made, found = self._containers.get(datastore, (0.0, None))
        if found is None or time.monotonic() - made > _SAS_LIFETIME_S:
            with translating(f"open datastore {datastore}"):
                found = self._open_container(datastore)
            self._containers[datastore] = (time.monotonic(), found)
        return found

    def _open_container(self, datastore: str) -> Any:
        from azure.storage.blob import ContainerClient

        store = self.ml.datastores.get(datastore, include_secrets=True)
        if not hasattr(store, "container_name"):
            raise UsageError(f"datastore {datastore} holds no blobs", "Name a blob datastore with DATASTORE_NAME.")
        secret = getattr(store.credentials, "sas_token", None) or getattr(store.credentials, "account_key", None)
        url = f"{store.protocol or 'https'}://{store.account_name}.blob.{store.endpoint or 'core.windows.net'}"
        options = {**_STORAGE_RETRIES, "max_single_put_size": 8 * 1024 * 1024}
        options |= {"connection_timeout": 20, "read_timeout": 120}
        return ContainerClient(url, quote(store.container_name), credential=secret or self.credential, **options)

    def studio(self, run_id: str) -> str:
        """Where Azure ML studio shows a run."""
        tenant = os.environ.get("AZURE_TENANT_ID")
        query = f"?wsid={self.workspace_id}" + (f"&tid={tenant}" if tenant else "")
        return f"https://ml.azure.com/runs/{run_id}{query}"


def quieten() -> None:
    """What the SDK says of itself (experimental classes, tenants, telemetry) is nothing for our users."""
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    os.environ.setdefault("AZURE_ML_SDK_SILENCE_EXPERIMENTAL", "true")
    warnings.filterwarnings("ignore", module=r"azure\..*|marshmallow\..*|msrest\..*")


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Keep what the SDK prints by itself off both streams; not for threads, which share the streams."""
    if "absl.logging" in sys.modules:
        # The SDK imports MLflow when it reads a workspace; that closes all log handlers, and absl's (TensorFlow's)
        # closes its stream, too, unless that is sys.stderr right then. So MLflow has to come before the redirection.
        with contextlib.suppress(ImportError):
            importlib.import_module("mlflow")
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        yield
