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
from flowerops.targets.azureml.errors import from_status, missing_extra, translating

MANAGEMENT = "https://management.azure.com"
_SCOPE = f"{MANAGEMENT}/.default"
_RETRIES: dict[str, Any] = {"retry_total": 4, "retry_backoff_factor": 0.5, "retry_backoff_max": 20}
"""Waits of 0.5, 1, 2 and 4 s, or what Retry-After says; both the SDK and our own calls keep to it."""
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
            self.credential.get_token(_SCOPE)  # first, so that a failure is told at once and in our words
            return MLClient(
                self.credential,
                self.subscription_id,
                self.resource_group,
                self.workspace_name,
                show_progress=True,  # else uploads of code swallow the failures of files; see `code_upload`
                enable_telemetry=False,
                **_RETRIES,
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
        self.credential.get_token(_SCOPE)

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
            return self._discover()

    @cached_property
    def http(self) -> Any:
        """Signed-in requests for what the SDK has no method for (azure.core.PipelineClient)."""
        from azure.core import PipelineClient
        from azure.core.pipeline import policies

        return PipelineClient(
            base_url="",
            policies=[
                policies.HeadersPolicy({"Accept": "application/json"}),
                policies.UserAgentPolicy("flowerops"),
                policies.RetryPolicy(**_RETRIES),
                policies.BearerTokenCredentialPolicy(self.credential, _SCOPE),
            ],
        )

    def _discover(self) -> str:
        from azure.core import PipelineClient
        from azure.core.pipeline import policies
        from azure.core.rest import HttpRequest

        url = str(self.workspace.discovery_url)
        client: Any = PipelineClient(base_url=url, policies=[policies.RetryPolicy(**_RETRIES)])
        with client:
            answer = client.send_request(HttpRequest("GET", url))
            answer.raise_for_status()
            return str(answer.json()["api"]).rstrip("/")

    def history(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> Any:
        """Ask the run history, e.g. `runs/ID/details`.

        Returns:
            The answer's JSON.

        Raises:
            FlowerOpsError: See `errors.from_status`; BadInputError for an unknown run.
        """
        from azure.core.rest import HttpRequest

        what = "ask the run history"
        with translating(what):
            url = f"{self._api}/history/v1.0{self.workspace_id}/{path}"
            answer = self.http.send_request(HttpRequest(method, url, json=body))
            if answer.status_code >= 400:
                raise from_status(answer.status_code, said_by(answer), what)
            return answer.json()

    def read_url(self, url: str, start: int = 0) -> bytes:
        """Bytes of a signed address from an offset on; empty where nothing is there (yet)."""
        from azure.core import PipelineClient
        from azure.core.pipeline import policies
        from azure.core.rest import HttpRequest

        headers = {"Range": f"bytes={start}-", "x-ms-version": "2021-08-06"} if start else {}
        client: Any = PipelineClient(base_url="", policies=[policies.RetryPolicy(**_RETRIES)])
        with translating("read a log"), client:
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


def said_by(answer: Any) -> str:
    """The message of a refusal."""
    try:
        error = answer.json()["error"]
        details = error.get("details") or [{}]
        return str(details[0].get("message") or error.get("message"))
    except Exception:  # no JSON, or another form of it
        return f"status {answer.status_code}"
