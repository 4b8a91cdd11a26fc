"""An endpoint and its blue and green deployments, wherever they run."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import SerializeAsAny

from flowerops.domain.bundle import VersionRef
from flowerops.domain.documents import Document
from flowerops.errors import ConflictError, RemoteError, UsageError

Colour = Literal["blue", "green"]
Role = Literal["active", "previous", "candidate"]
Status = Literal["running", "unhealthy", "stopped"]
PARITY_TOLERANCE = 1e-4
"""How far a deployed model's probability may be from what the model answered at training."""
QUANTIZED_TOLERANCE = 0.05
"""The same for an int8 model: its probabilities come in steps of 1/256, and processors round the last bit of a layer
differently."""
TEST_REQUESTS = "smoketest-"
"""The ids of a test's requests begin with it, so that they are not taken for clients'."""

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


class Deployment(Document):
    """One model version that is served. created: ISO 8601, UTC. bundle: its folder on this machine; may be empty.

    quantized: whether its int8 file is what answers.
    """

    endpoint: str
    colour: Colour
    model: ModelRef
    dataset: VersionRef
    build_id: str | None
    bundle: str = ""
    created: str
    quantized: bool = False


class ObservedDeployment(Deployment):
    """A deployment as it is right now: it lives and is ready (running), lives only (unhealthy), or ended (stopped).

    traffic: its share of the requests in percent.
    """

    role: Role
    status: Status
    traffic: int = 0


class Endpoint(Document):
    """An endpoint as it is right now; running means that its url answers from the active deployment.

    url: its base; scores are asked from its /score. port: on this machine only. public: whether others than this
    machine reach it. needs_key: whether clients need a key; None where nobody knows.
    """

    name: str
    url: str | None
    port: int | None = None
    status: Status
    active: Colour | None
    public: bool = False
    needs_key: bool | None = None
    deployments: list[SerializeAsAny[ObservedDeployment]]

    def deployment(self, role: Role) -> ObservedDeployment | None:
        """The deployment in a role."""
        return next((one for one in self.deployments if one.role == role), None)

    @property
    def canary(self) -> ObservedDeployment | None:
        """The deployment that has a share of the traffic beside the active one."""
        candidate = self.deployment("candidate")
        return candidate if candidate and candidate.traffic else None


def no_earlier_deployment(endpoint: str) -> ConflictError:
    """Why a rollback is refused."""
    return ConflictError(
        f"endpoint {endpoint} has no earlier deployment", "There is nothing to roll back to; deploy a model."
    )


def took_traffic(endpoint: str, colour: Colour) -> ConflictError:
    """Why a deployment is not discarded."""
    return ConflictError(f"deployment {colour} of {endpoint} took traffic; stop the endpoint")


def serves_nothing(endpoint: str) -> RemoteError:
    """Why an endpoint cannot be asked."""
    return RemoteError(f"endpoint {endpoint} serves nothing", f"Deploy a model: flowerops deploy --endpoint {endpoint}")


def changed_meanwhile(endpoint: str) -> ConflictError:
    """Why a deployment gets no traffic."""
    return ConflictError(
        f"endpoint {endpoint} was changed by somebody else meanwhile", "Look at it, then deploy again."
    )


def no_canary(endpoint: str) -> ConflictError:
    """Why nothing is promoted."""
    return ConflictError(
        f"endpoint {endpoint} has no canary", f"Begin one: flowerops deploy --endpoint {endpoint} --traffic 10"
    )
