"""Compute clusters, made when a job first needs them."""

from __future__ import annotations

from typing import Any

from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.errors import translating

SERVERLESS = "serverless"


def ensure_compute(client: AzureClient, progress: Progress, instances: int = 1) -> str:
    """The name of the cluster that jobs run on; made with a managed identity when it does not exist.

    Raises:
        BadInputError: It exists and can never have so many machines: the job would wait for ever.
        RemoteError: The subscription's quota does not allow it.
    """
    from azure.core.exceptions import ResourceNotFoundError

    settings = client.settings
    name = settings.compute
    if name == SERVERLESS:
        return name
    with translating(f"look at compute {name}"):
        try:
            _check_size(client.ml.compute.get(name), instances)
            return name
        except ResourceNotFoundError:
            pass
    nodes = max(settings.compute_max_nodes, instances)
    progress.message(f"making compute {name}: {settings.compute_size}, 0 to {nodes} {settings.compute_priority} nodes")
    with translating(f"make compute {name}"):
        from azure.ai.ml.entities import AmlCompute, IdentityConfiguration

        cluster = AmlCompute(
            name=name,
            size=settings.compute_size,
            min_instances=settings.compute_min_nodes,
            max_instances=nodes,
            idle_time_before_scale_down=settings.compute_idle_seconds,
            tier=settings.compute_priority,
            identity=IdentityConfiguration(type="SystemAssigned"),
        )
        client.ml.compute.begin_create_or_update(cluster).result()
    return name


def _check_size(compute: Any, instances: int) -> None:
    most = getattr(compute, "max_instances", None)
    if most is not None and int(most) < instances:
        raise BadInputError(
            f"compute {compute.name} has {most} machines at most, and --instances wants {instances}",
            "Choose fewer, or name another cluster with --compute; one that does not exist yet is made large enough.",
        )
