"""The stable front of an endpoint: one port that passes connections on to whichever deployment has the traffic.

`python -m flowerops.serving.front --state FILE --port P` splices TCP connections on 127.0.0.1. The endpoint's state
file is read anew for each connection, so a switch takes effect with the next one and needs no signal; connections in
flight finish where they began. Standard library only: it starts in a moment and there is little in it that could fail.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from flowerops.serving.splice import Client, Upstream, answer_unavailable, splice

_HOST = "127.0.0.1"
_CONNECT_SECONDS = 2.0
_DRAIN_SECONDS = 15.0
_PORT_TAKEN = 6


def active_port(state_file: Path) -> int | None:
    """The port of the deployment that has the traffic; None when there is none or the file cannot be read."""
    try:
        state = json.loads(state_file.read_bytes())
        return int(state["deployments"][state["active"]]["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Front:
    """The listener; it counts its open connections so that it can drain."""

    def __init__(self, state_file: Path) -> None:
        self._state_file = state_file
        self._connecting: set[asyncio.Task[None]] = set()
        self.clients: set[Client] = set()

    def accept(self) -> Client:
        """The protocol of a new client connection."""
        return Client(on_made=self._on_client, on_lost=self.clients.discard)

    async def drain(self, seconds: float) -> None:
        """Wait for the open connections to end, at most so long."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self.clients and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)

    def _on_client(self, client: Client) -> None:
        self.clients.add(client)
        task = asyncio.get_running_loop().create_task(self._connect(client))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, client: Client) -> None:
        # A second look at the state: the deployment may have been switched away and stopped since the first.
        for _ in range(2):
            port = active_port(self._state_file)
            upstream = await self._open(port) if port else None
            if upstream:
                splice(client, upstream)
                return
        answer_unavailable(client)

    async def _open(self, port: int) -> Upstream | None:
        loop = asyncio.get_running_loop()
        try:
            connecting = loop.create_connection(Upstream, _HOST, port)
            _, upstream = await asyncio.wait_for(connecting, _CONNECT_SECONDS)
        except (OSError, TimeoutError):
            return None
        return upstream


async def serve(state_file: Path, port: int) -> int:
    """Pass connections on until SIGTERM or SIGINT, then let the open ones finish.

    Returns:
        The exit code: 0, or 6 when the port is taken.
    """
    loop = asyncio.get_running_loop()
    front, stopped = Front(state_file), asyncio.Event()
    try:
        server = await loop.create_server(front.accept, _HOST, port, backlog=2048)
    except OSError as error:
        message = f"cannot listen on {_HOST} port {port}: {error.strerror}"
        _log("failed", code="conflict", message=message, exit_code=_PORT_TAKEN)
        return _PORT_TAKEN
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    _log("listening", port=server.sockets[0].getsockname()[1])
    await stopped.wait()
    server.close()
    await front.drain(_DRAIN_SECONDS)
    _log("stopped", open_connections=len(front.clients))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the front; see the module."""
    parser = argparse.ArgumentParser(prog="python -m flowerops.serving.front", description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True, help="the endpoint's state file")
    parser.add_argument("--port", type=int, required=True, help="the endpoint's port on 127.0.0.1")
    arguments = parser.parse_args(argv)
    return asyncio.run(serve(arguments.state, arguments.port))


def _log(event: str, **fields: object) -> None:
    sys.stderr.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
