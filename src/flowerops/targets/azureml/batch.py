"""Call a batch endpoint. The SDK's own call keeps its headers for whoever calls next in the process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowerops.errors import RemoteError
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.errors import from_status, translating

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
    from azure.core import PipelineClient
    from azure.core.pipeline import policies
    from azure.core.rest import HttpRequest

    body = {"properties": {"inputData": {name: _folder(uri) for name, uri in folders.items()}}}
    http: Any = PipelineClient(
        base_url="",
        policies=[
            policies.UserAgentPolicy("flowerops"),
            policies.RetryPolicy(retry_total=0),  # a call that came through unheard would retrain twice
            policies.BearerTokenCredentialPolicy(client.credential, _SCOPE),
        ],
    )
    what = "start the pipeline"
    with translating(what), http:
        answer = http.send_request(HttpRequest("POST", url, json=body))
        if answer.status_code >= 400:
            raise from_status(answer.status_code, answer.text(), what)
        started = answer.json()
    if not started.get("name"):
        raise RemoteError("the batch endpoint started a job and did not name it", "See: flowerops runs list")
    return str(started["name"])


def _folder(uri: str) -> dict[str, str]:
    return {"jobInputType": "UriFolder", "uri": uri}
