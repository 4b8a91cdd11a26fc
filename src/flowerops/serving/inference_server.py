"""Run the inference server of a managed online endpoint on this machine, with the very code that a deployment gets.

The server (azureml-inference-server-http) pins packages that do not go together with ours, so it runs in an environment
of its own, made from locks/azure-serve.txt.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowerops.errors import RemoteError, UsageError
from flowerops.io.http import NoAnswerError, send
from flowerops.serving.azureml_entry import (
    DIGEST_VARIABLE,
    MODEL_DIR_VARIABLE,
    NAME_VARIABLE,
    VERSION_VARIABLE,
    WORKERS_VARIABLE,
)
from flowerops.serving.snapshot import ENTRY_FILE

_APP = "azureml_inference_server_http.server.entry:app"
_OPTIONS = ("--timeout", "300", "--no-control-socket")
_LISTENING = re.compile(r"Listening at: (http://127\.0\.0\.1:\d+)")
_POLL_S = 0.05
_GRACE_S = 10.0
_LOG_LINES = 60


@dataclass(frozen=True)
class PreviewedModel:
    """What is served: the folder below which its bundle lies, its name and version, and its bundle's digest."""

    folder: Path
    name: str
    version: int
    digest: str

    @property
    def variables(self) -> dict[str, str]:
        """What the scoring script reads of its environment."""
        return {
            NAME_VARIABLE: self.name,
            VERSION_VARIABLE: str(self.version),
            DIGEST_VARIABLE: self.digest,
        }


@contextlib.contextmanager
def inference_server(
    python: Path, code: Path, model: PreviewedModel, log: Path, ready_timeout_s: float = 120.0
) -> Iterator[str]:
    """Serve a model for the time of the block, on a free port of 127.0.0.1.

    Args:
        python: The interpreter of the server's environment.
        code: What `serving_snapshot` wrote.
        model: What to serve.
        log: Gets everything that the server says.
        ready_timeout_s: How long it may take to load the model.

    Yields:
        The server's url; scores are asked from its /score.

    Raises:
        UsageError: The environment is missing or incomplete.
        RemoteError: The server ended or was not ready in time; the details have its last log lines.
    """
    check_python(python)
    command = [str(python.absolute()), "-m", "gunicorn", "-b", "127.0.0.1:0", "-w", "1", *_OPTIONS, _APP]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, cwd=code, env=_environment(code, model)
        )
    try:
        yield _ready(process, log, time.monotonic() + ready_timeout_s)
    finally:
        _end(process)


def check_python(python: Path) -> None:
    """Make sure that there is an interpreter with the inference server.

    Raises:
        UsageError: There is none.
    """
    hint = "Make it with: make serve-env (in a checkout), and name its interpreter with --serve-python."
    if not python.is_file():
        raise UsageError(f"no environment of the Azure ML inference server: {python} is not there", hint)
    probe = "import gunicorn, azureml_inference_server_http, ai_edge_litert, PIL, python_multipart"
    done = subprocess.run([str(python.absolute()), "-I", "-c", probe], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise UsageError(f"{python} cannot run the Azure ML inference server: {said[-1] if said else 'it fails'}", hint)


def _environment(code: Path, model: PreviewedModel) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AML_", "AZUREML_"))}
    return kept | {
        "AML_APP_ROOT": str(code.absolute()),
        "AZUREML_ENTRY_SCRIPT": ENTRY_FILE,
        MODEL_DIR_VARIABLE: str(model.folder.absolute()),
        WORKERS_VARIABLE: "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **model.variables,
    }


def _ready(process: subprocess.Popen[bytes], log: Path, ends: float) -> str:
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise _failed("the inference server ended before it was ready", log)
        text = log.read_text(encoding="utf-8", errors="replace")
        found = _LISTENING.search(text)
        if found and _answers(found[1]):
            return found[1]
        time.sleep(_POLL_S)
    raise _failed("the inference server was not ready in time", log)


def _answers(url: str) -> bool:
    try:
        return send("GET", url + "/", timeout_s=2.0).status == 200
    except NoAnswerError:
        return False


def _failed(message: str, log: Path) -> RemoteError:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = next((line for line in reversed(lines) if '"event": "failed"' in line), None)
    reason = re.search(r'"message": "([^"]*)"', said) if said else None
    more = f": {reason[1]}" if reason else ""
    return RemoteError(f"{message}{more}", "Its last lines are in the details (--json).", {"log": lines[-_LOG_LINES:]})


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
