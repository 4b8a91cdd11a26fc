"""MLflow's own page, for people who want to look at runs."""

from __future__ import annotations

import sys
from pathlib import Path


def ui_command(uri: str, artifacts: Path, port: int) -> tuple[list[str], dict[str, str]]:
    """The command line and environment of MLflow's page: one worker on loopback, no job runner, no telemetry."""
    address = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", uri, "--default-artifact-root", artifacts.resolve().as_uri()]
    env = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return [sys.executable, "-m", "mlflow", "server", *address, *store], env
