"""Managed online endpoints and their deployments."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator import asset_forms, endpoint_parts
from azure_emulator.answers import Json, RefusalError, answer, iso
from azure_emulator.operations import Operation
from azure_emulator.routing import Call, Route
from azure_emulator.state import resource_id

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

KIND = "onlineEndpoints"
_PROBE = {"failureThreshold": 30, "successThreshold": 1, "timeout": "PT2S", "period": "PT10S", "initialDelay": "PT10S"}


def _key(call: Call) -> str:
    key = f"{KIND}/{call.values['name']}"
    return f"{key}/deployments/{call.values['deployment']}" if "deployment" in call.values else key


def put_endpoint(cloud: Cloud, call: Call) -> Response:
    """Also how traffic is changed: the answer shows the old traffic, the new one comes with the operation's end."""
    key, sent = _key(call), call.properties
    traffic = {name: int(share) for name, share in (sent.get("traffic") or {}).items()}
    _check_traffic(cloud, key, traffic)
    old = cloud.state.get(key)
    operation = Operation("oe" if old else "oeidp")
    before: Json = old["properties"] if old else {}
    properties = {
        "description": sent.get("description"),
        "properties": {
            "azureml.onlineendpointid": resource_id(key).lower(),
            **endpoint_parts.own_properties(call, operation),
        },
        "scoringUri": before.get("scoringUri"),
        "swaggerUri": before.get("swaggerUri"),
        "authMode": sent.get("authMode") or "Key",
        "provisioningState": "Updating" if old else "Creating",
        "compute": None,
        "traffic": before.get("traffic") or {},
        "mirrorTraffic": sent.get("mirrorTraffic") or {},
        "publicNetworkAccess": sent.get("publicNetworkAccess") or "Enabled",
    }
    resource = endpoint_parts.resource(call, key, properties, old)
    cloud.state.put(key, resource)
    cloud.state.keys.setdefault(key.lower(), {"primaryKey": uuid.uuid4().hex, "secondaryKey": uuid.uuid4().hex})
    shown = answer(resource, 201, cloud.operations.headers(operation, call, call.location))

    def finish() -> None:
        address = f"https://{endpoint_parts.host(call.values['name'])}"
        properties.update(scoringUri=f"{address}/score", swaggerUri=f"{address}/swagger.json")
        properties.update(traffic=traffic, provisioningState="Succeeded")

    cloud.operations.start(operation, finish)
    return shown


def _check_traffic(cloud: Cloud, key: str, traffic: dict[str, int]) -> None:
    there = {deployment["name"].lower() for deployment in cloud.state.below(f"{key}/deployments")}
    unknown = [name for name in traffic if name.lower() not in there]
    if unknown:
        text = f"Specified traffic target deployment {unknown[0]} does not exist."
        raise RefusalError(400, "BadTrafficTarget", text)
    if sum(traffic.values()) not in (0, 100):
        raise RefusalError(400, "BadTraffic", "Sum of traffic percentages must be 0 or 100.")


def put_deployment(cloud: Cloud, call: Call) -> Response:
    """Creates a deployment, or replaces it; its server is started before the operation ends."""
    key, sent = _key(call), call.properties
    endpoint_parts.found(cloud, f"{KIND}/{call.values['name']}")
    _check_assets(cloud, sent)
    old = cloud.state.get(key)
    operation = Operation("od")
    properties = _deployment(call, sent, operation)
    resource = endpoint_parts.resource(call, key, properties, old)
    sku = call.body.get("sku") or {}
    resource["sku"] = {"name": sku.get("name") or "Default", "tier": "Standard", "capacity": sku.get("capacity") or 1}
    cloud.state.put(key, resource)
    shown = answer(resource, 201, cloud.operations.headers(operation, call, call.location))

    def finish() -> None:
        try:
            variables = cloud.servers.start(call.values["name"], call.values["deployment"], properties)
        except RefusalError:
            properties["provisioningState"] = "Failed"
            raise
        _ready(properties, sent, variables)

    cloud.operations.start(operation, finish)
    return shown


def _check_assets(cloud: Cloud, sent: Json) -> None:
    code = (sent.get("codeConfiguration") or {}).get("codeId")
    named = [("models", sent.get("model")), ("environments", sent.get("environmentId")), ("codes", code)]
    for kind, reference in named:
        key = asset_forms.asset_key(reference) if reference else None
        if reference and (key is None or cloud.state.get(key.replace("*", kind)) is None):
            text = f"{kind} {reference.rsplit('/workspaces/', 1)[-1]} was not found."
            raise RefusalError(400, "ResourceNotFound", text)


def _deployment(call: Call, sent: Json, operation: Operation) -> Json:
    wanted = sent.get("requestSettings") or {}
    requests = {"maxQueueWait": "PT0S", "requestTimeout": "PT0S", "maxConcurrentRequestsPerInstance": 1}
    concurrent = wanted.get("maxConcurrentRequestsPerInstance")
    return {
        "description": sent.get("description"),
        "properties": endpoint_parts.own_properties(call, operation),
        "codeConfiguration": sent.get("codeConfiguration"),
        "environmentId": sent.get("environmentId"),
        "environmentVariables": sent.get("environmentVariables") or {},
        "scaleSettings": sent.get("scaleSettings") or {"scaleType": "Default"},
        "requestSettings": {**requests, **({"maxConcurrentRequestsPerInstance": concurrent} if concurrent else {})},
        "modelMountPath": sent.get("modelMountPath"),
        "appInsightsEnabled": bool(sent.get("appInsightsEnabled")),
        "livenessProbe": None,
        "readinessProbe": None,
        "provisioningState": "Updating",
        "instanceType": sent.get("instanceType"),
        "model": sent.get("model"),
        "egressPublicNetworkAccess": sent.get("egressPublicNetworkAccess") or "Enabled",
        "dataCollector": sent.get("dataCollector"),
        "endpointComputeType": "Managed",
    }


