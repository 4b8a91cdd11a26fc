"""From the SDK's endpoints and deployments to ours: everything that we know of a deployment stands in its tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flowerops.domain.bundle import BUNDLE_FILE, BundleInfo, VersionRef
from flowerops.domain.deployment import Colour, Deployment, Endpoint, ModelRef, ObservedDeployment, Role, Status
from flowerops.targets.azureml.words import plain

COLOURS: tuple[Colour, Colour] = ("blue", "green")
PREVIOUS_TAG = "flowerops.previous"
"""On the endpoint: colour and creation time of the deployment that had the traffic before, so that nobody rolls back to
one that was never proven."""
CANARY_TAG = "flowerops.canary"
"""On the endpoint: the colour that has a share of the traffic only, which halves would not tell."""
_STATES: dict[str, Status] = {"Succeeded": "running", "Deleting": "stopped"}


def tags_of(deployment: Deployment) -> dict[str, str]:
    """The tags that `deployment_of` reads back."""
    return {
        "model_name": deployment.model.name,
        "model_version": str(deployment.model.version),
        "bundle_digest": deployment.model.digest,
        "dataset_name": deployment.dataset.name,
        "dataset_version": str(deployment.dataset.version),
        "dataset_digest": deployment.dataset.digest,
        "build_id": deployment.build_id or "",
        "created": deployment.created,
        "quantized": "true" if deployment.quantized else "",
    }


def new_deployment(endpoint: str, colour: Colour, model: ModelRef, bundle: Path, quantized: bool) -> Deployment:
    """A deployment of a bundle that is about to be made."""
    info = BundleInfo.from_json((bundle / BUNDLE_FILE).read_bytes(), BUNDLE_FILE)
    return Deployment(
        endpoint=endpoint,
        colour=colour,
        model=model,
        dataset=info.processed,
        build_id=info.build_id,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        quantized=quantized,
    )


def deployment_of(endpoint: str, found: Any) -> Deployment | None:
    """What the SDK's deployment is for us; None for one that somebody else made."""
    tags: Mapping[str, str] = found.tags or {}
    if found.name not in COLOURS:
        return None
    try:
        model = ModelRef(name=tags["model_name"], version=int(tags["model_version"]), digest=tags["bundle_digest"])
        dataset = VersionRef(
            name=tags["dataset_name"], version=int(tags["dataset_version"]), digest=tags["dataset_digest"]
        )
        return Deployment(
            endpoint=endpoint,
            colour=found.name,
            model=model,
            dataset=dataset,
            build_id=tags.get("build_id") or None,
            created=tags["created"],
            quantized=bool(tags.get("quantized")),
        )
    except (KeyError, ValueError):
        return None


def state_of(found: Any) -> str:
    """The provisioning state of an SDK endpoint or deployment."""
    return plain(found.provisioning_state)


def mark_of(deployment: Deployment | None) -> str:
    """What the previous tag says of a deployment."""
    return f"{deployment.colour} {deployment.created}" if deployment else ""


def active_colour(found: Any) -> Colour | None:
    """The colour with the most traffic of an SDK endpoint; of two halves the one that is no canary."""
    shares = shares_of(found)
    canary = (found.tags or {}).get(CANARY_TAG)
    best = max(COLOURS, key=lambda colour: (shares[colour], colour != canary))
    return best if shares[best] > 0 else None


def shares_of(found: Any) -> dict[Colour, int]:
    """What share of the traffic each colour of an SDK endpoint has, in percent."""
    return {colour: int((found.traffic or {}).get(colour) or 0) for colour in COLOURS}


def observed(found: Any, deployments: Iterable[Any]) -> Endpoint:
    """An SDK endpoint with its deployments as it is right now."""
    active = active_colour(found)
    previous = (found.tags or {}).get(PREVIOUS_TAG)
    seen = []
    for one in deployments:
        deployment = deployment_of(str(found.name), one)
        if deployment is None:
            continue
        role: Role = "candidate"
        if deployment.colour == active:
            role = "active"
        elif mark_of(deployment) == previous:
            role = "previous"
        status = _STATES.get(state_of(one), "unhealthy")
        share = shares_of(found)[deployment.colour]
        seen.append(ObservedDeployment(**deployment.model_dump(), role=role, status=status, traffic=share))
    seen.sort(key=lambda one: ("active", "previous", "candidate").index(one.role))
    return Endpoint(
        name=str(found.name),
        url=base_url(found.scoring_uri),
        status=_status(state_of(found), seen),
        active=active,
        public=True,
        needs_key=True,
        deployments=list(seen),
    )


def base_url(scoring_uri: str | None) -> str | None:
    """An endpoint's url without the route that scores."""
    return scoring_uri.rstrip("/").removesuffix("/score") if scoring_uri else None


def _status(state: str, deployments: list[ObservedDeployment]) -> Status:
    active = next((one for one in deployments if one.role == "active"), None)
    if not deployments or state == "Deleting":
        return "stopped"
    return "running" if state in ("Succeeded", "Updating") and active and active.status == "running" else "unhealthy"
