"""The servers of deployments: the real inference server of Azure ML, each in a process group of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from azure_emulator import asset_forms, processes
from azure_emulator.answers import Json, RefusalError

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

# The server's own start script binds every address; under gunicorn its application binds loopback.
_APPLICATION = "azureml_inference_server_http.server.entry:app"
_CRASHED = (
    "User container has crashed or terminated. Please see troubleshooting guide, available here: "
    "https://aka.ms/oe-tsg#error-resourcenotready"
)


@dataclass
class Server:
    """One deployment's server; without a process it answers an echo."""

    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = None


class Servers:
    """The servers by endpoint and deployment."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._servers: dict[tuple[str, str], Server] = {}
        self._count = 0

    def find(self, endpoint: str, deployment: str) -> Server | None:
        return self._servers.get((endpoint.lower(), deployment.lower()))

    def log(self, endpoint: str, deployment: str) -> str:
        server = self.find(endpoint, deployment)
        return server.log.read_text(errors="replace") if server and server.log.exists() else ""

    def start(self, endpoint: str, deployment: str, properties: Json) -> dict[str, str]:
        """Start a deployment's server in place of the one before; gives the variables the service adds."""
        with self._lock:
            self._count += 1
            folder = self._cloud.folder / "deployments" / f"{endpoint}-{deployment}-{self._count}"
        variables = self._variables(folder, properties)
        python = self._cloud.serve_python
        server = Server(processes.free_port(), folder / "server.log")
        try:
            if python and properties.get("codeConfiguration"):
                server.process = self._launch(python, server, folder, properties, variables)
        finally:
            # Also one that died takes the place: its log is what a person reads then.
            self.stop(endpoint, deployment)
            self._servers[endpoint.lower(), deployment.lower()] = server
        return variables

    def _variables(self, folder: Path, properties: Json) -> dict[str, str]:
        """Fetch code and model to where the variables say they lie."""
        variables: dict[str, str] = {}
        code = properties.get("codeConfiguration")
        if code:
            address = self._asset("codes", code["codeId"])["properties"]["codeUri"]
            self._cloud.blobs.pull(self._cloud.blobs.place(address), folder / "app")
            variables |= {"AML_APP_ROOT": str(folder / "app"), "AZUREML_ENTRY_SCRIPT": code["scoringScript"]}
        if properties.get("model"):
            model = self._asset("models", properties["model"])
            place = self._cloud.blobs.place(model["properties"]["modelUri"])
            name = model["id"].split("/models/")[1].split("/")[0]
            directory = folder / "azureml-models" / name / model["name"]
            is_file = self._cloud.blobs.names(place) == [place.path]
            self._cloud.blobs.pull(place, directory if is_file else directory / place.path.rsplit("/", 1)[-1])
            variables["AZUREML_MODEL_DIR"] = str(directory)
        return variables

    def _asset(self, kind: str, reference: str) -> Json:
        key = asset_forms.asset_key(reference) or ""
        return self._cloud.state.get(key.replace("*", kind)) or {}

    def _launch(
        self, python: Path, server: Server, folder: Path, properties: Json, variables: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        threads = str(properties["requestSettings"]["maxConcurrentRequestsPerInstance"])
        command = [python, "-m", "gunicorn", "--bind", f"127.0.0.1:{server.port}", "--workers", "1"]
        command += ["--worker-class", "gthread", "--threads", threads, "--timeout", "60", _APPLICATION]
        environment = {
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONUNBUFFERED": "1",
            **properties["environmentVariables"],
            **variables,
        }
        process = processes.start([str(part) for part in command], server.log, environment, folder)
        try:
            processes.wait_until(lambda: processes.answers(server.port, "/"), process, server.log, "The deployment")
        except RuntimeError as error:
            raise RefusalError(400, "ResourceNotReady", f"{_CRASHED}\n{error}", top="ResourceNotReady") from error
        return process

    def stop(self, endpoint: str, deployment: str | None = None) -> None:
        """Stop one deployment's server, or all of an endpoint."""
        chosen = [key for key in self._servers if key[0] == endpoint.lower()]
        for key in chosen:
            if deployment is None or key[1] == deployment.lower():
                server = self._servers.pop(key)
                if server.process:
                    processes.stop(server.process)
                shutil.rmtree(server.log.parent, ignore_errors=True)

    def stop_all(self) -> None:
        for server in list(self._servers.values()):
            if server.process:
                processes.stop(server.process)
