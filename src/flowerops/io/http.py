"""A small HTTP client for servers that the user named or that we started: one request, bounded, no redirects."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from flowerops.errors import BadInputError, RemoteError
from flowerops.io.exchange import what_broke

_PIECE = 64 * 1024
_TRUSTED = "REQUESTS_CA_BUNDLE"
"""The variable with which people name the certificates of their company's proxy."""


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
    connection = _connection(parts, timeout_s)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        data = _read(answer, max_bytes, time.monotonic() + timeout_s)
        return HttpAnswer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, data)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(f"no answer from {parts.netloc}: {what_broke(error)}") from error
    finally:
        connection.close()


def _connection(parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    """A connection; https goes through the proxy of the environment, and trusts whom the environment trusts.

    Plain http is for servers of this machine and never goes through a proxy.
    """
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
    named = os.environ.get(_TRUSTED, "")
    trust = ssl.create_default_context(cafile=named if os.path.isfile(named) else None)  # noqa: PTH113
    proxy = None if proxy_bypass(host) else getproxies().get("https")
    if not proxy:
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=trust)
    through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connection = http.client.HTTPSConnection(through.hostname or "", through.port, timeout=timeout_s, context=trust)
    login = f"{unquote(through.username)}:{unquote(through.password or '')}" if through.username else ""
    headers = {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    connection.set_tunnel(host, parts.port or 443, headers)
    return connection


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
