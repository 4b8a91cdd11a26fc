"""Loaded by Python at start-up: counts changes below KILL_ROOT; at number KILL_AT the process gets KILL_SIGNAL."""

import itertools
import os
import signal
import sys

_ROOT = os.environ["KILL_ROOT"]
_AT = int(os.environ["KILL_AT"])
_SIGNAL = signal.Signals[os.environ.get("KILL_SIGNAL", "SIGKILL")]
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_counter = itertools.count(1)


def _changes(event: str, arguments: tuple) -> bool:  # type: ignore[type-arg]
    if event == "open":
        path, _, flags = arguments
        return isinstance(path, str | bytes) and bool((flags or 0) & _WRITES) and _below(path)
    if event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"):
        return _below(arguments[0])
    return False


def _below(path: object) -> bool:
    try:
        return os.path.abspath(os.fsdecode(path)).startswith(_ROOT)  # type: ignore[arg-type]
    except TypeError:
        return False


def _watch(event: str, arguments: tuple) -> None:  # type: ignore[type-arg]
    if _changes(event, arguments) and next(_counter) == _AT:
        os.kill(os.getpid(), _SIGNAL)


sys.addaudithook(_watch)
