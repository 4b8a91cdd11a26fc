"""What clients may do with a connection: our HTTP protocol, over real sockets."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from flowerops.io.http import send
from flowerops.serving.admission import Limits
from flowerops.serving.app import build_app
from flowerops.serving.scorer import Scorer
from helpers.served import ready_service, served
from helpers.tiny_bundle import COLOURS, photo

LIMITS = Limits(header_seconds=0.6, header_bytes=20_000, body_seconds=0.6, keep_alive_seconds=5, connections=8)
DAISY = photo(COLOURS[0])
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
SCORE = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(DAISY)


@pytest.fixture(scope="module")
def url(tiny_bundle: Path) -> Iterator[str]:
    service = ready_service(Scorer.load(tiny_bundle), LIMITS, workers=1)
    with served(build_app(service), LIMITS) as url:
        yield url


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def rest(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def one_answer(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received or len(received) < _whole(received):
        chunk = connection.recv(65536)
        assert chunk
        received += chunk
    return received


def _whole(received: bytes) -> int:
    head, _, _ = received.partition(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(head) + 4 + int(length.split(b":")[1])


def trickle(connection: socket.socket, data: bytes) -> None:
    """A byte now and then, until the server has had enough."""
    for byte in data:
        try:
            connection.sendall(bytes([byte]))
        except OSError:
            return
        time.sleep(0.1)


def test_a_connection_is_kept_for_the_next_request(url: str) -> None:
    with connect(url) as connection:
        for _ in range(3):
            connection.sendall(SCORE + DAISY)
            assert one_answer(connection).startswith(b"HTTP/1.1 200 ")


def test_requests_may_be_sent_ahead(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(HEALTH * 3)
        received = b""
        while received.count(b'{"status":"alive"}') < 3:
            received += connection.recv(65536)


def test_who_sends_nothing_is_let_go(url: str) -> None:
    with connect(url) as connection:
        assert rest(connection) == b""


@pytest.mark.parametrize("begun", [b"", HEALTH])
def test_who_trickles_a_head_is_dropped_on_a_new_connection_and_on_a_kept_one(url: str, begun: bytes) -> None:
    with connect(url) as connection:
        if begun:
            connection.sendall(begun)
            one_answer(connection)
        trickle(connection, b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 40)
        with suppress(ConnectionResetError):  # it was sending still
            assert rest(connection).startswith(b"HTTP/1.1 408 ")


def test_who_trickles_a_body_gets_a_408(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(SCORE + DAISY[:10])
        assert rest(connection).startswith(b"HTTP/1.1 408 ")


def test_an_endless_head_is_cut_off(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        try:
            for _ in range(100):
                connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
            received = rest(connection)
        except OSError:
            return  # closed on us, with our bytes unread
        assert received.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


def test_more_connections_than_allowed_are_refused_and_the_others_go_on(url: str) -> None:
    with ExitStack() as held:
        connections = [held.enter_context(connect(url)) for _ in range(LIMITS.connections)]
        for connection in connections:
            connection.sendall(HEALTH)
            one_answer(connection)
        with connect(url) as late:
            received = rest(late)
        assert received.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in received
        connections[0].sendall(SCORE + DAISY)
        assert one_answer(connections[0]).startswith(b"HTTP/1.1 200 ")
    assert send("GET", f"{url}/healthz").status == 200


def test_behind_a_request_with_two_lengths_nothing_is_believed(url: str) -> None:
    """A proxy that goes by the other length would take what follows for a body, and this server for a request."""
    two = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    for line in (b"POST /score", b"GET /healthz"):
        with connect(url) as connection:
            connection.sendall(line + b" HTTP/1.1\r\nHost: x\r\n" + two + HEALTH)
            assert rest(connection).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "lines",
    [
        *("Content-Length: 1\r\nContent-Length: 2", "Content-Length: -1", "Content-Length : 1"),
        *("Transfer-Encoding: xchunked", "A: \0", "A: b\rSet-Cookie: c"),
    ],
)
def test_heads_that_two_servers_could_read_in_two_ways_are_refused(url: str, lines: str) -> None:
    with connect(url) as connection:
        connection.sendall(f"POST /score HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n".encode() + HEALTH)
        assert rest(connection).startswith(b"HTTP/1.1 400 ")
