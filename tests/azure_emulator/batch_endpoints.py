"""Batch endpoints whose deployments are pipeline components: an invocation starts a pipeline job."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator import asset_forms, endpoint_parts, jobs
from azure_emulator.answers import Json, RefusalError, answer
from azure_emulator.operations import Operation
from azure_emulator.routing import Call, Route
from azure_emulator.state import resource_id

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

KIND = "batchEndpoints"


def put_endpoint(cloud: Cloud, call: Call) -> Response:
    name, sent = call.values["name"], call.properties
    key = f"{KIND}/{name}"
    old = cloud.state.get(key)
    operation = Operation("be")
    address = f"https://{endpoint_parts.host(name)}"
    properties = {
        "description": sent.get("description"),
        "properties": endpoint_parts.own_properties(call, operation),
        "scoringUri": f"{address}/jobs",
        "swaggerUri": None,
        "authMode": sent.get("authMode") or "AADToken",
        # Always an object: the SDK's own samples set `endpoint.defaults.deployment_name` after a get.
        "defaults": sent.get("defaults") or {"deploymentName": None},
        "provisioningState": "Updating" if old else "Creating",
    }
    return _store(cloud, call, key, properties, operation)


def put_deployment(cloud: Cloud, call: Call) -> Response:
    key, sent = f"{KIND}/{call.values['name']}/deployments/{call.values['deployment']}", call.properties
    endpoint_parts.found(cloud, f"{KIND}/{call.values['name']}")
    operation = Operation("bd")
    names = ("description", "codeConfiguration", "environmentId", "environmentVariables", "compute", "model")
    names += ("errorThreshold", "loggingLevel", "maxConcurrencyPerInstance", "miniBatchSize", "outputAction")
    names += ("outputFileName", "resources", "retrySettings", "deploymentConfiguration")
    properties = {
        **{name: sent.get(name) for name in names},
        "properties": endpoint_parts.own_properties(call, operation),
        "provisioningState": "Updating" if cloud.state.get(key) else "Creating",
    }
    _component(cloud, properties)
    return _store(cloud, call, key, properties, operation)


def _store(cloud: Cloud, call: Call, key: str, properties: Json, operation: Operation) -> Response:
    old = cloud.state.get(key)
    resource = endpoint_parts.resource(call, key, properties, old)
    cloud.state.put(key, resource)
    shown = answer(resource, 200 if old else 201, cloud.operations.headers(operation, call, call.location))
    cloud.operations.start(operation, lambda: properties.update(provisioningState="Succeeded"))
    return shown


def _component(cloud: Cloud, deployment: Json) -> Json:
    """The pipeline component of a deployment; others are not emulated."""
    configuration = deployment.get("deploymentConfiguration") or {}
    reference = (configuration.get("componentId") or {}).get("assetId")
    if not reference:
        raise RefusalError(400, "NotEmulated", "Only deployments of pipeline components are emulated.")
    found = cloud.state.get((asset_forms.asset_key(reference) or "").replace("*", "components"))
    if found is None:
        raise RefusalError(400, "ComponentNotFound", f"Component {reference} was not found.")
    return found


def delete(cloud: Cloud, call: Call) -> Response:
    key = f"{KIND}/{call.values['name']}"
    if "deployment" in call.values:
        key += f"/deployments/{call.values['deployment']}"
    if cloud.state.get(key) is None:
        return answer(None, 204)
    operation = cloud.operations.start(Operation("be"), lambda: cloud.state.delete(key))
    return answer(None, 202, cloud.operations.headers(operation, call))


def invoke(cloud: Cloud, call: Call, name: str) -> Response:
    """Start a job from the deployment's component with the inputs sent."""
    if "authorization" not in call.headers:
        return answer({"error": {"code": "AuthenticationFailed", "message": "A bearer token is needed."}}, 401)
    endpoint = endpoint_parts.found(cloud, f"{KIND}/{name}")
    default = (endpoint["properties"].get("defaults") or {}).get("deploymentName")
    deployment = call.headers.get("azureml-model-deployment") or default
    if not deployment:
        raise RefusalError(400, "NoDefaultDeployment", f"Endpoint {name} has no default deployment.")
    found = endpoint_parts.found(cloud, f"{KIND}/{name}/deployments/{deployment}")
    sent = call.properties
    job = f"batchjob-{uuid.uuid4()}"
    made = jobs.submit(cloud, job, _definition(cloud, name, found, sent))
    properties = {**made["properties"], "endpoint": name, "deployment": deployment, "inputData": sent.get("inputData")}
    key = f"{KIND}/{name}/jobs/{job}"
    return answer({**made, "id": resource_id(key), "properties": properties}, 201)


