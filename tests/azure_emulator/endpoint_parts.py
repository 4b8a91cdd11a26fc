"""What online and batch endpoints, and their deployments, have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator.answers import Json, RefusalError, answer, system_data
from azure_emulator.names import CLIENT, REGION, SCORING_DOMAIN, TENANT
from azure_emulator.operations import Operation
from azure_emulator.routing import Call, Handler
from azure_emulator.state import resource_id, resource_type

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud


def found(cloud: Cloud, key: str) -> Json:
    resource = cloud.state.get(key)
    if resource is None:
        parts = key.split("/")
        what = "Deployment" if len(parts) > 2 else "Endpoint"
        raise RefusalError(404, f"{what}NotFound", f"{what} {parts[-1]} not found.")
    return resource


def resource(call: Call, key: str, properties: Json, old: Json | None) -> Json:
    made = {
        "id": resource_id(key),
        "name": key.rsplit("/", 1)[-1],
        "type": resource_type(key),
        "properties": properties,
        "systemData": _system_data(old),
        "tags": call.body.get("tags") or {},
        "location": call.body.get("location") or REGION,
        "kind": "Managed",
    }
    if "/" not in key.split("/", 1)[1]:
        made["identity"] = {"type": "SystemAssigned", "principalId": CLIENT, "tenantId": TENANT}
    return made


def _system_data(old: Json | None) -> Json:
    data = system_data(old, modified_type=False)
    del data["createdByType"]
    return data


def own_properties(call: Call, operation: Operation) -> Json:
    """The address of the latest operation stands in the resource itself."""
    address = operation.address("OperationsStatus", call.api_version)
    return {**(call.properties.get("properties") or {}), "AzureAsyncOperationUri": address}


def host(endpoint: str) -> str:
    return f"{endpoint}.{SCORING_DOMAIN}".lower()


def getter(prefix: str, deployment: bool = False) -> Handler:
    def get(cloud: Cloud, call: Call) -> Response:
        key = f"{prefix}/{call.values['name']}"
        return answer(found(cloud, f"{key}/deployments/{call.values['deployment']}" if deployment else key))

    return get


def lister(prefix: str, deployments: bool = False) -> Handler:
    def list_all(cloud: Cloud, call: Call) -> Response:
        place = prefix
        if deployments:
            place = f"{prefix}/{call.values['name']}/deployments"
            found(cloud, f"{prefix}/{call.values['name']}")
        return answer({"value": list(cloud.state.below(place))})

    return list_all
