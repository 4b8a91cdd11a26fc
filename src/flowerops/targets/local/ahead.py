"""A process for a step that comes soon: it loads what the step needs while others still work for it.

TensorFlow and MLflow take seconds to load. `flowerops.cli.ahead` does that, and then waits for its command line.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from flowerops.io.parallel import usable_cores

_waiting: dict[str, subprocess.Popen[str]] = {}


@contextlib.contextmanager
def expecting(step: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Have a process ready for the first step of this name in the block; it ends with the block when none comes.

    Where there is one core nothing is gained, and nothing is done.

    Args:
        step: Its name.
        environment: All variables that it may see; the step can be given more.
    """
    if usable_cores() < 2 or step in _waiting:
        yield
        return
    command = [sys.executable, "-m", "flowerops.cli.ahead", "step", step]
    pipes = subprocess.PIPE
    child = subprocess.Popen(command, stdin=pipes, stdout=pipes, env=dict(environment), text=True)
    _waiting[step] = child
    try:
        yield
    finally:
        if _waiting.pop(step, None) is not None:
            with child:  # which closes the pipes, and waits
                child.kill()


def begin(
    step: str, command: Sequence[str], environment: Mapping[str, str], more: Mapping[str, str]
) -> subprocess.Popen[str]:
    """Start a step in the process that waits for it, if there is one, else in a new one; its output is piped.

    Args:
        step: Its name.
        command: Python, "-m", "flowerops" and the arguments.
        environment: What `expecting` was given, or would have been.
        more: Variables besides.
    """
    child = _waiting.pop(step, None)
    if child is not None and child.stdin is not None:
        with contextlib.suppress(OSError):  # it may have ended, and then another one begins
            child.stdin.write(json.dumps({"arguments": list(command[3:]), "environment": dict(more)}) + "\n")
            child.stdin.close()
            child.stdin = None
            return child
        with child:
            child.kill()
    return subprocess.Popen(command, stdout=subprocess.PIPE, env={**environment, **more}, text=True)
