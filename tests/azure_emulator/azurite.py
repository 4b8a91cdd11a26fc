"""Azurite, the storage emulator of Microsoft, from npm; the Makefile holds its version and installs it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from azure_emulator import processes
from azure_emulator.certificates import Certificates
from azure_emulator.names import ACCOUNT, ACCOUNT_KEY

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".azurite" / "node_modules" / ".bin" / "azurite-blob"
HOW_TO = (
    "the tests of the Azure target need Node.js 20 or later and Azurite: install nodejs and npm "
    "(Debian: apt-get install nodejs npm), then run `make azurite`"
)


def missing() -> str | None:
    """What to tell the person where Azurite cannot run; None where it can."""
    return None if shutil.which("node") and PROGRAM.exists() else HOW_TO


def require() -> None:
    """Install Azurite if that is all that lacks; skip the test without Node.js, but fail in CI."""
    if missing() and shutil.which("npm") and shutil.which("make"):
        subprocess.run(["make", "--silent", "azurite"], cwd=ROOT, check=False, timeout=300)
    text = missing()
    if text and os.environ.get("CI"):
        pytest.fail(text)
    if text:
        pytest.skip(text)


@contextlib.contextmanager
def running_azurite(folder: Path, certificates: Certificates) -> Iterator[int]:
    """Serve blobs over TLS from a folder; gives the port."""
    port, log = processes.free_port(), folder / "azurite.log"
    command = [PROGRAM, "--blobHost", "127.0.0.1", "--blobPort", port, "--location", folder, "--oauth", "basic"]
    command += ["--cert", certificates.chain, "--key", certificates.key, "--skipApiVersionCheck", "--silent"]
    env = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}"}
    process = processes.start([*map(str, command), "--disableTelemetry"], log, env)
    try:
        processes.wait_until(lambda: processes.listens(port), process, log, "Azurite")
        yield port
    finally:
        processes.stop(process)
