"""The SDK's order for one deployment of a managed endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.domain.deployment import Deployment
from flowerops.io.atomic import staging_folder
from flowerops.serving.azureml_entry import (
    DIGEST_VARIABLE,
    NAME_VARIABLE,
    QUANTIZED_VARIABLE,
    VERSION_VARIABLE,
    WORKERS_VARIABLE,
)
from flowerops.serving.snapshot import ENTRY_FILE, serving_snapshot
from flowerops.targets.azureml.code_upload import with_code
from flowerops.targets.azureml.endpoint_view import tags_of


@dataclass(frozen=True)
class Order:
    """One deployment: what it serves, in which environment (`azureml:NAME:VERSION`), and on what.

    workers: requests that one machine scores at the same time. timeout_s: what one request may take.
    """

    deployment: Deployment
    environment: str
    instance_type: str
    count: int
    workers: int
    timeout_s: float


def begin_deployment(ml: Any, order: Order, work: Path) -> Any:
    """Upload the code and ask for the deployment; gives the SDK's poller.

    Args:
        ml: The workspace's client.
        order: What to make.
        work: A folder for the code on its way.
    """
    what = f"make deployment {order.deployment.colour} of endpoint {order.deployment.endpoint}"
    with staging_folder(work) as folder:
        wanted = _deployment(order, serving_snapshot(folder / "code"))
        return with_code(what, lambda: ml.online_deployments.begin_create_or_update(wanted))


def _deployment(order: Order, code: Path) -> Any:
    """The SDK's ManagedOnlineDeployment."""
    from azure.ai.ml.entities import (
        CodeConfiguration,
        ManagedOnlineDeployment,
        OnlineRequestSettings,
        ProbeSettings,
    )

    made, model = order.deployment, order.deployment.model
    probes = ProbeSettings(initial_delay=10, period=10, timeout=2, failure_threshold=30)
    return ManagedOnlineDeployment(
        name=made.colour,
        endpoint_name=made.endpoint,
        model=f"azureml:{model.name}:{model.version}",
        environment=order.environment,
        code_configuration=CodeConfiguration(code=str(code), scoring_script=ENTRY_FILE),
        instance_type=order.instance_type,
        instance_count=order.count,
        environment_variables=_variables(order),
        request_settings=OnlineRequestSettings(
            max_concurrent_requests_per_instance=order.workers, request_timeout_ms=int(order.timeout_s * 1000)
        ),
        liveness_probe=probes,
        readiness_probe=probes,
        app_insights_enabled=True,
        tags=tags_of(made),
    )


def _variables(order: Order) -> dict[str, str]:
    """What `serving.azureml_entry` reads."""
    model = order.deployment.model
    return {
        NAME_VARIABLE: model.name,
        VERSION_VARIABLE: str(model.version),
        DIGEST_VARIABLE: model.digest,
        WORKERS_VARIABLE: str(order.workers),
        **({QUANTIZED_VARIABLE: "1"} if order.deployment.quantized else {}),
    }
