"""Endpoints of this machine for tests: short waits, and nothing that goes on running."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowerops.domain.deployment import ModelRef
from flowerops.io.hashing import SEAL_FILE, sha256_file
from flowerops.io.http import send
from flowerops.targets.local.deployments import LocalDeployments
from flowerops.targets.local.endpoint_state import EndpointState, LocalDeployment
from flowerops.targets.local.endpoint_store import EndpointStore, endpoint_names
from flowerops.targets.local.processes import daemons_with, send_signal
from flowerops.targets.protocol import Access, StartOptions
from helpers.tiny_bundle import COLOURS, photo

DAISY = photo(COLOURS[0])
NAME = "flowers"


@contextlib.contextmanager
def local_deployments(root: Path, **more: Any) -> Iterator[LocalDeployments]:
    """Endpoints below a root; what runs of them is killed at the end."""
    try:
        yield LocalDeployments(root, **{"ready_timeout_s": 60, "grace_s": 10, **more})
    finally:
        for name in endpoint_names(root):
            store = EndpointStore(root, name)
            for record in (*store.load().processes, *daemons_with(store.logs)):
                send_signal(record, "SIGKILL")


def model(bundle: Path, version: int = 1) -> ModelRef:
    return ModelRef(name="flower_classifier", version=version, digest=sha256_file(bundle / SEAL_FILE))


def deploy(deployments: LocalDeployments, bundle: Path, version: int, port: int | None = None) -> LocalDeployment:
    access = Access(port=port)
    started = deployments.start(NAME, bundle, model(bundle, version), StartOptions(access=access))
    deployments.activate(NAME, started, access)
    return started


def version_that_answers(url: str | None) -> int:
    assert url is not None
    return int(send("POST", f"{url}/score", DAISY, timeout_s=60).json()["model"]["version"])


def state_of(root: Path) -> EndpointState:
    return EndpointStore(root, NAME).load()