def _ready(properties: Json, sent: Json, variables: dict[str, str]) -> None:
    timeout = (sent.get("requestSettings") or {}).get("requestTimeout") or "PT5S"
    properties["requestSettings"] |= {"requestTimeout": timeout}
    for probe in ("livenessProbe", "readinessProbe"):
        properties[probe] = {**_PROBE, **{name: value for name, value in (sent.get(probe) or {}).items() if value}}
    properties["environmentVariables"] = {**properties["environmentVariables"], **variables}
    properties["provisioningState"] = "Succeeded"


def delete(cloud: Cloud, call: Call) -> Response:
    """A deployment goes alone, an endpoint with all it has; what is not there is a 204."""
    key = _key(call)
    if cloud.state.get(key) is None:
        return answer(None, 204)
    if "deployment" in call.values:
        _check_idle(cloud, call)

    def finish() -> None:
        cloud.servers.stop(call.values["name"], call.values.get("deployment"))
        cloud.state.delete(key)

    operation = cloud.operations.start(Operation("od" if "deployment" in call.values else "oe"), finish)
    return answer(None, 202, cloud.operations.headers(operation, call))


def _check_idle(cloud: Cloud, call: Call) -> None:
    endpoint = endpoint_parts.found(cloud, f"{KIND}/{call.values['name']}")
    share = endpoint["properties"]["traffic"].get(call.values["deployment"], 0)
    if share:
        text = f"Deployment {call.values['deployment']} has {share}% of the traffic; set it to 0 before deleting it."
        raise RefusalError(400, "DeploymentHasTraffic", text)


def list_keys(cloud: Cloud, call: Call) -> Response:
    """An endpoint that knows no keys answers null for both."""
    endpoint = endpoint_parts.found(cloud, _key(call))
    if endpoint["properties"]["authMode"].lower() != "key":
        return answer({"primaryKey": None, "secondaryKey": None})
    return answer(cloud.state.keys[_key(call).lower()])


def regenerate_keys(cloud: Cloud, call: Call) -> Response:
    endpoint_parts.found(cloud, _key(call))
    which = "primaryKey" if call.body["keyType"].lower() == "primary" else "secondaryKey"
    keys = cloud.state.keys[_key(call).lower()]
    operation = cloud.operations.start(Operation("oe"), lambda: keys.update({which: uuid.uuid4().hex}))
    return answer(None, 202, cloud.operations.headers(operation, call))


def token(cloud: Cloud, call: Call) -> Response:
    endpoint_parts.found(cloud, _key(call))
    moment = int(time.time())
    times = {"expiryTimeUtc": moment + 43200, "refreshAfterTimeUtc": moment + 39600}
    return answer({"accessToken": cloud.state.keys[_key(call).lower()]["primaryKey"], "tokenType": "Bearer", **times})


def get_logs(cloud: Cloud, call: Call) -> Response:
    endpoint_parts.found(cloud, _key(call))
    lines = cloud.servers.log(call.values["name"], call.values["deployment"]).splitlines()
    tail = call.body.get("tail")
    shown = "\n".join(lines[-int(tail) :] if tail else lines)
    steps = ("SystemSetup", "UserContainerImagePull", "ModelDownload", "UserContainerStart")
    status = "\n".join(f"{step}: Succeeded" for step in steps)
    event = f"Kind: Pod, Name: Downloading, Type: Normal, Time: {iso()}, Message: Start downloading models"
    text = f"Instance status:\n{status}\n\nContainer events:\n{event}\n\nContainer logs:\n{shown}\n\n"
    return answer({"content": text})


_ENDPOINT = "{ws}/onlineEndpoints/{name}"
_DEPLOYMENT = _ENDPOINT + "/deployments/{deployment}"
ROUTES = [
    Route("GET", "{ws}/onlineEndpoints", endpoint_parts.lister(KIND)),
    Route("GET", _ENDPOINT, endpoint_parts.getter(KIND)),
    Route("PUT", _ENDPOINT, put_endpoint),
    Route("DELETE", _ENDPOINT, delete),
    Route("POST", _ENDPOINT + "/listKeys", list_keys),
    Route("POST", _ENDPOINT + "/regenerateKeys", regenerate_keys),
    Route("POST", _ENDPOINT + "/token", token),
    Route("GET", _ENDPOINT + "/deployments", endpoint_parts.lister(KIND, deployments=True)),
    Route("GET", _DEPLOYMENT, endpoint_parts.getter(KIND, deployment=True)),
    Route("PUT", _DEPLOYMENT, put_deployment),
    Route("DELETE", _DEPLOYMENT, delete),
    Route("POST", _DEPLOYMENT + "/getLogs", get_logs),
]
