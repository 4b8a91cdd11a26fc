"""Which port of this machine an endpoint gets."""

from __future__ import annotations

from collections.abc import Iterator

from flowerops.errors import ConflictError
from flowerops.targets.local.endpoint_state import LOOPBACK
from flowerops.targets.local.endpoint_store import EndpointStore
from flowerops.targets.local.processes import is_alive, port_is_taken

DEFAULT_PORT = 8890
_PORTS_TRIED = 100


def check_port(store: EndpointStore, port: int, host: str = LOOPBACK) -> None:
    """Make sure that an endpoint can have a port of an address: it has it already, or nobody has.

    Raises:
        ConflictError: Somebody else listens on it.
        UsageError: There is no such port, or this user may not have it.
    """
    front = store.load().front
    if front and front.port == port and is_alive(front):
        return
    if port_is_taken(port, host):
        raise ConflictError(f"port {port} is in use by another program", "Choose another port with --port.")


def choose_port(store: EndpointStore, wanted: int | None) -> int | None:
    """The port asked for; else None where the endpoint has one already; else the first free one.

    Raises:
        ConflictError: Somebody else listens on it, or there is no free one.
    """
    if wanted is not None:
        check_port(store, wanted)
        return wanted
    return None if store.load().port else next(free_ports())


def free_ports(host: str = LOOPBACK) -> Iterator[int]:
    """Those of an address, from the default one on, that nobody listens on at the moment when they are asked for.

    Raises:
        ConflictError: There is none left.
    """
    for port in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED):
        if not port_is_taken(port, host):
            yield port
    raise ConflictError(f"no free port from {DEFAULT_PORT} on", "Choose one with --port.")
