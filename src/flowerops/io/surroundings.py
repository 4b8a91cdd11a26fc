"""Facts about where the program runs: git commit, build, installed packages."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import platform
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from flowerops.domain.build import BuildInfo, CodeInfo, build_from_environment
from flowerops.io.parallel import usable_cores

_GIT_TIMEOUT_S = 10
_CPU_NAME = re.compile(r"^model name\s*:(.*)$", re.MULTILINE)
_NAMED_PACKAGES = ("flowerops", "tensorflow-cpu", "tensorflow", "keras", "ai-edge-litert", "numpy", "pillow", "mlflow")


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def unique_name() -> str:
    """A name that no other process of any machine gives, nor this one twice."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def code_info(folder: Path) -> CodeInfo:
    """The git commit of a folder's work tree, and a digest of what differs from it; empty outside of git."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return CodeInfo()
    status = _git(folder, "status", "--porcelain", "--untracked-files=normal") or ""
    if not status:
        return CodeInfo(commit=commit)
    difference = status + (_git(folder, "diff", "HEAD") or "")
    return CodeInfo(commit=commit, dirty=True, diff_digest=hashlib.sha256(difference.encode()).hexdigest())


def build_info(env: Mapping[str, str], build_id: str | None = None, build_uri: str | None = None) -> BuildInfo:
    """The build: as given, else the CI system's, else this person on this machine."""
    if build_id:
        return BuildInfo(kind="given", id=build_id, uri=build_uri)
    return build_from_environment(env) or BuildInfo(kind="laptop", id=f"{_user()}@{socket.gethostname()}")


def environment_info() -> dict[str, str]:
    """Python, platform, processor, the versions that decide about results, and a digest over all installed packages."""
    versions = _installed()
    listing = "\n".join(f"{name}=={version}" for name, version in sorted(versions.items()))
    named = {name: versions[name] for name in _NAMED_PACKAGES if name in versions}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": str(usable_cores()),
        **named,
        "packages_digest": hashlib.sha256(listing.encode()).hexdigest(),
    }


def _cpu() -> str:
    """The processor's name: what it can do decides about the last bits of a result."""
    with contextlib.suppress(OSError):
        names = _CPU_NAME.findall(Path("/proc/cpuinfo").read_text(errors="replace"))
        if names:
            return str(names[0]).strip()
    return platform.processor() or platform.machine()


def _installed() -> dict[str, str]:
    """Versions by package, from the names of the metadata folders: reading what is in them takes half a second.

    Source: Python Packaging User Guide, "Recording installed projects".
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        for path in Path(folder or ".").glob("*.dist-info"):
            name, _, version = path.stem.rpartition("-")
            found.setdefault(name.lower().replace("_", "-"), version)
    return found


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