def _definition(cloud: Cloud, endpoint: str, deployment: Json, sent: Json) -> Json:
    spec = _component(cloud, deployment["properties"])["properties"]["componentSpec"]
    configuration = deployment["properties"]["deploymentConfiguration"]
    settings = dict(configuration.get("settings") or {})
    inputs = {key: _default(value) for key, value in (spec.get("inputs") or {}).items() if "default" in value}
    inputs |= {key: _input(value) for key, value in (sent.get("inputData") or {}).items()}
    outputs = {key: {"jobOutputType": value["type"]} for key, value in (spec.get("outputs") or {}).items()}
    outputs |= {key: _output(value) for key, value in (sent.get("outputData") or {}).items()}
    required = [key for key, value in (spec.get("inputs") or {}).items() if value.get("optional") != "True"]
    lacking = [key for key in required if key not in inputs]
    if lacking:
        raise RefusalError(400, "RequestInvalid", f"Required input {lacking[0]} is missing.")
    return {
        "jobType": "Pipeline",
        "displayName": f"{endpoint}-{deployment['name']}",
        "experimentName": sent.get("experimentName") or endpoint,
        "properties": {"azureml.batchendpoint": endpoint, "azureml.deploymentname": deployment["name"]},
        "tags": configuration.get("tags") or {},
        "computeId": settings.get("default_compute"),
        "settings": settings,
        "jobs": spec["jobs"],
        "inputs": inputs,
        "outputs": outputs,
    }


def _default(described: Json) -> Json:
    return {"jobInputType": "literal", "value": described["default"]}


def _input(sent: Json) -> Json:
    kind = sent.get("jobInputType") or ""
    if kind.lower() in ("literal", "string", "integer", "number", "boolean"):
        return {"jobInputType": "literal", "value": str(sent.get("value"))}
    types = {"urifolder": "uri_folder", "urifile": "uri_file", "custommodel": "custom_model"}
    return {"jobInputType": types.get(kind.lower(), kind), "uri": sent["uri"]}


def _output(sent: Json) -> Json:
    types = {"urifolder": "uri_folder", "urifile": "uri_file", "custommodel": "custom_model"}
    kind = sent.get("jobOutputType") or "uri_folder"
    return {"jobOutputType": types.get(kind.lower(), kind), "uri": sent.get("uri")}


def list_jobs(cloud: Cloud, call: Call) -> Response:
    name = call.values["name"]
    mine = [
        {**job, "properties": {**job["properties"], "status": cloud.state.runs[job["name"]].status}}
        for job in cloud.state.below("jobs")
        if job["properties"]["properties"].get("azureml.batchendpoint") == name
    ]
    return answer({"value": mine})


_ENDPOINT = "{ws}/batchEndpoints/{name}"
_DEPLOYMENT = _ENDPOINT + "/deployments/{deployment}"
ROUTES = [
    Route("GET", "{ws}/batchEndpoints", endpoint_parts.lister(KIND)),
    Route("GET", _ENDPOINT, endpoint_parts.getter(KIND)),
    Route("PUT", _ENDPOINT, put_endpoint),
    Route("DELETE", _ENDPOINT, delete),
    Route("GET", _ENDPOINT + "/deployments", endpoint_parts.lister(KIND, deployments=True)),
    Route("GET", _DEPLOYMENT, endpoint_parts.getter(KIND, deployment=True)),
    Route("PUT", _DEPLOYMENT, put_deployment),
    Route("DELETE", _DEPLOYMENT, delete),
    Route("GET", _ENDPOINT + "/jobs", list_jobs),
    Route("GET", "/mferp/managementfrontend" + _ENDPOINT + "/jobs", list_jobs),
]
