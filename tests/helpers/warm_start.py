"""A process that has everything imported and forks for each command line: the tests run hundreds of them.

What runs is the same `main` in a process of its own, with its own environment, folder and streams; only the seconds of
importing MLflow and the SDK are saved. `COLD_START=1` switches it off.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

_TESTS = Path(__file__).parents[1]
_BUSY = 64
_COLD = ("PYTHON", "COLUMNS", "LINES", "TERM", "NO_COLOR", "FORCE_COLOR", "LC_", "LANG", "TZ", "LD_", "HOME", "MLFLOW_")
"""Variables that are read while something is imported, or before."""


def suits(env: dict[str, str]) -> bool:
    """Whether a command with these variables besides its usual ones does the same when it is started warm."""
    return not any(name.startswith(_COLD) for name in env) and "COLD_START" not in os.environ


_SHIM = """#!{python} -IS
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from helpers import warm_start
code, out, err = warm_start.run(sys.argv[1:], Path.cwd(), dict(os.environ), 3600, Path({server!r}))
for stream, text in ((sys.stdout, out), (sys.stderr, err)):
    stream.buffer.write(text)
    stream.flush()
sys.exit(code)
"""


def shim(folder: Path) -> Path:
    """A folder for the PATH of scripts, whose program `flowerops` is started warm, by this process's server."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "flowerops"
    program.write_text(_SHIM.format(python=sys.executable, tests=str(_TESTS), server=str(_server())))
    program.chmod(0o755)
    return folder


def run(
    arguments: Sequence[str], cwd: Path, env: dict[str, str], timeout_s: float, server: Path | None = None
) -> tuple[int, bytes, bytes]:
    """Run a command line; gives its exit code and what it wrote to both streams.

    Args:
        arguments: Its own.
        cwd: Where it runs.
        env: All its variables.
        timeout_s: After which it is killed.
        server: Address of another process's server; None takes this process's own.

    Raises:
        subprocess.TimeoutExpired: It did not end in time, and was killed.
    """
    request = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": env}).encode("utf-8", "surrogatepass")
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server or _server()))
        socket.send_fds(connection, [len(request).to_bytes(8, "big")], [out.fileno(), err.fileno()])
        connection.sendall(request)
        answers = connection.makefile("rb")
        pid = int(answers.readline())
        connection.settimeout(timeout_s)
        try:
            code = int(answers.readline())
        except TimeoutError as error:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(arguments), timeout_s) from error
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read()


_starting = threading.Lock()


def _server() -> Path:
    with _starting:
        return _started(os.getpid())


@functools.cache
def _started(owner: int) -> Path:
    """The address of this process's server; it ends with this process, whose end closes its stdin."""
    del owner
    address = Path(tempfile.mkdtemp(prefix="warm-")) / "socket"
    server = subprocess.Popen(
        [sys.executable, "-m", "helpers.warm_start", str(address)],
        cwd=_TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    return address


def _serve(address: str) -> None:
    _import_everything()
    assert threading.active_count() == 1, "a fork takes only one thread along"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the attendants
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(_BUSY)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _attend(connection)
            return  # in the command's own process, which ends as every process does
        connection.close()


def _attend(connection: socket.socket) -> None:
    """Fork the command and wait for it; returns, in the command's process only, after `main` raised SystemExit."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(connection, 8, 2)
    request = json.loads(_exactly(connection, int.from_bytes(head, "big")).decode("utf-8", "surrogatepass"))
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(request, streams)
        return
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(request: dict, streams: list[int]) -> None:  # type: ignore[type-arg]
    from flowerops.cli.app import main

    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in enumerate([nothing, *streams]):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["flowerops", *request["arguments"]]
    main()


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += connection.recv(count - len(data))
    return data


def _import_everything() -> None:
    """What commands import lazily, but nothing that starts threads, as TensorFlow does."""
    import importlib
    import pkgutil

    from flowerops.io.loading import loading
    from flowerops.tracking import Ledger

    with loading():
        for package in ("cli", "services", "targets", "datasets", "domain", "images", "io", "reports", "samples"):
            found = importlib.import_module(f"flowerops.{package}")
            for module in pkgutil.walk_packages(found.__path__, f"{found.__name__}."):
                importlib.import_module(module.name)
        for name in ("azure.ai.ml", "azure.identity", "azure.storage.blob"):
            importlib.import_module(name)
    with tempfile.TemporaryDirectory() as scratch:  # MLflow imports what it needs when it is first used
        Ledger.open_sqlite(Path(scratch) / "mlflow.db")


if __name__ == "__main__":
    _serve(sys.argv[1])
