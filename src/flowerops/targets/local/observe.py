"""Compare what is stored about an endpoint with what really runs."""

from __future__ import annotations

from collections.abc import Sequence

from flowerops.domain.deployment import Endpoint, ObservedDeployment, Role, Status
from flowerops.errors import RemoteError
from flowerops.io.http import send
from flowerops.targets.local.endpoint_state import EndpointState, LocalDeployment, ObservedLocalDeployment
from flowerops.targets.local.launch import is_ready
from flowerops.targets.local.processes import is_alive

_TIMEOUT_S = 2.0


def observe(state: EndpointState) -> Endpoint:
    """The endpoint as it is right now: asks the processes, trusts no record."""
    roles: list[tuple[Role, LocalDeployment | None]] = [
        ("active", state.current),
        ("previous", state.previous),
        ("candidate", state.candidate),
    ]
    deployments = [_observed(one, role) for role, one in roles if one]
    front = state.front if is_alive(state.front) else None
    return Endpoint(
        name=state.name,
        url=f"http://127.0.0.1:{state.port}" if state.port else None,
        port=state.port,
        status=_status(state, deployments, front is not None),
        active=state.active,
        deployments=deployments,
    )


def _observed(deployment: LocalDeployment, role: Role) -> ObservedLocalDeployment:
    status: Status = "stopped"
    if is_alive(deployment):
        status = "running" if is_ready(deployment, _TIMEOUT_S) else "unhealthy"
    return ObservedLocalDeployment(**deployment.model_dump(), role=role, status=status)


def _status(state: EndpointState, deployments: Sequence[ObservedDeployment], has_front: bool) -> Status:
    if not has_front and all(one.status == "stopped" for one in deployments):
        return "stopped"
    active = next((one for one in deployments if one.role == "active"), None)
    if not has_front or active is None or active.status != "running":
        return "unhealthy"
    return "running" if _front_answers(state) else "unhealthy"


def _front_answers(state: EndpointState) -> bool:
    try:
        return send("GET", f"http://127.0.0.1:{state.port}/healthz", timeout_s=_TIMEOUT_S).status == 200
    except RemoteError:
        return False
