"""What is stored about an endpoint on this machine, and how it changes."""

from __future__ import annotations

from typing import Self

from flowerops.domain.deployment import Colour, Deployment, ObservedDeployment, changed_meanwhile
from flowerops.domain.documents import Document

LOOPBACK = "127.0.0.1"


class ServerProcess(Document):
    """A server on this machine. `started` (s since 1970) tells its pid from the same pid given out again later.

    mark: does so, too, where there is one, and also after the clock was set; see `processes.boot_mark`.
    """

    pid: int
    started: float
    mark: str | None = None
    port: int
    log: str

    @property
    def url(self) -> str:
        """Where it listens; loopback only."""
        return f"http://{LOOPBACK}:{self.port}"


class FrontProcess(ServerProcess):
    """An endpoint's front. host: the address that it listens on."""

    host: str = LOOPBACK

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        return reached_at(self.host, self.port)


class LocalDeployment(ServerProcess, Deployment):
    """A deployment that is one process of this machine; its bundle is the folder that it was loaded from.

    guarded: whether it obeys the endpoint's file of keys; servers that an earlier flowerops started do not.
    """

    guarded: bool = False

    def same_process(self, other: ServerProcess | None) -> bool:
        """Whether both records are about one process."""
        return other is not None and (self.pid, self.started) == (other.pid, other.started)


class ObservedLocalDeployment(ObservedDeployment, LocalDeployment):
    """A deployment with its process, as it is right now."""


class EndpointState(Document):
    """What is stored of an endpoint; the front reads `active`, `deployments`, `candidate` and `candidate_share`.

    port, host: the endpoint's own, where its front listens. candidate: started and not (yet) given all traffic;
    candidate_share: what it has of it, in percent. generation: how many processes were started so far.
    """

    schema_version: int = 1
    name: str
    port: int | None = None
    host: str = LOOPBACK
    active: Colour | None = None
    generation: int = 0
    deployments: dict[Colour, LocalDeployment] = {}
    candidate: LocalDeployment | None = None
    candidate_share: int = 0
    front: FrontProcess | None = None

    @property
    def url(self) -> str | None:
        """Where this machine reaches the endpoint."""
        return reached_at(self.host, self.port) if self.port else None

    @property
    def processes(self) -> list[ServerProcess]:
        """All that are on record."""
        records = [self.front, *self.deployments.values(), self.candidate]
        return [record for record in records if record is not None]

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
        return self.model_copy(update={"candidate": candidate, "candidate_share": 0})

    def with_share(self, deployment: LocalDeployment, percent: int) -> Self:
        """Give the candidate a share of the traffic.

        Raises:
            ConflictError: It is not the candidate, or there is nothing beside it.
        """
        if not deployment.same_process(self.candidate) or self.current is None or deployment.colour == self.active:
            raise changed_meanwhile(self.name)
        return self.model_copy(update={"candidate_share": percent})

    def with_front(self, front: FrontProcess | None) -> Self:
        """Another front process; the endpoint's port and address are the front's."""
        update = {"front": front} | ({"port": front.port, "host": front.host} if front else {})
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
            raise changed_meanwhile(self.name)
        deployments = {**self.deployments, deployment.colour: deployment}
        update = {"active": deployment.colour, "deployments": deployments}
        return self.with_candidate(None).model_copy(update=update)

    def restored(self, deployment: LocalDeployment) -> Self:
        """Put a deployment that was started again into the place that it has already."""
        deployments = {**self.deployments, deployment.colour: deployment}
        return self.with_candidate(None).model_copy(update={"deployments": deployments})

    def rolled_back(self, previous: LocalDeployment) -> Self:
        """Give all traffic to the previous deployment, which may have been started anew."""
        deployments = {**self.deployments, previous.colour: previous}
        candidate = None if previous.same_process(self.candidate) else self.candidate
        update = {"active": previous.colour, "deployments": deployments}
        return self.with_candidate(candidate).model_copy(update=update)


def reached_at(host: str, port: int) -> str:
    """The url under which this machine reaches a server that listens on an address."""
    everywhere = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - looked up, not listened on
    reached = everywhere.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
