"""An endpoint and its blue and green deployments: what is stored about them, and how it changes."""

from __future__ import annotations

import re
from typing import Literal, Self

from flowerops.domain.bundle import VersionRef
from flowerops.domain.documents import Document
from flowerops.errors import ConflictError, UsageError

Colour = Literal["blue", "green"]
Role = Literal["active", "previous", "candidate"]
Status = Literal["running", "unhealthy", "stopped"]
PARITY_TOLERANCE = 1e-4
"""How far a deployed model's probability may be from what the model answered at training."""

_NAME = re.compile(r"[a-z][a-z0-9-]{1,31}")


def valid_endpoint_name(name: str) -> str:
    """Give the name back when it may be used for a folder and a cloud endpoint.

    Raises:
        UsageError: Anything but 2 to 32 lower-case letters, digits and `-`, beginning with a letter.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"endpoint name {name!r} is not allowed",
            "Use 2 to 32 lower-case letters, digits and '-', beginning with a letter.",
        )
    return name


class ModelRef(Document):
    """A registered model version and its bundle's digest (SHA-256, 64 hex digits)."""

    name: str
    version: int
    digest: str


class ServerProcess(Document):
    """A server on this machine. `started` (s since 1970) tells its pid from the same pid given out again later."""

    pid: int
    started: float
    port: int
    log: str

    @property
    def url(self) -> str:
        """Where it listens; loopback only."""
        return f"http://127.0.0.1:{self.port}"


class Deployment(ServerProcess):
    """One model version served by one process. created: ISO 8601, UTC. bundle: the folder it was loaded from."""

    endpoint: str
    colour: Colour
    model: ModelRef
    dataset: VersionRef
    build_id: str
    bundle: str
    created: str

    def same_process(self, other: ServerProcess | None) -> bool:
        """Whether both records are about one process."""
        return other is not None and (self.pid, self.started) == (other.pid, other.started)


class EndpointState(Document):
    """What is stored of an endpoint; the front reads `active` and `deployments` from it.

    port: the endpoint's own, where its front listens. candidate: started and not (yet) given traffic.
    generation: how many processes were started so far.
    """

    schema_version: int = 1
    name: str
    port: int | None = None
    active: Colour | None = None
    generation: int = 0
    deployments: dict[Colour, Deployment] = {}
    candidate: Deployment | None = None
    front: ServerProcess | None = None

    @property
    def idle_colour(self) -> Colour:
        """The colour that a new deployment gets."""
        return "green" if self.active == "blue" else "blue"

    @property
    def current(self) -> Deployment | None:
        """The deployment that has the traffic."""
        return self.deployments.get(self.active) if self.active else None

    @property
    def previous(self) -> Deployment | None:
        """The deployment that had the traffic before."""
        return self.deployments.get(self.idle_colour)

    def with_candidate(self, candidate: Deployment | None) -> Self:
        """A started deployment that has no traffic, or none any more."""
        return self.model_copy(update={"candidate": candidate})

    def with_front(self, front: ServerProcess | None) -> Self:
        """Another front process; the endpoint's port is the front's."""
        update = {"front": front} | ({"port": front.port} if front else {})
        return self.model_copy(update=update)

    def next_generation(self) -> Self:
        """Count one more started process."""
        return self.model_copy(update={"generation": self.generation + 1})

    def activated(self, deployment: Deployment) -> Self:
        """Give all traffic to the candidate; the one that had it stays as the previous one.

        Raises:
            ConflictError: It is not the candidate for the idle colour; somebody else deployed or rolled back meanwhile.
        """
        if not deployment.same_process(self.candidate) or deployment.colour == self.active:
            raise ConflictError(
                f"endpoint {self.name} was changed by somebody else meanwhile", "Look at it, then deploy again."
            )
        deployments = {**self.deployments, deployment.colour: deployment}
        return self.model_copy(
            update={"candidate": None, "active": deployment.colour, "deployments": deployments},
        )

    def rolled_back(self, previous: Deployment) -> Self:
        """Give all traffic to the previous deployment, which may have been started anew."""
        deployments = {**self.deployments, previous.colour: previous}
        candidate = None if previous.same_process(self.candidate) else self.candidate
        return self.model_copy(
            update={"candidate": candidate, "active": previous.colour, "deployments": deployments},
        )


class ObservedDeployment(Deployment):
    """A deployment as it is right now: its process lives and is ready (running), lives only (unhealthy), or ended."""

    role: Role
    status: Status


class Endpoint(Document):
    """An endpoint as it is right now; running means that its url answers from the active deployment."""

    name: str
    url: str | None
    port: int | None
    status: Status
    active: Colour | None
    deployments: list[ObservedDeployment]

    def deployment(self, role: Role) -> ObservedDeployment | None:
        """The deployment in a role."""
        return next((one for one in self.deployments if one.role == role), None)
