"""Managed online endpoints: a blue and a green deployment each, and a traffic rule between them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from flowerops.domain.deployment import (
    Colour,
    Deployment,
    Endpoint,
    ModelRef,
    changed_meanwhile,
    no_canary,
    no_earlier_deployment,
    took_traffic,
    valid_endpoint_name,
)
from flowerops.errors import FlowerOpsError, UsageError
from flowerops.targets.azureml.deploying import Order, begin_deployment
from flowerops.targets.azureml.endpoint_upkeep import EndpointUpkeep
from flowerops.targets.azureml.endpoint_view import active_colour, new_deployment, shares_of
from flowerops.targets.azureml.environments import ensure_environment
from flowerops.targets.protocol import AS_BEFORE, PLAIN, Access, Machines, StartOptions

_LOCK_S = 600.0


class AzureEndpoints(EndpointUpkeep):
    """See `targets.protocol.EndpointHost`. Deployments of other people on the same endpoint are left alone."""

    def deploying(self, endpoint: str) -> AbstractContextManager[None]:
        """Hold the endpoint's lock in the datastore."""
        return self._locked(valid_endpoint_name(endpoint))

    def choose_port(self, endpoint: str, wanted: int | None) -> int | None:
        """A managed endpoint has an address of its own."""
        return None

    def start(self, endpoint: str, bundle_dir: Path, model: ModelRef, options: StartOptions = PLAIN) -> Deployment:
        """Make the endpoint if it is new, and a deployment in its idle colour; takes minutes.

        Raises:
            UsageError: Another address, or no key, was asked for.
            RemoteError: It did not become ready and is gone again; the details have the last log lines.
        """
        _check_access(options.access)
        found = self._managed.ensure(endpoint, self._client.settings.endpoint_auth)
        colour: Colour = "green" if active_colour(found) == "blue" else "blue"
        # Its place is needed: an interrupted deploy, or what had the traffic before the one that has it.
        self._remove(endpoint, colour)
        order = self._order(new_deployment(endpoint, colour, model, bundle_dir, options.quantized), options.machines)
        what = f"deployment {colour}"
        self._progress.message(f"{what}: {order.count} × {order.instance_type}; Azure ML takes some minutes for it")
        try:
            poller = begin_deployment(self._client.ml, order, self._mirror.root)
            self._managed.await_deployment(endpoint, colour, what, poller)
        except BaseException:  # Ctrl-C too: half a deployment costs as much as a whole one
            with contextlib.suppress(FlowerOpsError):
                self._managed.remove(endpoint, colour, wait=False)
            raise
        return order.deployment

    def _order(self, deployment: Deployment, machines: Machines) -> Order:
        settings = self._client.settings
        return Order(
            deployment,
            ensure_environment(self._client.ml, "serve", settings),
            machines.instance_type or settings.instance_type,
            machines.count or settings.instance_count,
            settings.endpoint_workers,
            settings.endpoint_timeout_s,
        )

    def split(self, endpoint: str, deployment: Deployment, percent: int, access: Access = AS_BEFORE) -> Endpoint:
        """Give a deployment a share of the traffic; the service takes its time for it.

        Raises:
            ConflictError: Nothing is active, or somebody else deployed meanwhile.
        """
        found = self._managed.get(endpoint)
        active = self._beside(found, deployment)
        if active is None:
            raise changed_meanwhile(endpoint)
        return self._managed.share(found, active, deployment.colour, percent)

    def requests_of(self, endpoint: str, deployment: Deployment) -> None:
        """Azure Monitor counts them, minutes later; a watch goes by what the deployment answers to its questions."""

    def promote(self, endpoint: str) -> Endpoint:
        """Move all traffic to the canary.

        Raises:
            ConflictError: There is none.
        """
        with self.deploying(endpoint):
            canary = self.find(endpoint).canary
            made = self._managed.made(endpoint, canary.colour) if canary else None
            if made is None:
                raise no_canary(endpoint)
            return self.activate(endpoint, made)

    def activate(self, endpoint: str, deployment: Deployment, access: Access = AS_BEFORE) -> Endpoint:
        """Move all traffic; the service takes its time for it.

        Raises:
            ConflictError: Somebody else deployed or rolled back meanwhile. Traffic stays where it was.
        """
        found = self._managed.get(endpoint)
        active = self._beside(found, deployment)
        return self._managed.switch(found, deployment, self._managed.made(endpoint, active) if active else None)

    def discard(self, endpoint: str, deployment: Deployment) -> None:
        """Delete a deployment that never had all the traffic; a share of it goes back first."""
        if active_colour(self._managed.get(endpoint)) == deployment.colour:
            raise took_traffic(endpoint, deployment.colour)
        if self._managed.made(endpoint, deployment.colour) == deployment:
            self._remove(endpoint, deployment.colour)

    def rollback(self, endpoint: str) -> Endpoint:
        """End a canary; without one, move all traffic back to the deployment that had it before.

        Raises:
            ConflictError: There is no earlier deployment.
        """
        with self.deploying(endpoint):
            seen = self.find(endpoint)
            if seen.canary:
                self._remove(endpoint, seen.canary.colour)
                return self.find(endpoint)
            previous, active = seen.deployment("previous"), seen.deployment("active")
            if previous is None or previous.status != "running":
                raise no_earlier_deployment(endpoint)
            return self._managed.switch(self._managed.get(endpoint), previous, active)

    def _beside(self, found: Any, deployment: Deployment) -> Colour | None:
        """The colour that has the traffic while this deployment has not.

        Raises:
            ConflictError: The deployment is not the one that was made, or has it already.
        """
        endpoint, active = str(found.name), active_colour(found)
        if active == deployment.colour or self._managed.made(endpoint, deployment.colour) != deployment:
            raise changed_meanwhile(endpoint)
        return active

    def _remove(self, endpoint: str, colour: Colour) -> None:
        """Delete a deployment; a canary's share of the traffic goes back first."""
        found = self._managed.get(endpoint)
        active = active_colour(found)
        if active is not None and active != colour and shares_of(found)[colour]:
            self._managed.share(found, active, colour, 0)
        self._managed.remove(endpoint, colour)

    @contextlib.contextmanager
    def _locked(self, endpoint: str) -> Iterator[None]:
        place = self._mirror.place("locks", f"endpoint-{endpoint}")
        with self._mirror.blobs(place.datastore).lock(
            place.path, f"endpoint {endpoint}", _LOCK_S, self._progress.message
        ):
            yield


def _check_access(access: Access) -> None:
    if access.host is not None:
        raise UsageError("a managed endpoint has an address of its own", "Leave out --host and --public.")
    if access.key is False:
        raise UsageError("a managed endpoint always asks for a key or a token", "Leave out --no-key.")
