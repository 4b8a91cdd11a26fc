"""Managed online endpoints as they are: what serves and what was logged, keys, and their end."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flowerops.domain.deployment import Deployment, Endpoint, serves_nothing
from flowerops.domain.progress import Progress, SilentProgress
from flowerops.errors import BadInputError, ConflictError, UsageError
from flowerops.io.tails import lines_after
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.endpoint_view import active_colour, base_url
from flowerops.targets.azureml.managed import Managed
from flowerops.targets.azureml.mirror import Mirror
from flowerops.targets.azureml.operations import Waiting
from flowerops.targets.protocol import Probe

_HEADER = "azureml-model-deployment"
"""Sends a request to one deployment, past the traffic rule."""
_WARMUP_S = 180.0
_FOLLOW_S = 5.0
_LOG_HEADING = "Container logs:\n"
_FOLLOWED_LINES = 1000
"""So many lines are asked for at each look: what is more between two of them is lost."""


class EndpointUpkeep:
    """The endpoints of a workspace."""

    def __init__(
        self, client: AzureClient, mirror: Mirror, progress: Progress | None = None, poll_s: float = 5.0
    ) -> None:
        self._client = client
        self._mirror = mirror
        self._progress = progress or SilentProgress()
        self._managed = Managed(client, Waiting(self._progress, poll_s))

    def all(self) -> list[Endpoint]:
        """Every managed endpoint of the workspace, by name."""
        return [self._managed.observed(one) for one in self._managed.all()]

    def find(self, endpoint: str) -> Endpoint:
        """One endpoint as it is right now."""
        return self._managed.observed(self._managed.get(endpoint))

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

    def key(self, endpoint: str) -> str | None:
        """The primary key, or a token."""
        self._managed.get(endpoint)
        return self._managed.key(endpoint)

    def rotate_key(self, endpoint: str, *, keep_former: bool = False) -> str:
        """Replace the primary key.

        Raises:
            UsageError: The old one was to be kept.
            ConflictError: The endpoint takes tokens.
        """
        if keep_former:
            raise UsageError(
                "Azure ML does not keep the old key of a managed endpoint",
                "Give clients the secondary key of the studio first, then rotate: it stays.",
            )
        return self._managed.new_key(endpoint)

    def logs(self, endpoint: str, lines: int = 100) -> str:
        """The last lines of the container of the deployment that has the traffic, or else of the one that there is."""
        seen = self.find(endpoint)
        shown = seen.deployment("active") or next(iter(seen.deployments), None)
        return self._managed.logs(endpoint, shown.colour, lines) if shown else ""

    def follow(self, endpoint: str, lines: int = 100) -> Iterator[str]:
        """The same, and then what is new in it, looked at every few seconds."""
        seen: list[str] = []
        shown = lines
        while True:
            try:
                # Before it stands what the container's start was like, with the time of asking.
                text = self.logs(endpoint, max(lines, _FOLLOWED_LINES)).rpartition(_LOG_HEADING)[2]
                now = text.splitlines()
            except BadInputError:  # the endpoint is gone
                if not seen:
                    raise
                return
            yield from lines_after(seen, now)[-shown:]
            seen, shown = now, _FOLLOWED_LINES
            time.sleep(_FOLLOW_S)

    def resume(self, endpoint: str) -> Endpoint:
        """Nothing to do: the service itself starts a container again that ended.

        Raises:
            ConflictError: It does not serve, and starting would not help.
        """
        seen = self.find(endpoint)
        if seen.status != "running":
            raise ConflictError(
                f"managed endpoint {endpoint} is {seen.status}; Azure ML starts what ended by itself",
                f"Look at its log: flowerops deployments logs {endpoint}, or deploy again.",
            )
        return seen

    def stop(self, endpoint: str) -> Endpoint:
        """Remove the endpoint: machines that only wait cost as much as machines that score."""
        seen = self.find(endpoint)
        self._managed.delete(endpoint)
        gone = [one.model_copy(update={"status": "stopped"}) for one in seen.deployments]
        return seen.model_copy(update={"url": None, "status": "stopped", "active": None, "deployments": gone})

    def delete(self, endpoint: str) -> Endpoint:
        """The same as `stop`: nothing is left of a managed endpoint that is stopped."""
        return self.stop(endpoint)
