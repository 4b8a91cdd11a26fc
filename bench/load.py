"""A closed loop over HTTP: so many clients, each of which sends its next request when it has the answer to its last.

Plain sockets with requests that were built before, so that the clients take little of the cores that they share with
the server; how much they took is told with the result.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Load:
    """seconds: how long it went on. ms: latency of each good answer. failed: other answers. client_cpu: in cores."""

    seconds: float
    ms: list[float]
    failed: int
    client_cpu: float

    @property
    def per_second(self) -> float:
        """Good answers a second."""
        return len(self.ms) / self.seconds

    def percentile(self, share: float) -> float:
        """A quantile of the latency, in ms."""
        ordered = sorted(self.ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class Client:
    """One connection, opened anew where the server closes it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request; gives status and body.

        Raises:
            OSError: No connection, or it broke.
        """
        try:
            return self._exchange(request)
        except ConnectionError:  # closed after the last answer
            self.close()
            return self._exchange(request)

    def close(self) -> None:
        """Let the connection go."""
        if self._socket:
            self._socket.close()
        self._socket = None

    def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        head = received[:end].lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(received) < end + 4 + length:
            received += self._receive()
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), received[end + 4 :]

    def _receive(self) -> bytes:
        assert self._socket is not None
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError
        return data


def closed_loop(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Load a server of this machine for some seconds."""
    ms: list[list[float]] = [[] for _ in range(clients)]
    failed = [0] * clients
    start = threading.Barrier(clients + 1)
    ends = 0.0

    def work(number: int) -> None:
        client = Client(port)
        start.wait()
        turn = number
        while (began := time.perf_counter()) < ends:
            status, _ = client.ask(requests[turn % len(requests)])
            turn += clients
            if status == 200:
                ms[number].append((time.perf_counter() - began) * 1000)
            else:
                failed[number] += 1
        client.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    used, began = time.process_time(), time.perf_counter()
    ends = began + seconds
    start.wait()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    return Load(took, [one for each in ms for one in each], sum(failed), (time.process_time() - used) / took)
