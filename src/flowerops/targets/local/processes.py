"""Processes that outlive the command that started them."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flowerops.errors import UsageError
from flowerops.io.atomic import explain_os_error

_CLOCK_SLACK_S = 1.0
"""How far a process's start time may seem to move when the system's clock is set."""

_START_FIELD = 19
"""Of the fields behind the name in /proc/PID/stat."""

_MARKS_OF_JOBS = ("RUNNER_TRACKING_ID", "VSTS_PROCESS_LOOKUP_ID", "JENKINS_NODE_COOKIE")
"""By these variables the agents of GitHub, Azure DevOps and Jenkins know what a job has left behind, and end it.

Source: the sources of actions/runner and azure-pipelines-agent, "orphan processes"; of Jenkins, `ProcessTree`.
"""

_children: list[subprocess.Popen[bytes]] = []
"""What this process started; kept so that ended children are reaped and running ones are not taken for leaks."""


class StartedProcess(Protocol):
    """What tells one process from another: its pid, and its start time in seconds since 1970."""

    @property
    def pid(self) -> int:
        """Given out again after its end."""

    @property
    def started(self) -> float:
        """So this belongs to it."""


def start_daemon(
    module: str, arguments: Sequence[str], log: Path, extra_env: dict[str, str] | None = None
) -> tuple[int, float]:
    """Start `python -m module` in a session of its own, so that it survives this process, its terminal and Ctrl-C.

    It survives the job of a CI system, too: what is left behind by accident keeps the job's mark, this does not.

    Args:
        module: The module to run.
        arguments: Its arguments; absolute paths.
        log: Gets stdout and stderr.
        extra_env: Variables on top of this process's.

    Returns:
        pid, and start time in seconds since 1970.
    """
    # -P: the working folder, which may hold any file, must not be searched for modules.
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=log.parent,
                env=_environment() | (extra_env or {}),
                start_new_session=True,
            )
    except OSError as error:
        raise explain_os_error(error, log) from error
    _children.append(process)
    return process.pid, start_time(process.pid)


def start_time(pid: int) -> float:
    """When a living process began, in seconds since 1970.

    Raises:
        UsageError: A package is not installed.
    """
    return float(_psutil().Process(pid).create_time())


def boot_mark(pid: int) -> str | None:
    """What a living process keeps whatever becomes of the clock: the system's start, and the process's since then.

    None where the system does not say. Source: proc(5), `starttime` and `random/boot_id`.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{stat.rpartition(')')[2].split()[_START_FIELD]}"
    except (OSError, IndexError):
        return None


def is_alive(record: StartedProcess | None) -> bool:
    """Whether this very process still runs; another one that was given its pid does not count."""
    return _process(record) is not None


@dataclass(frozen=True)
class Daemon:
    """A running process of ours. `started` (s since 1970) tells its pid from the same pid given out again later."""

    pid: int
    started: float


def daemons_with(folder: Path) -> list[Daemon]:
    """The servers of this package that run with a file of that folder in their command line."""
    found = []
    for process in _psutil().process_iter(["cmdline", "create_time"]):
        words = process.info["cmdline"] or []
        ours = any(word.startswith("flowerops.serving.") for word in words)
        if ours and any(Path(word).parent == folder for word in words):
            found.append(Daemon(process.pid, float(process.info["create_time"])))
    return found


def send_signal(record: StartedProcess | None, name: str) -> None:
    """Send a signal by name (a no-op where the system has none of that name, or the process ended)."""
    process = _process(record)
    number = getattr(signal, name, None)
    if process is None or number is None:
        return
    try:
        process.send_signal(number)
    except _psutil().NoSuchProcess:
        return


def stop_all(records: Iterable[StartedProcess | None], grace_s: float) -> None:
    """End processes: ask all, wait for them together, and kill those that have not ended after `grace_s` seconds."""
    psutil = _psutil()
    processes = [process for process in map(_process, records) if process is not None]
    for process in processes:
        _quietly(process.terminate)
    _, stubborn = psutil.wait_procs(processes, timeout=grace_s)
    for process in stubborn:
        _quietly(process.kill)
    psutil.wait_procs(stubborn, timeout=grace_s)


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on the port of an address.

    Raises:
        UsageError: There is no such port, or this user may not listen on it.
    """
    if not 0 < port < 65536:
        raise UsageError(f"there is no port {port}", "Choose one from 1024 to 65535 with --port.")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise UsageError(f"not allowed to listen on port {port}", "Choose one above 1023 with --port.") from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise UsageError(
                f"cannot listen on {host}: {error.strerror}", "Name an address of this machine."
            ) from error
    return False


def _process(record: StartedProcess | None) -> Any:
    psutil = _psutil()
    if record is None:
        return None
    try:
        process = psutil.Process(record.pid)
        known, now = getattr(record, "mark", None), boot_mark(record.pid)
        if known is not None and now is not None:
            same = known == now
        else:
            same = abs(process.create_time() - record.started) <= _CLOCK_SLACK_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _quietly(end: Any) -> None:
    try:
        end()
    except _psutil().NoSuchProcess:
        return


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _MARKS_OF_JOBS}
    if search_path := inherited.get("PYTHONPATH"):
        # The daemon works in another folder, where relative entries would mean something else.
        inherited["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in search_path.split(os.pathsep))
    return inherited


def _psutil() -> Any:
    try:
        import psutil
    except ImportError as error:
        raise UsageError(
            "processes cannot be told apart: psutil is not installed",
            'Install it with: pip install "flowerops[local]"',
        ) from error
    return psutil
