"""One HTTP request to a checked address, cut off at a deadline whatever the server does."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flowerops.errors import BadInputError, RemoteError
from flowerops.io.urls import Url, resolve

_PIECE = 64 * 1024


class BrokenExchangeError(RemoteError):
    """No connection, or it broke before the answer was whole; another try may go better."""


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in lower case) and, for status 200, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def what_broke(error: Exception) -> str:
    """Why a connection failed, in the system's words."""
    return str(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def get(url: Url, max_bytes: int, deadline: float, timeout_s: float, allow_private: bool) -> Answer:
    """Send a GET request and read the answer.

    Args:
        url: Where to.
        max_bytes: The largest body.
        deadline: When to give up, by time.monotonic().
        timeout_s: The whole time there was, for the message.
        allow_private: Whether addresses off the public internet are allowed.

    Raises:
        BadInputError: The address is not allowed, or the body is too large.
        BrokenExchangeError: No connection, or it broke.
        RemoteError: The deadline passed, or the answer is not a plain one.
    """
    addresses = resolve(url, allow_private, deadline - time.monotonic())
    try:
        with _connected(url, addresses, deadline) as connection:
            headers = {"Host": url.netloc, "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}
            connection.request("GET", url.target, headers=headers | {"User-Agent": "flowerops"})
            with connection.getresponse() as answer:
                found = {name.lower(): value for name, value in answer.getheaders()}
                body = _body(url, answer, max_bytes) if answer.status == 200 else b""
            if time.monotonic() >= deadline:  # a body without a length looks whole when it was cut
                raise TimeoutError
            return Answer(answer.status, found, body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= deadline:
            raise RemoteError(f"{url.shown} took longer than {timeout_s:g} s", "Try again, or another URL.") from error
        raise BrokenExchangeError(f"{url.shown}: {what_broke(error)}", "Check the URL and the network.") from error


@contextlib.contextmanager
def streaming(
    url: Url, headers: Mapping[str, str], deadline: float, stall_s: float, allow_private: bool
) -> Iterator[http.client.HTTPResponse]:
    """Send a GET request; the block reads the body in pieces, each of which may take `stall_s`.

    Args:
        url: Where to.
        headers: Further headers.
        deadline: When to give up, by time.monotonic().
        stall_s: The longest wait for the next piece, in seconds.
        allow_private: Whether addresses off the public internet are allowed.

    Raises:
        BadInputError: The address is not allowed.
        BrokenExchangeError: No connection, or it broke or stalled, also while the block reads.
    """
    addresses = resolve(url, allow_private, min(stall_s, deadline - time.monotonic()))
    try:
        with _connected(url, addresses, deadline, stall_s) as connection:
            asked = {"Host": url.netloc, "Accept-Encoding": "identity", "User-Agent": "flowerops"}
            connection.request("GET", url.target, headers={**asked, **headers})
            with connection.getresponse() as answer:
                yield answer
    except (OSError, http.client.HTTPException) as error:
        raise BrokenExchangeError(f"{url.shown}: {what_broke(error)}", "Check the network, then run again.") from error


@contextlib.contextmanager
def _connected(
    url: Url, addresses: list[str], deadline: float, stall_s: float | None = None
) -> Iterator[http.client.HTTPConnection]:
    """A connection to the first of the addresses that answers; it is cut at the deadline, or when nothing comes."""
    raw = _open(addresses, url.port, deadline if stall_s is None else min(deadline, time.monotonic() + stall_s))
    raw.settimeout(stall_s)
    # A second handle on the same connection: it can be shut down while the first is in the middle of TLS or a read.
    breaker = raw.dup()
    timer = threading.Timer(max(deadline - time.monotonic(), 0.0), _cut, [breaker])
    timer.daemon = True
    timer.start()
    connection = http.client.HTTPConnection(url.host, url.port)
    try:
        connection.sock = raw
        if url.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=url.host)
        yield connection
    finally:
        timer.cancel()
        connection.close()
        raw.close()
        breaker.close()


def _open(addresses: list[str], port: int, deadline: float) -> socket.socket:
    problem: OSError = OSError("the host has no address")
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            sock = socket.create_connection((address, port), timeout=left)
        except OSError as error:
            problem = error
            continue
        sock.settimeout(None)  # from here on the deadline's timer cuts
        return sock
    raise problem


def _cut(breaker: socket.socket) -> None:
    with contextlib.suppress(OSError):
        breaker.shutdown(socket.SHUT_RDWR)


def _body(url: Url, answer: http.client.HTTPResponse, max_bytes: int) -> bytes:
    if (answer.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise RemoteError(f"{url.shown} answered an encoded body that was not asked for", "Try another URL.")
    data = bytearray()
    announced = answer.length
    while announced is None or announced <= max_bytes:
        piece = answer.read1(_PIECE)
        if not piece:
            break
        data += piece
        if len(data) > max_bytes:
            break
    if len(data) > max_bytes or (announced or 0) > max_bytes:
        raise BadInputError(f"{url.shown} is larger than {max_bytes:,} bytes", "Give a smaller file.")
    if announced is not None and len(data) != announced:
        raise http.client.IncompleteRead(bytes(data), announced - len(data))
    return bytes(data)
