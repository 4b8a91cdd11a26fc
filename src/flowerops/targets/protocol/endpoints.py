"""Where models are served: endpoints with a blue and a green deployment each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from flowerops.domain.deployment import Deployment, Endpoint, ModelRef


@dataclass(frozen=True)
class Probe:
    """How to reach an endpoint, or one of its deployments.

    url: Its base; scores are asked from its /score. headers: What every request carries. key: What it carries as
    `Authorization: Bearer KEY`. has_health_routes: Whether it answers /healthz and /readyz. warmup_s: How long it may
    take to answer at first. timeout_s: For one request.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str | None = field(default=None, repr=False)
    has_health_routes: bool = True
    warmup_s: float = 10.0
    timeout_s: float = 10.0

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers with the key among them."""
        return {**self.headers, **({"Authorization": f"Bearer {self.key}"} if self.key else {})}


@dataclass(frozen=True)
class Machines:
    """What a deployment runs on: the machines' type and how many; None is what the settings say."""

    instance_type: str | None = None
    count: int | None = None


@dataclass(frozen=True)
class Access:
    """How clients reach an endpoint of this machine.

    host: The address to listen on; None keeps the endpoint's, which is 127.0.0.1 at first. key: Whether clients need
    an API key; None leaves that as it is. port: None keeps the one that it has, or takes a free one.
    """

    host: str | None = None
    key: bool | None = None
    port: int | None = None


AS_BEFORE = Access()


@dataclass(frozen=True)
class StartOptions:
    """How a model is to be served.

    machines: What it runs on. access: How clients will reach it; whether they need a key is so from the start on, for
    what serves already, too. quantized: Serve the bundle's int8 model.
    """

    machines: Machines = Machines()
    access: Access = AS_BEFORE
    quantized: bool = False


PLAIN = StartOptions()


class RequestCounter(Protocol):
    """What clients' requests to a deployment came to since the counter was made.

    times_ms: One entry a request. errors: Those that the deployment failed; a client's own faults are none.
    """

    times_ms: list[float]
    errors: int

    def look(self) -> None:
        """Count what came since the last look."""


class EndpointHost(Protocol):
    """Where models are served: endpoints with a blue and a green deployment."""

    def deploying(self, endpoint: str) -> AbstractContextManager[None]:
        """Hold off other deploys to this endpoint while the block runs."""

    def choose_port(self, endpoint: str, wanted: int | None) -> int | None:
        """The port for a deploy; None where the endpoint has one already, or needs none.

        Raises:
            ConflictError: Somebody else listens on the wanted one.
        """

    def start(self, endpoint: str, bundle_dir: Path, model: ModelRef, options: StartOptions = PLAIN) -> Deployment:
        """Start the idle colour and wait until it is ready; traffic stays where it is.

        Args:
            endpoint: Its name; made when new.
            bundle_dir: The model's sealed bundle.
            model: Its registered name and version, and the digest that the bundle must have.
            options: How it is to be served.

        Raises:
            UsageError: The target has no such machines, or cannot give that access.
            ConflictError: The port is taken.
            RemoteError: It did not become ready, and is gone again; the error has its last log lines.
        """

    def probe(self, endpoint: str, deployment: Deployment | None = None) -> Probe:
        """How to reach a deployment, or whatever of the endpoint has the traffic.

        Raises:
            BadInputError: There is no such endpoint.
            RemoteError: Nothing serves there.
        """

    def activate(self, endpoint: str, deployment: Deployment, access: Access = AS_BEFORE) -> Endpoint:
        """Move all traffic to a deployment that is ready; the one before stays for a rollback.

        Raises:
            ConflictError: The port is taken, or somebody else deployed meanwhile. Traffic stays where it was.
        """

    def split(self, endpoint: str, deployment: Deployment, percent: int, access: Access = AS_BEFORE) -> Endpoint:
        """Give a deployment that is ready a share of the traffic, 1 to 50 percent; the active one keeps the rest.

        Raises:
            ConflictError: Nothing is active, the port is taken, or somebody else deployed meanwhile.
        """

    def requests_of(self, endpoint: str, deployment: Deployment) -> RequestCounter | None:
        """A counter of the clients' requests to a deployment; None where the target does not tell."""

    def promote(self, endpoint: str) -> Endpoint:
        """Move all traffic to the canary.

        Raises:
            ConflictError: There is none.
        """

    def discard(self, endpoint: str, deployment: Deployment) -> None:
        """Take a share of the traffic away from a deployment that never had all of it, and stop it."""

    def all(self) -> list[Endpoint]:
        """All endpoints with their deployments' real state."""

    def find(self, endpoint: str) -> Endpoint:
        """One endpoint.

        Raises:
            BadInputError: There is none; the hint has the nearest name.
        """

    def stop(self, endpoint: str) -> Endpoint:
        """Stop an endpoint and its deployments, so that nothing of it costs anything any more."""

    def delete(self, endpoint: str) -> Endpoint:
        """Stop an endpoint and remove every trace of it; gives it as it was."""

    def resume(self, endpoint: str) -> Endpoint:
        """Start again what ended of an endpoint, with the model that had the traffic."""

    def rollback(self, endpoint: str) -> Endpoint:
        """End a canary; without one, move traffic back to the deployment that had it before."""

    def key(self, endpoint: str) -> str | None:
        """The key (or token) that clients need, or None."""

    def rotate_key(self, endpoint: str, *, keep_former: bool = False) -> str:
        """Replace the key; gives the new one. keep_former: clients may go on with the old one until the next change.

        Raises:
            ConflictError: The endpoint needs no key.
        """

    def logs(self, endpoint: str, lines: int = 100) -> str:
        """The last lines of the active deployment's log."""

    def follow(self, endpoint: str, lines: int = 100) -> Iterator[str]:
        """The same, and then what is logged from now on, until the endpoint is stopped."""
