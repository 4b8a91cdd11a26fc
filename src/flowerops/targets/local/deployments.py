"""Deployments on this machine: scoring servers as daemons, and a front that gives one of them the traffic."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from flowerops.domain.deployment import (
    Deployment,
    Endpoint,
    ModelRef,
    no_earlier_deployment,
    serves_nothing,
    took_traffic,
)
from flowerops.domain.names import did_you_mean
from flowerops.errors import BadInputError, UsageError
from flowerops.io.discard import discard
from flowerops.serving.server import API_KEY_VARIABLE
from flowerops.targets.local.endpoint_state import EndpointState, LocalDeployment
from flowerops.targets.local.endpoint_store import EndpointStore, endpoint_names, last_lines
from flowerops.targets.local.launch import Launcher
from flowerops.targets.local.observe import observe
from flowerops.targets.local.ports import check_port, choose_port
from flowerops.targets.local.processes import free_port, is_alive, send_signal, stop_all
from flowerops.targets.protocol import Machines, Probe

_RETIRE, _UNRETIRE = "SIGUSR1", "SIGUSR2"


class LocalDeployments:
    """Endpoints under one folder. Every method may be called from several processes at once.

    Args:
        root: The folder of all endpoints.
        api_key: When given, the servers want it from their clients; passed on in their environment only.
        ready_timeout_s: How long a server may take to load its model.
        grace_s: How long a server may take to finish its requests before it is killed.
    """

    def __init__(
        self, root: Path, api_key: str | None = None, ready_timeout_s: float = 60.0, grace_s: float = 20.0
    ) -> None:
        self._root = root
        self._api_key = api_key
        env = {API_KEY_VARIABLE: api_key} if api_key else {}
        self._launcher = Launcher(env, ready_timeout_s, grace_s)
        self._grace_s = grace_s

    def deploying(self, endpoint: str, timeout_s: float = 600.0) -> AbstractContextManager[None]:
        """Hold this round start, smoke test and activate, so that two deploys come one after the other.

        Raises:
            ConflictError: Another one holds it for longer than the timeout.
        """
        return EndpointStore(self._root, endpoint).deploying(timeout_s)

    def check_port(self, endpoint: str, port: int) -> None:
        """Make sure that the endpoint can have this port; nothing is started.

        Raises:
            ConflictError: Somebody else listens on it.
            UsageError: There is no such port, or this user may not have it.
        """
        check_port(EndpointStore(self._root, endpoint), port)

    def choose_port(self, endpoint: str, wanted: int | None) -> int | None:
        """The port asked for; else None where the endpoint has one already; else the first free one.

        Raises:
            ConflictError: Somebody else listens on it, or there is no free one.
        """
        return choose_port(EndpointStore(self._root, endpoint), wanted)

    def start(
        self,
        endpoint: str,
        bundle_dir: Path,
        model: ModelRef,
        port: int | None = None,
        machines: Machines | None = None,
    ) -> LocalDeployment:
        """Start a server for a model in the idle colour and wait until it is ready; traffic stays where it is.

        Args:
            endpoint: The endpoint's name; made when new.
            bundle_dir: The model's sealed bundle.
            model: Its registered name and version, and the digest that the bundle must have.
            port: The port that `activate` will be asked for; checked before anything is started.
            machines: Nothing but this one can be had.

        Raises:
            UsageError: Other machines were asked for.
            RemoteError: The server ended or was not ready in time; the error has its last log lines.
            ConflictError: The port is taken.
            BadInputError, StoreIntegrityError: There is no bundle, or it is damaged.
        """
        if machines is not None and machines != Machines():
            raise UsageError("the local target serves on this machine only", "Leave out the instances' type and count.")
        store = EndpointStore(self._root, endpoint)
        if port is not None:
            self.check_port(endpoint, port)
        with store.changing():
            state = store.load()
            stop_all([state.candidate], self._grace_s)  # left behind by a deploy that was interrupted
            _, deployment = self._launcher.deployment(store, state.idle_colour, bundle_dir, model)
        return deployment

    def activate(self, endpoint: str, deployment: Deployment, port: int | None = None) -> Endpoint:
        """Move all traffic to the started deployment. The one that had it keeps running as the previous one.

        Args:
            endpoint: The endpoint's name.
            deployment: What `start` gave.
            port: The endpoint's port; None keeps the one it has, or takes a free one.

        Raises:
            ConflictError: The port is taken, or somebody else deployed meanwhile. Traffic stays where it was.
        """
        assert isinstance(deployment, LocalDeployment)
        store = EndpointStore(self._root, endpoint)
        with store.changing():
            before = store.load()
            before.activated(deployment)  # raises before anything is touched
            state = self._with_front(store, before, port)
            # The oldest of the three goes before the switch: killed in between, the state still tells the truth.
            stop_all([state.deployments.get(deployment.colour)], self._grace_s)
            state = store.save(state.activated(deployment))
            self._after_switch(before, state)
        return observe(state)

    def discard(self, endpoint: str, deployment: Deployment) -> None:
        """Stop a deployment that never took traffic; the endpoint goes on as before."""
        assert isinstance(deployment, LocalDeployment)
        store = EndpointStore(self._root, endpoint)
        with store.changing():
            state = store.load()
            if deployment.same_process(state.current) or deployment.same_process(state.previous):
                raise took_traffic(endpoint, deployment.colour)
            stop_all([deployment], self._grace_s)
            if deployment.same_process(state.candidate):
                store.save(state.with_candidate(None))

    def rollback(self, endpoint: str) -> Endpoint:
        """Move all traffic back to the deployment that had it before; it is started again when it no longer runs.

        Raises:
            ConflictError: There is no earlier deployment.
            RemoteError: It had to be started again and did not become ready. Traffic stays where it was.
        """
        store = self._existing(endpoint)
        with store.changing():
            before = store.load()
            previous = before.previous
            if previous is None:
                raise no_earlier_deployment(endpoint)
            if not is_alive(previous):
                stop_all([before.candidate], self._grace_s)  # its place is needed
                bundle = Path(previous.bundle)
                _, previous = self._launcher.deployment(store, previous.colour, bundle, previous.model)
            send_signal(previous, _UNRETIRE)
            state = self._with_front(store, store.load(), None)
            state = store.save(state.rolled_back(previous))
            self._after_switch(before, state)
        return observe(state)

    def stop(self, endpoint: str) -> Endpoint:
        """Stop the endpoint's front and all its deployments; requests in flight finish."""
        store = self._existing(endpoint)
        with store.changing():
            state = store.load()
            stop_all([state.front, *state.deployments.values(), state.candidate], self._grace_s)
            state = store.save(state.with_candidate(None).with_front(None))
        return observe(state)

    def delete(self, endpoint: str) -> Endpoint:
        """Stop the endpoint, and forget it with its logs."""
        stopped = self.stop(endpoint)
        store = self._existing(endpoint)
        with store.changing():  # the lock's own file stays: somebody may be waiting for it
            store.state_file.unlink(missing_ok=True)
            discard(store.folder / "logs")
        return stopped

    def probe(self, endpoint: str, deployment: Deployment | None = None) -> Probe:
        """How to reach the endpoint, or one of its deployments by its own port.

        Raises:
            BadInputError: There is no such endpoint.
            RemoteError: Nothing serves there.
        """
        if isinstance(deployment, LocalDeployment):
            return Probe(deployment.url, key=self._api_key)
        found = self.find(endpoint)
        if found.url is None or found.status == "stopped":
            raise serves_nothing(endpoint)
        return Probe(found.url, key=self._api_key)

    def all(self) -> list[Endpoint]:
        """Every endpoint as it is right now, by name."""
        return [observe(EndpointStore(self._root, name).load()) for name in endpoint_names(self._root)]

    def find(self, endpoint: str) -> Endpoint:
        """One endpoint as it is right now.

        Raises:
            BadInputError: There is none of that name.
        """
        return observe(self._existing(endpoint).load())

    def logs(self, endpoint: str, lines: int = 100) -> str:
        """The last lines of the log of the deployment that has the traffic (or else of the one last started)."""
        state = self._existing(endpoint).load()
        shown = state.current or state.candidate or state.previous
        return "\n".join(last_lines(Path(shown.log), lines)) if shown else ""

    def _existing(self, endpoint: str) -> EndpointStore:
        store = EndpointStore(self._root, endpoint)
        if not store.exists():
            raise BadInputError(f"no endpoint {endpoint!r}", did_you_mean(endpoint, endpoint_names(self._root)))
        return store

    def _with_front(self, store: EndpointStore, state: EndpointState, port: int | None) -> EndpointState:
        """The endpoint's state once its front listens on the port."""
        front = state.front if is_alive(state.front) else None
        if front and port in (None, front.port):
            return state
        wanted = port or state.port or free_port()
        self.check_port(store.name, wanted)
        return self._launcher.front(store, wanted)

    def _after_switch(self, before: EndpointState, state: EndpointState) -> None:
        """Send kept-alive clients of the deployment that lost the traffic away, and end a front on another port."""
        send_signal(state.previous, _RETIRE)
        if before.front != state.front:
            send_signal(before.front, "SIGTERM")
