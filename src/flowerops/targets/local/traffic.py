"""Who of an endpoint's processes gets the traffic, and how its clients learn of it."""

from __future__ import annotations

import contextlib

from flowerops.errors import ConflictError, FlowerOpsError
from flowerops.targets.local.endpoint_state import EndpointState, LocalDeployment
from flowerops.targets.local.endpoint_store import EndpointStore
from flowerops.targets.local.launch import Launcher
from flowerops.targets.local.ports import check_port, free_ports
from flowerops.targets.local.processes import is_alive, send_signal, stop_all

_RETIRE, _UNRETIRE = "SIGUSR1", "SIGUSR2"
"""A retired server asks its clients with each answer to connect anew."""
_REBIND_GRACE_S = 2.0


class Traffic:
    """Changes the front and tells the servers; callers hold the endpoint's state meanwhile."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    def front(self, store: EndpointStore, port: int | None = None, host: str | None = None) -> EndpointState:
        """The endpoint's state once its front listens there; None keeps the port and the address that it has.

        An endpoint without a port gets a free one.

        Raises:
            ConflictError: The port is taken, or there is no free one.
        """
        state = store.load()
        front = state.front if is_alive(state.front) else None
        wanted, address = port or state.port, host or state.host
        if wanted is None:
            return self._first_front(store, address)
        if front is None or front.port != wanted:
            check_port(store, wanted, address)
            return self._launcher.front(store, wanted, address)
        if front.host == address:
            return state
        # The same port of another address: the old front has to let go of it first.
        stop_all([front], _REBIND_GRACE_S)
        try:
            return self._launcher.front(store, wanted, address)
        except FlowerOpsError:
            self._launcher.front(store, wanted, front.host)
            raise

    def _first_front(self, store: EndpointStore, address: str) -> EndpointState:
        for port in free_ports(address):
            with contextlib.suppress(ConflictError):  # somebody took it between our look and the front's bind
                return self._launcher.front(store, port, address)
        raise AssertionError("unreachable")

    def switched(self, before: EndpointState, state: EndpointState) -> None:
        """Send kept-alive clients of what lost the traffic away, keep those of what has it; end a former front."""
        send_signal(state.previous, _RETIRE)
        send_signal(state.current, _UNRETIRE)
        if before.front != state.front:
            send_signal(before.front, "SIGTERM")

    def shared(self, state: EndpointState) -> None:
        """Let clients connect anew for each request, so that a share of connections is a share of requests."""
        for one in (state.current, state.candidate):
            send_signal(one, _RETIRE)

    def unshared(self, state: EndpointState) -> None:
        """Let clients of the active deployment stay connected again."""
        send_signal(state.current, _UNRETIRE)

    def takes_clients_again(self, deployment: LocalDeployment) -> None:
        """Undo a retirement before the traffic comes back."""
        send_signal(deployment, _UNRETIRE)
