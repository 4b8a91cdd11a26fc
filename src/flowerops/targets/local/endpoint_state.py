"""What is stored about an endpoint on this machine, and how it changes."""

from __future__ import annotations

from typing import Self

from flowerops.domain.deployment import Colour, Deployment, ObservedDeployment
from flowerops.domain.documents import Document
from flowerops.errors import ConflictError


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


class LocalDeployment(ServerProcess, Deployment):
    """A deployment that is one process of this machine; its bundle is the folder that it was loaded from."""

    def same_process(self, other: ServerProcess | None) -> bool:
        """Whether both records are about one process."""
        return other is not None and (self.pid, self.started) == (other.pid, other.started)


class ObservedLocalDeployment(ObservedDeployment, LocalDeployment):
    """A deployment with its process, as it is right now."""


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
    deployments: dict[Colour, LocalDeployment] = {}
    candidate: LocalDeployment | None = None
    front: ServerProcess | None = None

    @property
    def idle_colour(self) -> Colour:
        """The colour that a new deployment gets."""
        return "green" if self.active == "blue" else "blue"

    @property
    def current(self) -> LocalDeployment | None:
        """The deployment that has the traffic."""
        return self.deployments.get(self.active) if self.active else None

    @property
    def previous(self) -> LocalDeployment | None:
        """The deployment that had the traffic before."""
        return self.deployments.get(self.idle_colour)

    def with_candidate(self, candidate: LocalDeployment | None) -> Self:
        """A started deployment that has no traffic, or none any more."""
        return self.model_copy(update={"candidate": candidate})

    def with_front(self, front: ServerProcess | None) -> Self:
        """Another front process; the endpoint's port is the front's."""
        update = {"front": front} | ({"port": front.port} if front else {})
        return self.model_copy(update=update)

    def next_generation(self) -> Self:
        """Count one more started process."""
        return self.model_copy(update={"generation": self.generation + 1})

    def activated(self, deployment: LocalDeployment) -> Self:
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

    def rolled_back(self, previous: LocalDeployment) -> Self:
        """Give all traffic to the previous deployment, which may have been started anew."""
        deployments = {**self.deployments, previous.colour: previous}
        candidate = None if previous.same_process(self.candidate) else self.candidate
        return self.model_copy(
            update={"candidate": candidate, "active": previous.colour, "deployments": deployments},
        )
