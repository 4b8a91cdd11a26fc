"""Starts and stops the emulator."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from azure_emulator import azurite, names, processes, schedules
from azure_emulator.app import App
from azure_emulator.blobs import ARTIFACTS, Blobs, Place
from azure_emulator.certificates import make_certificates
from azure_emulator.cloud import Cloud
from azure_emulator.faults import Fault, Faults, JobFault
from azure_emulator.mlflow_server import MlflowServer
from azure_emulator.operations import Operations
from azure_emulator.proxy import Proxy
from azure_emulator.runs import Run


@dataclass
class Emulator:
    """A running emulator; `cloud` holds its parts."""

    cloud: Cloud

    def environment(self) -> dict[str, str]:
        """The variables with which an unmodified program finds the emulated Azure under the real host names."""
        return {
            **self.cloud.network_environment(),
            "AZURE_TENANT_ID": names.TENANT,
            "AZURE_CLIENT_ID": names.CLIENT,
            "AZURE_CLIENT_SECRET": names.CLIENT_SECRET,
            "SUBSCRIPTION_ID": names.SUBSCRIPTION,
            "RESOURCE_GROUP": names.GROUP,
            "WORKSPACE_NAME": names.WORKSPACE,
        }

    @contextlib.contextmanager
    def here(self) -> Iterator[None]:
        """Let this process itself see the emulated Azure."""
        before = dict(os.environ)
        os.environ.update(self.environment())
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def switch_on(self, *faults: Fault | JobFault) -> None:
        """Switch faults on; see `faults`."""
        self.cloud.faults.add(*faults)
        if self.cloud.faults.concern_blobs():
            self.cloud.proxy.break_blob_connections()

    def switch_off(self) -> None:
        self.cloud.faults.clear()

    def trigger_schedule(self, name: str) -> str:
        """Run a schedule's job now; gives the job's name."""
        return schedules.trigger(self.cloud, name)

    def run(self, identifier: str) -> Run:
        return self.cloud.state.runs[identifier]

    def steps(self, job: str) -> dict[str, Run]:
        """The runs of a pipeline job's steps by the names of their nodes."""
        return {run.node or "": run for run in list(self.cloud.state.runs.values()) if run.parent == job}

    def logs(self, run: Run) -> dict[str, str]:
        """What a step's processes wrote, by the names of their logs."""
        place = f"ExperimentRun/dcid.{run.identifier}/"
        return {name: self.cloud.blobs.read(Place(ARTIFACTS, place + name)).decode() for name in run.logs}

    def wait(self, job: str, seconds: float = 120) -> Run:
        """Wait until a job ended."""
        assert self.run(job).ended.wait(seconds), f"{job} still {self.run(job).status} after {seconds:g} s"
        return self.run(job)


def serve_python() -> Path | None:
    """The Python that `make serve-env` installs the scoring server for."""
    python = azurite.ROOT / ".venv-serve" / "bin" / "python"
    return python if python.with_name("gunicorn").exists() else None


@contextlib.contextmanager
def running_emulator(
    folder: Path, *, exact: bool = False, mlflow: bool = True, serve_python: Path | None = None
) -> Iterator[Emulator]:
    """Run Azurite, the service and the proxy on free ports of loopback.

    `exact` leaves out the short poll interval the tests are spared with; `mlflow` gives jobs a real MLflow server;
    `serve_python` is the Python of the environment that can serve deployments (without it they answer an echo).
    """
    certificates = make_certificates(folder / "certificates")
    with contextlib.ExitStack() as stack:
        blob_port = stack.enter_context(azurite.running_azurite(folder / "blobs", certificates))
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        faults = Faults(folder / "faults.json")
        proxy = Proxy(port, blob_port, faults.concern_blobs)
        blobs = Blobs(blob_port, certificates.authority)
        server = MlflowServer(folder / "mlflow", dict(os.environ)) if mlflow else None
        operations = Operations(exact=exact)
        cloud = Cloud(folder, port, blob_port, certificates, blobs, faults, operations, proxy, serve_python, server)
        stack.enter_context(_serving(cloud, listener))
        if server:
            stack.callback(server.stop)
        stack.callback(cloud.servers.stop_all)
        stack.callback(cloud.runner.stop)
        yield Emulator(cloud)


@contextlib.contextmanager
def _serving(cloud: Cloud, listener: socket.socket) -> Iterator[None]:
    """The service and the proxy, in one thread."""
    config = uvicorn.Config(
        App(cloud),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        ssl_certfile=cloud.certificates.chain,
        ssl_keyfile=cloud.certificates.key,
        timeout_keep_alive=60,
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        await cloud.proxy.start()
        await server.serve(sockets=[listener])
        await cloud.proxy.stop()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="emulator", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not (server.started and processes.listens(cloud.proxy.port)):
            assert thread.is_alive(), "the emulator did not start"
            assert time.monotonic() < deadline, "the emulator did not start"
            time.sleep(0.02)
        yield
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
