"""Build an image with the container engine of this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from flowerops.errors import RemoteError, UsageError

_ENGINES = ("docker", "podman")
_TAG = re.compile(r"[a-z0-9][a-z0-9._/:@-]*")
_LINES = 20


def find_engine() -> str:
    """The command of an engine.

    Raises:
        UsageError: There is none.
    """
    found = next(filter(None, map(shutil.which, _ENGINES)), None)
    if found is None:
        raise UsageError(
            f"no container engine: neither {' nor '.join(_ENGINES)} is on the PATH",
            "Leave out --build, and build the folder where there is one.",
        )
    return found


def check_tag(tag: str) -> str:
    """Give a tag back that can name an image.

    Raises:
        UsageError: It cannot.
    """
    if not _TAG.fullmatch(tag):
        raise UsageError(f"{tag!r} cannot name an image", "For example: --build flowers:1")
    return tag


def build_image(engine: str, tag: str, folder: Path, say: Callable[[str], None]) -> None:
    """Build a folder's Dockerfile.

    Args:
        engine: What `find_engine` gave.
        tag: The image's name.
        folder: The build context.
        say: Gets each line that the engine writes.

    Raises:
        RemoteError: It failed; the details have its last lines.
    """
    command = [engine, "build", "-t", tag, str(folder)]
    lines: list[str] = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            say(lines[-1])
    if process.returncode:
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        raise RemoteError(
            f"{Path(engine).name} could not build the image: {last}",
            f"The folder {folder} is complete; build it where the engine works.",
            {"log": lines[-_LINES:]},
        )
