"""Azure's resource manager, for what the SDK has no method for."""

from __future__ import annotations

from typing import Any

from flowerops.targets.azureml.client import MANAGEMENT, AzureClient, said_by
from flowerops.targets.azureml.errors import from_status, translating

_PERMISSIONS = "providers/Microsoft.Authorization/permissions?api-version=2022-04-01"


def server_date() -> str:
    """The Date header of an answer, which the service sends to anybody (RFC 9110, 6.6.1).

    Raises:
        RemoteError: There is no connection.
    """
    from azure.core import PipelineClient
    from azure.core.pipeline import policies
    from azure.core.rest import HttpRequest

    client: Any = PipelineClient(base_url="", policies=[policies.RetryPolicy(retry_total=1)])
    with translating("reach Azure"), client:
        answer = client.send_request(HttpRequest("GET", MANAGEMENT), connection_timeout=5, read_timeout=10)
        return str(answer.headers["Date"])


def permissions(client: AzureClient) -> list[dict[str, Any]]:
    """What the caller may do in the workspace: a list of `actions` and `notActions` for each role assignment.

    Source: Azure REST reference, Authorization, "Permissions - List For Resource".
    """
    from azure.core.rest import HttpRequest

    what = "read your permissions"
    with translating(what):
        answer = client.http.send_request(HttpRequest("GET", f"{MANAGEMENT}{client.workspace_id}/{_PERMISSIONS}"))
        if answer.status_code >= 400:
            raise from_status(answer.status_code, said_by(answer), what)
        return list(answer.json()["value"])
