"""Managed online endpoints: a blue and a green deployment each, and a traffic rule between them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from flowerops.domain.bundle import BUNDLE_FILE, BundleInfo
from flowerops.domain.deployment import (
    Colour,
    Deployment,
    Endpoint,
    ModelRef,
    no_earlier_deployment,
    serves_nothing,
    took_traffic,
    valid_endpoint_name,
)
from flowerops.domain.progress import Progress, SilentProgress
from flowerops.errors import ConflictError, FlowerOpsError
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.deploying import Order, begin_deployment
from flowerops.targets.azureml.endpoint_view import active_colour, base_url, new_deployment
from flowerops.targets.azureml.environments import ensure_environment
from flowerops.targets.azureml.managed import Managed
from flowerops.targets.azureml.mirror import Mirror
from flowerops.targets.azureml.operations import Waiting
from flowerops.targets.protocol import Machines, Probe

_HEADER = "azureml-model-deployment"
"""Sends a request to one deployment, past the traffic rule."""
_WARMUP_S = 180.0
_LOCK_S = 600.0


class AzureEndpoints:
    """See `targets.protocol.EndpointHost`. Deployments of other people on the same endpoint are left alone."""

    def __init__(
        self, client: AzureClient, mirror: Mirror, progress: Progress | None = None, poll_s: float = 5.0
    ) -> None:
        self._client = client
        self._mirror = mirror
        self._progress = progress or SilentProgress()
        self._managed = Managed(client, Waiting(self._progress, poll_s))

    def deploying(self, endpoint: str) -> AbstractContextManager[None]:
        """Hold the endpoint's lock in the datastore."""
        return self._locked(valid_endpoint_name(endpoint))

    def choose_port(self, endpoint: str, wanted: int | None) -> int | None:
        """A managed endpoint has an address of its own."""
        return None

    def start(
        self,
        endpoint: str,
        bundle_dir: Path,
        model: ModelRef,
        port: int | None = None,
        machines: Machines | None = None,
    ) -> Deployment:
        """Make the endpoint if it is new, and a deployment in its idle colour; takes minutes.

        Raises:
            RemoteError: It did not become ready and is gone again; the details have the last log lines.
        """
        settings, machines = self._client.settings, machines or Machines()
        info = BundleInfo.from_json((bundle_dir / BUNDLE_FILE).read_bytes(), BUNDLE_FILE)
        found = self._managed.ensure(endpoint, settings.endpoint_auth)
        colour: Colour = "green" if active_colour(found) == "blue" else "blue"
        # Its place is needed: an interrupted deploy, or what had the traffic before the one that has it.
        self._managed.remove(endpoint, colour)
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        order = Order(
            new_deployment(endpoint, colour, model, info, created),
            ensure_environment(self._client.ml, "serve", settings),
            machines.instance_type or settings.instance_type,
            machines.count or settings.instance_count,
            settings.endpoint_workers,
            settings.endpoint_timeout_s,
        )
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

    def activate(self, endpoint: str, deployment: Deployment, port: int | None = None) -> Endpoint:
        """Move all traffic; the service takes its time for it.

        Raises:
            ConflictError: Somebody else deployed or rolled back meanwhile. Traffic stays where it was.
        """
        found = self._managed.get(endpoint)
        active = active_colour(found)
        if active == deployment.colour or self._managed.made(endpoint, deployment.colour) != deployment:
            raise ConflictError(
                f"endpoint {endpoint} was changed by somebody else meanwhile", "Look at it, then deploy again."
            )
        return self._managed.switch(found, deployment, self._managed.made(endpoint, active) if active else None)

    def discard(self, endpoint: str, deployment: Deployment) -> None:
        """Delete a deployment that never took traffic."""
        if active_colour(self._managed.get(endpoint)) == deployment.colour:
            raise took_traffic(endpoint, deployment.colour)
        if self._managed.made(endpoint, deployment.colour) == deployment:
            self._managed.remove(endpoint, deployment.colour)

    def rollback(self, endpoint: str) -> Endpoint:
        """Move all traffic back to the deployment that had it before.

        Raises:
            ConflictError: There is no earlier deployment.
        """
        with self.deploying(endpoint):
            seen = self.find(endpoint)
            previous, active = seen.deployment("previous"), seen.deployment("active")
            if previous is None or previous.status != "running":
                raise no_earlier_deployment(endpoint)
            return self._managed.switch(self._managed.get(endpoint), previous, active)

    def stop(self, endpoint: str) -> Endpoint:
        """Remove the endpoint: machines that only wait cost as much as machines that score."""
        seen = self.find(endpoint)
        self._managed.delete(endpoint)
        gone = [one.model_copy(update={"status": "stopped"}) for one in seen.deployments]
        return seen.model_copy(update={"url": None, "status": "stopped", "active": None, "deployments": gone})

    def delete(self, endpoint: str) -> Endpoint:
        """The same as `stop`: nothing is left of a managed endpoint that is stopped."""
        return self.stop(endpoint)

    def probe(self, endpoint: str, deployment: Deployment | None = None) -> Probe:
        """The endpoint's address and key or token, and the header that leads to one deployment."""
        found = self._managed.get(endpoint)
        url = base_url(found.scoring_uri)
        if url is None or (deployment is None and active_colour(found) is None):
            raise serves_nothing(endpoint)
        return Probe(
            url,
            headers={_HEADER: deployment.colour} if deployment else {},
            key=self._managed.key(endpoint),
            has_health_routes=False,
            warmup_s=_WARMUP_S,
            timeout_s=self._client.settings.endpoint_timeout_s + 5.0,
        )

    def all(self) -> list[Endpoint]:
        """Every managed endpoint of the workspace, by name."""
        return [self._managed.observed(one) for one in self._managed.all()]

    def find(self, endpoint: str) -> Endpoint:
        """One endpoint as it is right now."""
        return self._managed.observed(self._managed.get(endpoint))

    def logs(self, endpoint: str, lines: int = 100) -> str:
        """The last lines of the container of the deployment that has the traffic, or else of the one that there is."""
        seen = self.find(endpoint)
        shown = seen.deployment("active") or next(iter(seen.deployments), None)
        return self._managed.logs(endpoint, shown.colour, lines) if shown else ""

    @contextlib.contextmanager
    def _locked(self, endpoint: str) -> Iterator[None]:
        place = self._mirror.place("locks", f"endpoint-{endpoint}")
        with self._mirror.blobs(place.datastore).lock(place.path, f"endpoint {endpoint}", _LOCK_S):
            yield
