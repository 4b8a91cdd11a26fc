"""Which process works on a run: a tag of the run says so, and tells whether that process still lives."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

from flowerops.domain.documents import Document
from flowerops.errors import ConflictError, FlowerOpsError, UsageError
from flowerops.targets.local.processes import is_alive, send_signal, start_time

OWNER_TAG = "flowerops.owner"
_POLL_S = 0.1
_GRACE_S = 60.0
"""A step that was asked to end gets half of this from its command before it is killed."""


class Owner(Document):
    """A process. `started` (s since 1970) tells its pid from the same pid given out again later."""

    host: str
    pid: int
    started: float

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def owner_tag() -> dict[str, str]:
    """The tag that names this process; none where its start time cannot be had."""
    pid = os.getpid()
    try:
        return {OWNER_TAG: Owner(host=socket.gethostname(), pid=pid, started=start_time(pid)).model_dump_json()}
    except UsageError:
        return {}


def owner_of(tags: Mapping[str, str]) -> Owner | None:
    """The process that a run's tags name."""
    try:
        return Owner.from_json(tags[OWNER_TAG].encode(), OWNER_TAG)
    except (KeyError, FlowerOpsError):
        return None


def is_dead(owner: Owner | None) -> bool:
    """Whether the process was on this machine and lives no more."""
    return owner is not None and owner.host == socket.gethostname() and not is_alive(owner)


def stop(owner: Owner) -> None:
    """Ask a process to end and wait for that; it closes its runs by itself.

    Raises:
        ConflictError: It is on another machine.
    """
    if owner.host != socket.gethostname():
        raise ConflictError(f"the run belongs to {owner}", "Cancel it there.")
    for name in ("SIGTERM", "SIGKILL"):
        send_signal(owner, name)
        until = time.monotonic() + _GRACE_S
        while is_alive(owner) and time.monotonic() < until:
            time.sleep(_POLL_S)
