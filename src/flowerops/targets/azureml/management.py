"""Azure's resource manager, for what the SDK has no method for."""

from __future__ import annotations

from typing import Any

from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.http import MANAGEMENT, http_client, send

_PERMISSIONS = "providers/Microsoft.Authorization/permissions?api-version=2022-04-01"


def server_date() -> str:
    """The Date header of an answer, which the service sends to anybody (RFC 9110, 6.6.1).

    Raises:
        RemoteError: There is no connection.
    """
    from azure.core.rest import HttpRequest

    with translating("reach Azure"), http_client(retries={"retry_total": 1}) as client:
        answer = client.send_request(HttpRequest("GET", MANAGEMENT), connection_timeout=5, read_timeout=10)
        return str(answer.headers["Date"])


def permissions(client: AzureClient) -> list[dict[str, Any]]:
    """What the caller may do in the workspace: a list of `actions` and `notActions` for each role assignment.

    Source: Azure REST reference, Authorization, "Permissions - List For Resource".
    """
    url = f"{MANAGEMENT}{client.workspace_id}/{_PERMISSIONS}"
    return list(send(client.http, "read your permissions", "GET", url).json()["value"])
