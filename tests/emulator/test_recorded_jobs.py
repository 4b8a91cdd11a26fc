"""Jobs, runs and computes of the emulated Azure ML answer as recorded."""

from __future__ import annotations

import json

from azure_emulator import Emulator
from azure_emulator.names import API_HOST, REGION, WORKSPACE_ID, WORKSPACE_PATH
from helpers.azure_recordings import Caller, environment, new, specification

URI = "azureml://datastores/workspaceblobstore/paths/flowers/"


def submit_pipeline(call: Caller, command: str, *, recorded: bool = True) -> str:
    spec = specification(call, command)
    spec["inputs"] = {}
    sent = {"isAnonymous": False, "componentSpec": spec, "properties": {"client_component_hash": "h"}}
    place = f"/components/{spec['name']}/versions/0.0.1"
    component = call.quietly("PUT", place, {"properties": sent})
    node = {"name": "step", "type": "command", "componentId": component["id"], "_source": "YAML.JOB"}
    job = {
        "description": "d",
        "computeId": f"{WORKSPACE_PATH}/computes/serverless",
        "jobType": "Pipeline",
        "experimentName": "conformance",
        "displayName": "d",
        "tags": {},
        "properties": {},
        "isArchived": False,
        "inputs": {
            "data": {"uri": URI, "jobInputType": "uri_folder"},
            "epochs": {"jobInputType": "literal", "value": "20"},
        },
        "outputs": {"out": {"mode": "Upload", "jobOutputType": "uri_folder"}},
        "jobs": {"step": {**node, "outputs": {"out": {"value": "${{parent.outputs.out}}", "type": "literal"}}}},
        "settings": {"_source": "YAML.JOB"},
    }
    name = new("pipeline")
    if not recorded:
        call.quietly("PUT", f"/jobs/{name}", {"properties": {**job, "inputs": {}}})
        return name
    made = call("put pipeline", "PUT", f"/jobs/{name}", {"properties": job}).json()
    assert made["properties"]["status"] == "NotStarted"
    assert made["properties"]["jobs"] == job["jobs"]
    return name


def test_pipeline_that_succeeds(azure: Emulator, call: Caller) -> None:
    name = submit_pipeline(call, "true")
    azure.wait(name)
    (step,) = azure.steps(name).values()
    call("get step", "GET", f"/jobs/{step.identifier}")
    view = call.history("run", "GET", f"/runs/{step.identifier}")
    assert (view["inputs"], view["outputs"]) == (None, None)
    data = call.history("rundata", "POST", "/rundata", {"runId": step.identifier})
    asset = data["runMetadata"]["outputs"]["out"]["assetId"]
    assert "default" in data["runMetadata"]["outputs"]
    assert asset.startswith(f"azureml://locations/{REGION}/workspaces/{WORKSPACE_ID}/data/azureml_")
    address = f"https://{API_HOST}/data/v1.0{WORKSPACE_PATH}/dataversion/batchGetResolvedUris"
    call("resolve addresses", "POST", address, {"values": [asset]})
    call("cancel ended job", "POST", f"/jobs/{name}/cancel")


def test_pipeline_that_fails(azure: Emulator, call: Caller) -> None:
    name = submit_pipeline(call, "exit 1", recorded=False)
    azure.wait(name)
    call.history("children", "GET", f"/runs/{name}/children")
    job = call("get pipeline", "GET", f"/jobs/{name}").json()["properties"]
    assert json.loads(job["properties"]["azureml.pipelines.stages"])["Execution"]["Status"] == "Failed"


def test_command_job(azure: Emulator, call: Caller) -> None:
    job = {
        "jobType": "Command",
        "command": "true",
        "properties": {"test_property": "b"},
        "experimentName": "conformance",
    }
    job |= {"computeId": f"{WORKSPACE_PATH}/computes/serverless", "environmentVariables": {}, "outputs": {}}
    job |= {"environmentId": f"{WORKSPACE_PATH}/environments/{environment(call)}/versions/1", "tags": {}}
    job["inputs"] = {"test1": {"mode": "ReadOnlyMount", "uri": "https://nowhere/at/all", "jobInputType": "uri_file"}}
    name = new("command")
    versions = {"out": {"assetName": "x", "assetVersion": "2", "jobOutputType": "uri_folder"}}
    call("put command with versions", "PUT", f"/jobs/{name}", {"properties": {**job, "outputs": versions}})
    made = call("put command", "PUT", f"/jobs/{name}", {"properties": job}).json()["properties"]
    assert (made["status"], made["resources"]["shmSize"]) == ("Starting", "2g")
    assert azure.wait(name).status == "Failed", "a wrong address of an input is found when the job runs"


def test_computes(call: Caller) -> None:
    name = new("compute")
    scale = {"maxNodeCount": 2, "minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT1M40S"}
    own = {"osType": "Linux", "vmSize": "Standard_DS2_v2", "vmPriority": "Dedicated", "scaleSettings": scale}
    call("no compute", "GET", f"/computes/{name}")
    sent = {"properties": {"properties": own, "computeType": "AmlCompute", "description": "d"}, "location": REGION}
    made = call("put compute", "PUT", f"/computes/{name}", sent)
    assert "location" not in made.headers
    assert made.json()["properties"]["provisioningState"] == "Creating"
    call.ended(made, "compute operation runs", "compute operation ended")
    assert call("get compute", "GET", f"/computes/{name}").json()["properties"]["provisioningState"] == "Succeeded"
    call("delete compute", "DELETE", f"/computes/{name}")
