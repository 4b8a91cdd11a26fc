"""A real MLflow server, started when the first job needs it; every run of a job is a run there, steps within it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from azure_emulator import processes
from azure_emulator.answers import Json
from azure_emulator.runs import Run

_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED"}
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class MlflowServer:
    """The server and the runs in it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._runs: dict[str, Run] = {}

    @property
    def url(self) -> str:
        """Its address; starts it when it does not run yet."""
        with self._lock:
            if self._process is None:
                self._start()
        return f"http://127.0.0.1:{self._port}"

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._port, log = processes.free_port(), self._folder / "server.log"
        store = f"sqlite:///{self._folder / 'mlflow.db'}"
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--workers", "1"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        command += ["--host", "127.0.0.1", "--port", str(self._port)]
        environment = {**self._environment, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self._process = processes.start(command, log, environment)
        processes.wait_until(self._healthy, self._process, log, "The MLflow server", 120)

    def _healthy(self) -> bool:
        try:
            with _DIRECT.open(f"http://127.0.0.1:{self._port}/health", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def call(self, method: str, path: str, body: Json | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        address = f"{self.url}/api/2.0/mlflow/{path}"
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
        with _DIRECT.open(request, timeout=30) as reply:
            return json.loads(reply.read() or b"{}")

    def _experiment(self, name: str) -> str:
        try:
            return str(self.call("POST", "experiments/create", {"name": name})["experiment_id"])
        except urllib.error.HTTPError:
            query = urllib.parse.quote(name)
            found = self.call("GET", f"experiments/get-by-name?experiment_name={query}")
            return str(found["experiment"]["experiment_id"])

    def begin(self, run: Run) -> None:
        tags = [{"key": "azureml.runId", "value": run.identifier}, {"key": "mlflow.rootRunId", "value": run.root}]
        parent = self._runs.get(run.parent or "")
        if parent and parent.mlflow_run:
            tags.append({"key": "mlflow.parentRunId", "value": parent.mlflow_run})
        run.mlflow_experiment = self._experiment(run.experiment)
        sent = {"experiment_id": run.mlflow_experiment, "run_name": run.display_name, "tags": tags}
        created = self.call("POST", "runs/create", {**sent, "start_time": int(time.time() * 1000)})
        run.mlflow_run = created["run"]["info"]["run_id"]
        self._runs[run.identifier] = run

    def end(self, run: Run, status: str) -> None:
        if run.mlflow_run:
            sent = {"run_id": run.mlflow_run, "status": _STATUS[status], "end_time": int(time.time() * 1000)}
            self.call("POST", "runs/update", sent)

    def variables(self, run: Run) -> dict[str, str]:
        return {
            "MLFLOW_TRACKING_URI": self.url,
            "MLFLOW_RUN_ID": run.mlflow_run or "",
            "MLFLOW_EXPERIMENT_ID": run.mlflow_experiment or "",
            "MLFLOW_EXPERIMENT_NAME": run.experiment,
        }

    def stop(self) -> None:
        if self._process:
            processes.stop(self._process)
