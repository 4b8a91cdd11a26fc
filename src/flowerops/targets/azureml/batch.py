"""Call a batch endpoint. The SDK's own call keeps its headers for whoever calls next in the process."""

from __future__ import annotations

from collections.abc import Mapping

from flowerops.errors import RemoteError
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.http import http_client, send

_SCOPE = "https://ml.azure.com/.default"


def invoke(client: AzureClient, url: str, folders: Mapping[str, str]) -> str:
    """Start a job of an endpoint's default deployment.

    Args:
        client: Who calls.
        url: The endpoint's address.
        folders: The pipeline's folder inputs by name, as long addresses.

    Returns:
        The job's name.

    Raises:
        FlowerOpsError: See `errors.from_status`.
    """
    body = {"properties": {"inputData": {name: _folder(uri) for name, uri in folders.items()}}}
    once = {"retry_total": 0}  # a call that came through unheard would retrain twice
    with http_client(client.credential, _SCOPE, once) as http:
        started = send(http, "start the pipeline", "POST", url, json=body).json()
    if not started.get("name"):
        raise RemoteError("the batch endpoint started a job and did not name it", "See: flowerops runs list")
    return str(started["name"])


def _folder(uri: str) -> dict[str, str]:
    return {"jobInputType": "UriFolder", "uri": uri}
