"""A small HTTP client for servers that the user named or that we started: one request, bounded, no redirects."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from flowerops.errors import BadInputError, RemoteError

_PIECE = 64 * 1024


class NoAnswerError(RemoteError):
    """The server could not be reached, or went away before its answer was complete."""


@dataclass(frozen=True)
class HttpAnswer:
    """Status, headers (names in lower case) and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The JSON body.

        Raises:
            RemoteError: The answer is something else, for example a proxy's HTML page.
        """
        if self.media_type != "application/json":
            raise RemoteError(f"the server answered {self.media_type or 'something'} instead of JSON")
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise RemoteError("the server answered broken JSON") from error


def send(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 10.0,
    max_bytes: int = 4 * 1024 * 1024,
) -> HttpAnswer:
    """Send one request and read the whole answer, whatever its status.

    Args:
        method: GET, POST …
        url: http or https.
        body: The request's body.
        headers: Further headers.
        timeout_s: For each wait on the network, and for the answer as a whole.
        max_bytes: The largest body to read.

    Raises:
        NoAnswerError: No connection, or it broke, or the time was over.
        RemoteError: The answer is larger than max_bytes.
        BadInputError: The url is not an http(s) one.
    """
    parts = _parts(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        data = _read(answer, max_bytes, time.monotonic() + timeout_s)
        return HttpAnswer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, data)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NoAnswerError(f"no answer from {parts.netloc}: {reason}") from error
    finally:
        connection.close()


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc:
        raise BadInputError(f"not a usable http(s) url: {url.partition('?')[0]!r}")
    return parts


def _read(answer: http.client.HTTPResponse, max_bytes: int, deadline: float) -> bytes:
    data = bytearray()
    while piece := answer.read1(_PIECE):
        data += piece
        if len(data) > max_bytes:
            raise RemoteError(f"the answer exceeds {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError("the answer took too long")
    if answer.length:
        raise http.client.IncompleteRead(bytes(data), answer.length)
    return bytes(data)
