"""The stable front of an endpoint: one port that passes connections on to whichever deployment has the traffic.

`python -m flowerops.serving.front --state FILE --port P` splices TCP connections. The endpoint's state file is read
anew for each connection, so a switch takes effect with the next one and needs no signal; connections in flight finish
where they began. While a canary has a share of the traffic the deployments close their connections after each answer,
so that the share of the connections is the share of the requests. No package but the standard library: it starts in a
moment and there is little in it that could fail.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from flowerops.serving.binding import is_loopback
from flowerops.serving.log_files import keep_small
from flowerops.serving.routes import Places, read_routes
from flowerops.serving.splice import Client, Upstream, answer_unavailable, splice

_LOOPBACK = "127.0.0.1"
_CONNECT_SECONDS = 2.0
_PEEK_SECONDS = 2.0
_DRAIN_SECONDS = 15.0
_USAGE = 2
_PORT_TAKEN = 6


class Front:
    """The listener; it counts its open connections so that it can drain."""

    def __init__(self, state_file: Path) -> None:
        self._state_file = state_file
        self._places = Places()
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
        place: int | None = None
        # A second look at the state: the deployment may have been switched away and stopped since the first.
        for _ in range(2):
            routes = read_routes(self._state_file)
            if routes.share and place is None:
                place = self._places.of(await client.peek(_PEEK_SECONDS))
            for port in routes.order(100 if place is None else place):
                upstream = await self._open(port)
                if upstream:
                    splice(client, upstream)
                    return
        answer_unavailable(client)

    async def _open(self, port: int) -> Upstream | None:
        loop = asyncio.get_running_loop()
        try:
            connecting = loop.create_connection(Upstream, _LOOPBACK, port)
            _, upstream = await asyncio.wait_for(connecting, _CONNECT_SECONDS)
        except (OSError, TimeoutError):
            return None
        return upstream


async def serve(state_file: Path, host: str, port: int, log_file: Path | None = None) -> int:
    """Pass connections on until SIGTERM or SIGINT, then let the open ones finish.

    Args:
        state_file: The endpoint's.
        host: The address to listen on.
        port: The port; 0 takes a free one, and the log says which.
        log_file: The file that stderr leads into, to be kept small.

    Returns:
        The exit code: 0, or 6 when the port is taken.
    """
    loop = asyncio.get_running_loop()
    front, stopped = Front(state_file), asyncio.Event()
    try:
        server = await loop.create_server(front.accept, host, port, backlog=2048)
    except OSError as error:
        message = f"cannot listen on {host} port {port}: {error.strerror}"
        _log("failed", code="conflict", message=message, exit_code=_PORT_TAKEN)
        return _PORT_TAKEN
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    _log("listening", port=server.sockets[0].getsockname()[1])
    tidying = loop.create_task(keep_small(log_file)) if log_file else None
    await stopped.wait()
    server.close()
    await front.drain(_DRAIN_SECONDS)
    if tidying:
        tidying.cancel()
    _log("stopped", open_connections=len(front.clients))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the front; see the module."""
    parser = argparse.ArgumentParser(prog="python -m flowerops.serving.front", description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True, help="the endpoint's state file")
    parser.add_argument("--host", default=_LOOPBACK, help="the address to listen on; the network needs a key")
    parser.add_argument("--port", type=int, required=True, help="the endpoint's port")
    parser.add_argument("--keys", type=Path, help="the keys that the deployments ask for")
    parser.add_argument("--log", type=Path, help="the file that stderr leads into; it is kept small")
    arguments = parser.parse_args(argv)
    if not is_loopback(arguments.host) and not _has_key(arguments.keys):
        message = f"listening on {arguments.host} without a key would let everybody on the network use the model"
        _log("failed", code="usage", message=message, exit_code=_USAGE)
        return _USAGE
    return asyncio.run(serve(arguments.state, arguments.host, arguments.port, arguments.log))


def _has_key(key_file: Path | None) -> bool:
    try:
        return bool(key_file and json.loads(key_file.read_bytes())["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _log(event: str, **fields: object) -> None:
    sys.stderr.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
