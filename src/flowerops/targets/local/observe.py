"""Compare what is stored about an endpoint with what really runs."""

from __future__ import annotations

from collections.abc import Sequence

from flowerops.domain.deployment import Endpoint, ObservedDeployment, Role, Status
from flowerops.errors import RemoteError
from flowerops.io.http import send
from flowerops.serving.binding import is_loopback
from flowerops.targets.local.endpoint_state import EndpointState, LocalDeployment, ObservedLocalDeployment
from flowerops.targets.local.endpoint_store import EndpointStore
from flowerops.targets.local.launch import is_ready
from flowerops.targets.local.processes import is_alive

_TIMEOUT_S = 2.0


def observe(store: EndpointStore) -> Endpoint:
    """The endpoint as it is right now: asks the processes, trusts no record."""
    state = store.load()
    roles: list[tuple[Role, LocalDeployment | None]] = [
        ("active", state.current),
        ("previous", state.previous),
        ("candidate", state.candidate),
    ]
    deployments = [_observed(one, role, _traffic(state, role)) for role, one in roles if one]
    front = state.front if is_alive(state.front) else None
    return Endpoint(
        name=state.name,
        url=state.url,
        port=state.port,
        status=_status(state, deployments, front is not None),
        active=state.active,
        public=not is_loopback(state.host),
        needs_key=store.keys.load().key is not None,
        deployments=deployments,
    )


def _traffic(state: EndpointState, role: Role) -> int:
    shares: dict[Role, int] = {"active": 100 - state.candidate_share, "candidate": state.candidate_share}
    return shares.get(role, 0)


def _observed(deployment: LocalDeployment, role: Role, traffic: int) -> ObservedLocalDeployment:
    status: Status = "stopped"
    if is_alive(deployment):
        status = "running" if is_ready(deployment, _TIMEOUT_S) else "unhealthy"
    return ObservedLocalDeployment(**deployment.model_dump(), role=role, status=status, traffic=traffic)


def _status(state: EndpointState, deployments: Sequence[ObservedDeployment], has_front: bool) -> Status:
    if not has_front and all(one.status == "stopped" for one in deployments):
        return "stopped"
    active = next((one for one in deployments if one.role == "active"), None)
    if not has_front or active is None or active.status != "running":
        return "unhealthy"
    return "running" if _front_answers(state) else "unhealthy"


def _front_answers(state: EndpointState) -> bool:
    try:
        return send("GET", f"{state.url}/healthz", timeout_s=_TIMEOUT_S).status == 200
    except RemoteError:
        return False
