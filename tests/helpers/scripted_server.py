"""HTTP servers on loopback that answer what a test tells them to, byte for byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Talk = Callable[[socket.socket, bytes], None]


@dataclass
class ScriptedServer:
    """Answers the n-th request with the n-th script (the last one over and over); keeps the requests' heads."""

    port: int
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def reply(status: str = "200 OK", body: bytes = b"", length: int | None = None, **headers: str) -> Talk:
    """A whole answer; `length` announces another length than the body has. Header names are written with `_`."""

    def talk(connection: socket.socket, _: bytes) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join(lines).encode() + b"\r\nConnection: close\r\n\r\n" + body)

    return talk


def trickle(head: bytes, piece: bytes, pause_s: float) -> Talk:
    """Send a head, then a piece again and again until the client goes away."""

    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(head)
        gone = threading.Event()
        while not gone.wait(pause_s):
            connection.sendall(piece)

    return talk


def hang_up(connection: socket.socket, _: bytes) -> None:
    """Close without a word."""


@contextlib.contextmanager
def scripted_server(*scripts: Talk, reads_head: bool = True) -> Iterator[ScriptedServer]:
    """Serve the scripts; `reads_head=False` leaves the reading to them, for TLS."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(30)
    server = ScriptedServer(listener.getsockname()[1])

    def converse(connection: socket.socket, script: Talk) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            head = b""
            while reads_head and b"\r\n\r\n" not in head:
                received = connection.recv(65536)
                if not received:
                    break
                head += received
            server.requests.append(head)
            script(connection, head)

    def accept() -> None:
        count = 0
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                script = scripts[min(count, len(scripts) - 1)]
                count += 1
                threading.Thread(target=converse, args=(connection, script), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
