"""A CONNECT proxy that leads the host names of Azure to loopback and refuses every other one."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
from collections.abc import Callable

from azure_emulator.names import APP_HOSTS, BLOB_HOSTS


class Proxy:
    """Passes bytes through: TLS is between the client and the server behind."""

    def __init__(self, app_port: int, blob_port: int, blobs_through_app: Callable[[], bool]) -> None:
        self._app_port = app_port
        self._blob_port = blob_port
        self._blobs_through_app = blobs_through_app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: dict[int, asyncio.StreamWriter] = {}
        self._to_blobs: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused: list[str] = []
        self.port = 0

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more connections and break those there are."""
        if self._server:
            self._server.close()
        for writer in list(self._clients.values()):
            writer.transport.abort()
        while self._tasks:
            await asyncio.wait(list(self._tasks), timeout=1)

    def break_connection(self, app_side_port: int) -> bool:
        """Cut the client off whose requests come to the app from that port; False where it came without the proxy."""
        writer = self._clients.get(app_side_port)
        if writer is None or self._loop is None:
            return False
        self._loop.call_soon_threadsafe(writer.transport.abort)
        return True

    def break_blob_connections(self) -> None:
        """Clients that hold a connection to the blobs must make a new one: faults may lead it through the app."""

        async def break_all() -> None:
            for writer in list(self._to_blobs):
                writer.transport.abort()
            await asyncio.sleep(0.02)  # until the sockets are closed, so that clients find them closed

        if self._loop:
            asyncio.run_coroutine_threadsafe(break_all(), self._loop).result(5)

    def _port_of(self, host: str) -> int | None:
        if any(fnmatch.fnmatch(host, name) for name in BLOB_HOSTS):
            return self._app_port if self._blobs_through_app() else self._blob_port
        return self._app_port if any(fnmatch.fnmatch(host, name) for name in APP_HOSTS) else None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            await self._talk(reader, writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split("\r\n", 1)[0].split()
        port = self._port_of(target.rsplit(":", 1)[0]) if method == "CONNECT" else None
        if port is None:
            self.refused.append(target)
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", port)
        own_port = behind_writer.get_extra_info("sockname")[1]
        self._clients[own_port] = writer
        if port == self._blob_port:
            self._to_blobs.add(writer)
        try:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(_pump(reader, behind_writer), _pump(behind_reader, writer))
        finally:
            self._clients.pop(own_port, None)
            self._to_blobs.discard(writer)
            behind_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
