"""uvicorn's HTTP protocol with what it lacks: bounds on how long and how large a request's head may be."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from flowerops.serving.admission import Limits

CONNECTION = "connection"
"""Under this name a request's state holds its transport."""


def protocol_of(limits: Limits) -> type[asyncio.Protocol]:
    """A class for `uvicorn.Config(http=…)` that keeps to these limits."""
    return type("BoundedProtocol", (_BoundedProtocol,), {"limits": limits})


class _BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc]
    """Drops clients that dawdle over a request's head, send an endless one, or come when there are too many."""

    limits: Limits

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse(b"503 Service Unavailable", b"Retry-After: 1\r\n")
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        """Bytes of a head, of a body, or of both."""
        before = self.cycle
        if self._is_between_requests():
            self._head_bytes += len(data)
        super().data_received(data)
        if self.cycle is not before:
            self._end_head()
            self.cycle.scope["state"][CONNECTION] = self.transport
        elif self._is_between_requests() and not self.transport.is_closing():
            self._await_head()
            if self._head_bytes > self.limits.header_bytes:
                self._refuse(b"431 Request Header Fields Too Large")

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed."""
        self._end_head()
        super().connection_lost(exc)

    def _is_between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.header_seconds, self._on_late)

    def _end_head(self) -> None:
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_late(self) -> None:
        self._deadline = None
        if self.transport.is_closing() or not self._is_between_requests():
            return
        if self._head_bytes:
            self._refuse(b"408 Request Timeout")
        else:  # a browser that connected in advance
            self.transport.close()

    def _refuse(self, status: bytes, headers: bytes = b"") -> None:
        self.transport.write(b"HTTP/1.1 %b\r\n%bConnection: close\r\nContent-Length: 0\r\n\r\n" % (status, headers))
        self.transport.close()
