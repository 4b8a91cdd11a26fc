"""Two TCP connections that are one: what comes in on the one goes out on the other, at the pace of the slower."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

_LINGER_SECONDS = 2.0
"""How long a connection stays open after the last byte of the answer: closing while the client still sends would make
its system throw the answer away."""

_PEEK_BYTES = 16 * 1024
_UNAVAILABLE_BODY = b'{"error": {"code": "no_deployment", "message": "no deployment of this endpoint answers"}}'
_UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(_UNAVAILABLE_BODY), _UNAVAILABLE_BODY)
)


class Side(asyncio.Protocol):
    """One side of a spliced connection: bytes go to the other side, and a full buffer stops its reading."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.other: Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; when the other side is gone they go nowhere."""
        if self.other and not self.other.transport.is_closing():
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        """This side is slow: take no more from the other."""
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if self.other:
            self.other.transport.resume_reading()


class Client(Side):
    """The side that asks.

    Args:
        on_made, on_lost: Called with the connection once it is open, and once it is closed.
    """

    def __init__(self, on_made: Callable[[Client], None], on_lost: Callable[[Client], None]) -> None:
        super().__init__()
        self._on_made, self._on_lost = on_made, on_lost
        self._finished = self._ended = False
        self._early = bytearray()
        self._peeked: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open, but read nothing before there is somebody to pass it to."""
        super().connection_made(transport)
        self.transport.pause_reading()
        self._on_made(self)

    async def peek(self, seconds: float) -> bytes:
        """What the client says first: its request's head, or as much of it as comes within a time or 16 KiB."""
        self._peeked = asyncio.get_running_loop().create_future()
        if not self.transport.is_closing():
            self.transport.resume_reading()
            await asyncio.wait([self._peeked], timeout=seconds)
            if not self.transport.is_closing():
                self.transport.pause_reading()
        return bytes(self._early)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, or keep them for whoever will answer."""
        if self.other is not None or self._finished:
            super().data_received(data)
            return
        self._early += data
        if b"\r\n\r\n" in self._early or len(self._early) >= _PEEK_BYTES:
            self.transport.pause_reading()
            self._stop_peeking()

    def joined(self, upstream: Upstream) -> None:
        """Begin to talk: what was said early goes first."""
        self.other = upstream
        if self._early:
            upstream.transport.write(bytes(self._early))
            self._early.clear()
        if self._ended:
            _end_writing(upstream.transport)

    def _stop_peeking(self) -> None:
        if self._peeked is not None and not self._peeked.done():
            self._peeked.set_result(None)

    def eof_received(self) -> bool:
        """The request has ended; the answer may still come, unless it came already."""
        self._ended = True
        self._stop_peeking()
        if self.other is None and not self._finished:  # nobody answers yet
            return True
        if self._finished or self.other is None or self.other.transport.is_closing():
            return False
        _end_writing(self.other.transport)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits for the answer any more."""
        self._stop_peeking()
        self._on_lost(self)
        if self.other:
            self.other.transport.close()

    def finish(self, last_words: bytes = b"") -> None:
        """Say no more; close when the client does, or after a moment."""
        if self._finished or self.transport.is_closing():
            return
        self._finished = True
        self.transport.write(last_words)
        if self._ended:  # it sends no more, so nothing can go wrong: what is written still gets there
            self.transport.close()
            return
        _end_writing(self.transport)
        self.transport.resume_reading()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.transport.close)


class Upstream(Side):
    """The side that answers. When it closes, in any way, the answer is complete."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the client read what it got."""
        if isinstance(self.other, Client):
            self.other.finish()


def splice(client: Client, upstream: Upstream) -> None:
    """Join the two; the client may talk now."""
    upstream.other = client
    if client.transport.is_closing():
        upstream.transport.close()
        return
    client.joined(upstream)
    if upstream.transport.is_closing():
        client.finish()
    else:
        client.transport.resume_reading()


def _end_writing(transport: asyncio.Transport) -> None:
    try:
        transport.write_eof()
    except OSError:  # the peer has reset the connection already
        transport.abort()


def answer_unavailable(client: Client) -> None:
    """Answer 503 in place of a deployment that is not there."""
    client.finish(_UNAVAILABLE)
