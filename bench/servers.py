"""The servers that are compared: how each is started with a bundle, and what a request for a photo looks like.

The others run in `.venv-bench`, an environment of their own that is made from bench/servers.txt; MLflow is in ours.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.load import Client
from flowerops.io.parallel import usable_cores

ROOT = Path(__file__).resolve().parent.parent
OTHERS = ROOT / "bench" / "other_servers"
_VENV = ROOT / ".venv-bench"
_LOCK = ROOT / "bench" / "servers.txt"
_PATIENCE_S = 180.0


@dataclass(frozen=True)
class Contender:
    """A server. command: of a port. request: the bytes that ask for a photo's scores. note: how it is set up."""

    name: str
    command: Callable[[int], Sequence[str]]
    request: Callable[[bytes], bytes]
    note: str
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Running:
    """A server that answered once. ready_s: from its start to that answer."""

    port: int
    process: psutil.Process
    ready_s: float

    def rss(self) -> int:
        """Bytes in memory of the process and all below it."""
        total = 0
        for one in [self.process, *self.process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += one.memory_info().rss
        return total


def environment() -> Path:
    """The interpreter of the others' environment; it is made when it is missing or its lock has changed."""
    python, stamp = _VENV / "bin/python", _VENV / ".made"
    if not stamp.exists() or stamp.stat().st_mtime < _LOCK.stat().st_mtime:
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(_VENV)], check=True)
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run([*install, "--require-hashes", "-r", str(_LOCK)], check=True, env=env)
        stamp.touch()
    return python


def contenders(bundle: Path, scratch: Path) -> list[Contender]:
    """Ours first, then the others."""
    other, workers = str(environment()), str(usable_cores())
    shown = {"MODEL_DIR": str(bundle), "PYTHONPATH": str(OTHERS)}
    model = _mlflow_model(scratch, shown)
    served = [sys.executable, "-P", "-m", "flowerops.serving.server", "--bundle", str(bundle)]
    served += ["--model-name", "flowers", "--model-version", "1", "--port"]
    gunicorn = [other, "-m", "gunicorn", "-w", workers, "--timeout", "300", "--no-control-socket", "-b"]
    azureml = "azureml_inference_server_http.server.entry:app"
    entry = {"AML_APP_ROOT": str(OTHERS), "AZUREML_ENTRY_SCRIPT": "azureml_score.py", "WORKER_COUNT": workers}
    mlflow = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local"]
    mlflow += ["--workers", workers, "--host", "127.0.0.1", "--port"]
    lit = [other, str(OTHERS / "lit_server.py")]
    return [
        Contender("flowerops", lambda port: [*served, str(port)], _raw, "LiteRT", {}),
        Contender("flowerops, int8", lambda port: [*served, str(port), "--quantized"], _raw, "LiteRT, int8", {}),
        Contender(
            "azureml-inference-server-http",
            lambda port: [*gunicorn, f"127.0.0.1:{port}", azureml],
            _raw,
            f"Keras score.py, {workers} workers",
            shown | entry,
        ),
        Contender("MLflow", lambda port: [*mlflow, str(port)], _frame, f"Keras pyfunc, {workers} workers", shown),
        Contender("LitServe", lambda port: [*lit, str(port), workers], _encoded, f"LiteRT, {workers} workers", shown),
    ]


@contextlib.contextmanager
def running(contender: Contender, photo: bytes, log: Path) -> Iterator[Running]:
    """Start a server and wait for its first good answer; it is ended with all its processes after the block."""
    port = _free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AML_", "AZUREML_"))}
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )  # MLflow starts uvicorn by name
    began = time.perf_counter()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*contender.command(port)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=kept | {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path} | dict(contender.variables),
            cwd=log.parent,
        )
    tree = psutil.Process(process.pid)
    try:
        _await_answer(process, port, contender.request(photo), log)
        yield Running(port, tree, time.perf_counter() - began)
    finally:
        _end(process, tree)


def _await_answer(process: subprocess.Popen[bytes], port: int, request: bytes, log: Path) -> None:
    ends = time.monotonic() + _PATIENCE_S
    while time.monotonic() < ends and process.poll() is None:
        client, status = Client(port), 0
        with contextlib.suppress(OSError):
            status = client.ask(request)[0]
        client.close()
        if status == 200:
            return
        if 400 <= status < 500 and status != 429:  # it will not change its mind
            break
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not answer:\n{log.read_text(errors='replace')[-3000:]}")


def _end(process: subprocess.Popen[bytes], tree: psutil.Process) -> None:
    family = []
    with contextlib.suppress(psutil.Error):
        family = tree.children(recursive=True)
    process.terminate()
    _, left = psutil.wait_procs([tree, *family], timeout=10)
    for one in left:
        with contextlib.suppress(psutil.Error):
            one.kill()
    process.wait()


def _raw(photo: bytes) -> bytes:
    return _post("/score", "image/jpeg", photo)


def _encoded(photo: bytes) -> bytes:
    return _post("/predict", "application/json", json.dumps({"image": base64.b64encode(photo).decode()}).encode())


def _frame(photo: bytes) -> bytes:
    frame = {"dataframe_split": {"columns": ["image"], "data": [[base64.b64encode(photo).decode()]]}}
    return _post("/invocations", "application/json", json.dumps(frame).encode())


def _post(path: str, media_type: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _mlflow_model(scratch: Path, variables: Mapping[str, str]) -> Path:
    folder = scratch / "mlflow-model"
    save = "import sys, mlflow; mlflow.pyfunc.save_model(sys.argv[1], python_model=sys.argv[2], pip_requirements=[])"
    command = [sys.executable, "-c", save, str(folder), str(OTHERS / "mlflow_model.py")]
    subprocess.run(command, check=True, env={**os.environ, **variables}, capture_output=True, cwd=scratch)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
