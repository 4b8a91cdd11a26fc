"""Read a request's body under limits of size and time."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.requests import ClientDisconnect, Request

from flowerops.serving.admission import Limits, Ticket
from flowerops.serving.errors import ApiError, too_large

_LINGER_SECONDS = 1.0


class BodyReader:
    """The body of one request; counts what really arrives, whatever the headers promise."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self._request = request
        self._limits = limits
        self._ended = False

    async def read(self, ticket: Ticket) -> bytes:
        """The whole body.

        Raises:
            ApiError: 413 too large, 408 too slow, 429 too many bytes in flight.
            ClientDisconnect: The client went away.
        """
        if _declared_length(self._request) > self._limits.body_bytes:
            raise too_large("the body exceeds", self._limits.body_bytes)
        chunks: list[bytes] = []
        received = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while not self._ended:
                    chunk = await self._next()
                    received += len(chunk)
                    if received > self._limits.body_bytes:
                        raise too_large("the body exceeds", self._limits.body_bytes)
                    ticket.hold(len(chunk))
                    chunks.append(chunk)
        except TimeoutError as error:
            message = f"the body did not arrive within {self._limits.body_seconds:g} s"
            raise ApiError(408, "body_timeout", message) from error
        return b"".join(chunks)

    async def discard(self) -> None:
        """Drop the rest of a refused body for a moment: a client that is still sending would miss the answer."""
        if self._request.headers.get("expect"):
            return  # the client waits for our word before it sends
        left = self._limits.body_bytes
        with contextlib.suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self._ended and left > 0:
                    left -= len(await self._next())

    @property
    def ended(self) -> bool:
        """Whether everything that the client sends was read."""
        return self._ended

    async def _next(self) -> bytes:
        message = await self._request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._ended = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk


def _declared_length(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else 0
