"""Which deployment a connection goes to: all to the active one, or a share of them to a canary beside it."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Steps of 37 visit each of the hundred places once in a hundred connections, well mixed.
_STEP = 37
_REQUEST_ID = re.compile(rb"\r\nx-request-id:[ \t]*([^\r\n]{1,200})", re.IGNORECASE)


@dataclass(frozen=True)
class Routes:
    """The ports of the active deployment and of the canary, and the canary's share in percent (0: there is none)."""

    active: int | None = None
    canary: int | None = None
    share: int = 0

    def order(self, place: int) -> Sequence[int]:
        """The ports to try, one after the other, for a place from 0 to 99: a canary that is gone costs no answer."""
        wanted = [self.canary, self.active] if place < self.share else [self.active]
        return [port for port in wanted if port]


def read_routes(state_file: Path) -> Routes:
    """The routes that an endpoint's state file asks for; none when it cannot be read."""
    try:
        state = json.loads(state_file.read_bytes())
        active = int(state["deployments"][state["active"]]["port"])
        candidate, share = state.get("candidate"), int(state.get("candidate_share") or 0)
        return Routes(active, int(candidate["port"]), share) if candidate and share else Routes(active)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Routes()


class Places:
    """Gives each request a place from 0 to 99; the same request, told by its X-Request-Id, always the same one."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def of(self, head: bytes) -> int:
        """The place of the request that begins with these bytes."""
        found = _REQUEST_ID.search(head.partition(b"\r\n\r\n")[0])
        if found:
            return int.from_bytes(hashlib.sha256(found[1].strip()).digest()[:4], "big") % 100
        return next(self._count) * _STEP % 100
