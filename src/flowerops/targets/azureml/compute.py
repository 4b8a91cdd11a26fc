"""Compute clusters, made when a job first needs them."""

from __future__ import annotations

from flowerops.domain.progress import Progress
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.errors import translating

SERVERLESS = "serverless"


def ensure_compute(client: AzureClient, progress: Progress, instances: int = 1) -> str:
    """The name of the cluster that jobs run on; made with a managed identity when it does not exist.

    Raises:
        RemoteError: The subscription's quota does not allow it.
    """
    from azure.core.exceptions import ResourceNotFoundError

    settings = client.settings
    name = settings.compute
    if name == SERVERLESS:
        return name
    with translating(f"look at compute {name}"):
        try:
            client.ml.compute.get(name)
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
