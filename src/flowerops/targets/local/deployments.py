"""Deployments on this machine: scoring servers as daemons, and a front that gives one of them the traffic."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from flowerops.domain.deployment import (
    Deployment,
    Endpoint,
    ModelRef,
    no_canary,
    no_earlier_deployment,
    took_traffic,
)
from flowerops.errors import ConflictError, UsageError
from flowerops.targets.local.endpoint_state import LocalDeployment
from flowerops.targets.local.endpoint_store import EndpointStore
from flowerops.targets.local.launch import is_ready
from flowerops.targets.local.observe import observe
from flowerops.targets.local.ports import check_port, choose_port
from flowerops.targets.local.processes import is_alive, stop_all
from flowerops.targets.local.upkeep import READY_S, EndpointUpkeep
from flowerops.targets.protocol import AS_BEFORE, PLAIN, Access, Machines, StartOptions


class LocalDeployments(EndpointUpkeep):
    """Which of an endpoint's models has the traffic. Every method may be called from several processes at once."""

    def deploying(self, endpoint: str, timeout_s: float = 600.0) -> AbstractContextManager[None]:
        """Hold this round start, smoke test and activate, so that two deploys come one after the other.

        Raises:
            ConflictError: Another one holds it for longer than the timeout.
        """
        return EndpointStore(self._root, endpoint).deploying(timeout_s, self._progress.message)

    def choose_port(self, endpoint: str, wanted: int | None) -> int | None:
        """The port asked for; else None where the endpoint has one already; else the first free one.

        Raises:
            ConflictError: Somebody else listens on it, or there is no free one.
        """
        return choose_port(EndpointStore(self._root, endpoint), wanted)

    def start(self, endpoint: str, bundle_dir: Path, model: ModelRef, options: StartOptions = PLAIN) -> LocalDeployment:
        """Start a server for a model in the idle colour and wait until it is ready; traffic stays where it is.

        The port that `activate` will be asked for is checked before anything is started.

        Raises:
            UsageError: Other machines were asked for, or the network without a key.
            RemoteError: The server ended or was not ready in time; the error has its last log lines.
            ConflictError: The port is taken.
            BadInputError, StoreIntegrityError: There is no bundle, or it is damaged.
        """
        if options.machines != Machines():
            raise UsageError("the local target serves on this machine only", "Leave out the instances' type and count.")
        store, access, quantized = EndpointStore(self._root, endpoint), options.access, options.quantized
        if access.port is not None:
            check_port(store, access.port)
        with store.changing():
            state = store.load()
            store.keys.settle([state.host, access.host or state.host], access.key, self._api_key)
            state = self._without_candidate(store, state)
            _, deployment = self._launcher.deployment(store, state.idle_colour, bundle_dir, model, quantized=quantized)
        return deployment

    def split(self, endpoint: str, deployment: Deployment, percent: int, access: Access = AS_BEFORE) -> Endpoint:
        """Give what `start` gave a share of the traffic beside the active deployment.

        Raises:
            ConflictError: There is nothing beside it, the port is taken, or somebody else deployed meanwhile.
        """
        assert isinstance(deployment, LocalDeployment)
        store = EndpointStore(self._root, endpoint)
        with store.changing():
            before = store.load()
            before.with_share(deployment, percent)  # raises before anything is touched
            state = self._traffic.front(store, access.port, access.host)
            state = store.save(state.with_share(deployment, percent))
            self._traffic.shared(state)
        return observe(store)

    def activate(self, endpoint: str, deployment: Deployment, access: Access = AS_BEFORE) -> Endpoint:
        """Move all traffic to what `start` gave. The one that had it keeps running as the previous one.

        Raises:
            ConflictError: The port is taken, or somebody else deployed meanwhile. Traffic stays where it was.
        """
        assert isinstance(deployment, LocalDeployment)
        store = EndpointStore(self._root, endpoint)
        with store.changing():
            before = store.load()
            before.activated(deployment)  # raises before anything is touched
            state = self._traffic.front(store, access.port, access.host)
            # The oldest of the three goes before the switch: killed in between, the state still tells the truth.
            stop_all([state.deployments.get(deployment.colour)], self._grace_s)
            state = store.save(state.activated(deployment))
            self._traffic.switched(before, state)
        return observe(store)

    def promote(self, endpoint: str) -> Endpoint:
        """Move all traffic to the canary.

        Raises:
            ConflictError: There is none, or it does not run.
        """
        state = self._existing(endpoint).load()
        if state.candidate is None or not state.candidate_share:
            raise no_canary(endpoint)
        if not is_ready(state.candidate, READY_S):
            raise ConflictError(f"the canary of endpoint {endpoint} does not run", "Deploy it again.")
        return self.activate(endpoint, state.candidate)

    def discard(self, endpoint: str, deployment: Deployment) -> None:
        """Stop a deployment that never took all traffic; the endpoint goes on as before."""
        assert isinstance(deployment, LocalDeployment)
        store = EndpointStore(self._root, endpoint)
        with store.changing():
            state = store.load()
            if deployment.same_process(state.current) or deployment.same_process(state.previous):
                raise took_traffic(endpoint, deployment.colour)
            if deployment.same_process(state.candidate):
                self._without_candidate(store, state)
            else:
                stop_all([deployment], self._grace_s)

    def rollback(self, endpoint: str) -> Endpoint:
        """End a canary; without one, move all traffic back to the deployment that had it before.

        That one is started again when it no longer runs.

        Raises:
            ConflictError: There is no earlier deployment.
            RemoteError: It had to be started again and did not become ready. Traffic stays where it was.
        """
        store = self._existing(endpoint)
        with store.changing():
            before = store.load()
            if before.candidate_share:
                self._without_candidate(store, before)
                return observe(store)
            previous = before.previous
            if previous is None:
                raise no_earlier_deployment(endpoint)
            if not is_alive(previous) or not previous.guarded:
                self._launcher.clear(store, before.candidate, previous)  # its place is needed
                previous = self._launcher.again(store, previous)
            self._traffic.takes_clients_again(previous)
            state = self._traffic.front(store)
            state = store.save(state.rolled_back(previous))
            self._traffic.switched(before, state)
        return observe(store)
