"""Everything the handlers share."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from azure_emulator import asset_forms
from azure_emulator.answers import Json, RefusalError
from azure_emulator.blobs import Blobs
from azure_emulator.certificates import Certificates
from azure_emulator.faults import Faults
from azure_emulator.mlflow_server import MlflowServer
from azure_emulator.operations import Operations
from azure_emulator.proxy import Proxy
from azure_emulator.routing import Call
from azure_emulator.runner import Runner
from azure_emulator.scoring_servers import Servers
from azure_emulator.state import State, key_of
from azure_emulator.subscription import COMPUTE_OPERATOR, DATA_SCIENTIST, QUOTA


class Request(NamedTuple):
    """A request that was answered (those to the blobs go past the app)."""

    method: str
    host: str
    path: str
    status: int
    body: bytes


@dataclass
class Cloud:
    """The emulated Azure: one workspace, one storage account, one identity."""

    folder: Path
    port: int
    blob_port: int
    certificates: Certificates
    blobs: Blobs
    faults: Faults
    operations: Operations
    proxy: Proxy
    serve_python: Path | None = None
    mlflow: MlflowServer | None = None
    state: State = field(default_factory=State)
    requests: deque[Request] = field(default_factory=lambda: deque(maxlen=10_000))
    permissions: list[Json] = field(default_factory=lambda: [DATA_SCIENTIST, COMPUTE_OPERATOR])
    quota: dict[str, int] = field(default_factory=lambda: dict(QUOTA))
    runner: Runner = field(init=False)
    servers: Servers = field(init=False)

    def __post_init__(self) -> None:
        self.runner = Runner(self)
        self.servers = Servers(self)

    def note(self, call: Call, status: int) -> None:
        """Remember a request for tests that count them; the status of a broken connection is 0."""
        self.requests.append(Request(call.method, call.host, call.path, status, call.raw))

    def network_environment(self) -> dict[str, str]:
        """What leads a process's requests to Azure here, and nowhere else."""
        authority, proxy = str(self.certificates.authority), f"http://127.0.0.1:{self.proxy.port}"
        names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
        local = "127.0.0.1,localhost"
        return {
            **dict.fromkeys(names, authority),
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), local),
        }

    def address_of(self, reference: str) -> str:
        """Where an input lies that names an asset, a job's output or a datastore's path."""
        if reference.startswith("azureml://jobs/"):
            return asset_forms.long_uri(self, reference)
        key = asset_forms.asset_key(reference) if "://datastores/" not in reference else None
        if key is None:
            return reference
        for kind in ("data", "models") if key.startswith("*") else ("",):
            found = self.state.get(key.replace("*", kind))
            if found:
                return str(found["properties"].get("dataUri") or found["properties"]["modelUri"])
        raise RefusalError(404, "DataVersionNotFound", f"Asset {reference} was not found.")

    def output_address(self, job: str, output: str, path: str) -> str:
        """Where `azureml://jobs/JOB/outputs/OUTPUT/paths/PATH` lies."""
        run = self.state.runs.get(job)
        if run is None:
            raise RefusalError(400, "JobNotFound", f"Job {job} was not found.")
        if output in ("artifacts", "default"):
            folder = f"azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{job}/{path}"
            return asset_forms.long_uri(self, folder)
        if output not in run.outputs:
            raise RefusalError(400, "JobOutputNotFound", f"Job {job} has no output {output}.")
        asset = self.state.get(key_of(run.outputs[output]["assetId"])) or {}
        address = str(asset["properties"].get("dataUri") or asset["properties"]["modelUri"])
        return f"{address.rstrip('/')}/{path}" if path else address
