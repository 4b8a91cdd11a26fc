"""Compute clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator.answers import Json, answer, iso
from azure_emulator.names import REGION
from azure_emulator.operations import Operation
from azure_emulator.routing import Call, Route
from azure_emulator.state import resource_id, resource_type

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

_NO_NODES = ("preparing", "running", "idle", "unusable", "leaving", "preempted")


def put(cloud: Cloud, call: Call) -> Response:
    key = f"computes/{call.values['name']}"
    resource = _resource(call, cloud.state.get(key))
    cloud.state.put(key, resource)
    operation = cloud.operations.start(Operation("compute"), lambda: _finish(resource))
    return answer(resource, 201, cloud.operations.headers(operation, call))


def _resource(call: Call, old: Json | None) -> Json:
    sent, name = call.properties, call.values["name"]
    own = dict(sent.get("properties") or {})
    moment = iso()
    return {
        "id": resource_id(f"computes/{name}"),
        "name": name,
        "type": resource_type(f"computes/{name}"),
        "location": call.body.get("location") or REGION,
        "tags": call.body.get("tags"),
        "properties": {
            "createdOn": old["properties"]["createdOn"] if old else moment,
            "modifiedOn": moment,
            "disableLocalAuth": bool(sent.get("disableLocalAuth")),
            "description": sent.get("description"),
            "resourceId": None,
            "computeType": sent.get("computeType") or "AmlCompute",
            "provisioningState": "Creating" if old is None else "Updating",
            "provisioningErrors": None,
            "provisioningWarnings": None,
            "isAttachedCompute": False,
            "properties": {
                "vmSize": str(own.get("vmSize") or "").upper(),
                "vmPriority": own.get("vmPriority") or "Dedicated",
                "scaleSettings": own.get("scaleSettings"),
                "subnet": None,
                "currentNodeCount": None,
                "targetNodeCount": None,
                "nodeStateCounts": None,
                "allocationState": None,
                "errors": None,
                "remoteLoginPortPublicAccess": own.get("remoteLoginPortPublicAccess") or "NotSpecified",
                "osType": own.get("osType") or "Linux",
                "virtualMachineImage": None,
                "isolatedNetwork": False,
                "enableNodePublicIp": own.get("enableNodePublicIp", True),
                "enableBatchPrivateLink": False,
            },
        },
    }


def _finish(resource: Json) -> None:
    resource["tags"] = resource["tags"] or {}
    properties = resource["properties"]
    properties |= {"provisioningState": "Succeeded", "computeLocation": REGION, "provisioningWarnings": {}}
    properties["properties"] |= {
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": {f"{state}NodeCount": 0 for state in _NO_NODES},
        "allocationState": "Steady",
        "allocationStateTransitionTime": iso(),
        "propertyBag": {},
    }


def get(cloud: Cloud, call: Call) -> Response:
    """A compute that is not there is a 404 without a body."""
    found = cloud.state.get(f"computes/{call.values['name']}")
    return answer(found, 200 if found else 404)


def list_all(cloud: Cloud, call: Call) -> Response:
    return answer({"value": list(cloud.state.below("computes"))})


def delete(cloud: Cloud, call: Call) -> Response:
    key = f"computes/{call.values['name']}"
    found = cloud.state.get(key)
    if found is None:
        return answer(None, 404)
    found["properties"]["provisioningState"] = "Deleting"
    operation = cloud.operations.start(Operation("compute"), lambda: cloud.state.delete(key))
    return answer(None, 202, cloud.operations.headers(operation, call))


ROUTES = [
    Route("GET", "{ws}/computes", list_all),
    Route("GET", "{ws}/computes/{name}", get),
    Route("PUT", "{ws}/computes/{name}", put),
    Route("DELETE", "{ws}/computes/{name}", delete),
]
