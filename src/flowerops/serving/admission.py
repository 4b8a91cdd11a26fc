"""How much work the server takes on at once: requests and bytes are bounded, the rest is told to come back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from flowerops.serving.errors import busy

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """The server's bounds.

    queue: requests that may wait while every interpreter is busy. body_bytes: one request's body, and what a compressed
    one may hold. held_bytes: all bodies in memory together. images: images in one request.

    header_seconds: time to send a request's head, from the connection or its first byte on. header_bytes: its size.
    body_seconds: time to send a body. score_seconds: time from the whole body to the answer. keep_alive_seconds: how
    long a connection may wait for its next request; longer than load balancers wait (60 s), so that they close first.
    connections: open ones. drain_seconds: how long requests in flight may take once the server was told to end.
    """

    queue: int = 64
    body_bytes: int = 20 * _MIB
    held_bytes: int = 256 * _MIB
    images: int = 64
    header_seconds: float = 10.0
    header_bytes: int = 64 * 1024
    body_seconds: float = 30.0
    score_seconds: float = 30.0
    keep_alive_seconds: int = 65
    connections: int = 512
    drain_seconds: float = 10.0


class Ticket:
    """One admitted request; it counts the bytes that the request holds."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.held = 0

    def hold(self, size: int) -> None:
        """Count bytes that came in.

        Raises:
            ApiError: 429, all requests together hold too much.
        """
        self.held += size
        self._admission.held += size
        if self._admission.held > self._admission.limits.held_bytes:
            raise busy("too many bytes are waiting to be scored")


class Admission:
    """Counts requests in flight. Used from the event loop only, so plain numbers do."""

    def __init__(self, limits: Limits, workers: int) -> None:
        self.limits = limits
        self.active = 0
        self.held = 0
        self._workers = workers
        self._capacity = workers + limits.queue

    @property
    def waiting(self) -> int:
        """How many of the requests in flight wait for others."""
        return max(0, self.active - self._workers)

    @contextlib.contextmanager
    def admitted(self) -> Iterator[Ticket]:
        """Be one of the requests in flight for the block.

        Raises:
            ApiError: 429, the queue is full.
        """
        if self.active >= self._capacity:
            raise busy("too many requests are waiting")
        self.active += 1
        ticket = Ticket(self)
        try:
            yield ticket
        finally:
            self.active -= 1
            self.held -= ticket.held
