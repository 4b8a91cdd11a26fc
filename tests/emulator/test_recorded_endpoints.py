"""Endpoints and operations of the emulated Azure ML answer as recorded."""

from __future__ import annotations

from typing import Any

from azure_emulator.names import REGION, WORKSPACE_PATH
from azure_emulator.operations import Operations
from helpers.azure_recordings import Caller, environment, new

URI = "azureml://datastores/workspaceblobstore/paths/flowers/"


def test_online_endpoint(call: Caller) -> None:
    name = new("endpoint")
    place = f"/onlineEndpoints/{name}"
    body: dict[str, Any] = {"tags": {"a": "b"}, "location": REGION, "identity": {"type": "SystemAssigned"}}
    body["properties"] = {"authMode": "AMLToken", "description": "d", "properties": {}, "traffic": {}}
    call("no endpoint to delete", "DELETE", place)
    made = call("put endpoint", "PUT", place, body)
    assert (made.json()["properties"]["scoringUri"], made.headers["x-ms-async-operation-timeout"]) == (None, "PT30M")
    assert call.ended(made, "operation runs", "operation ended")["endTime"] > "2000"
    deployment = {
        "environmentId": f"{WORKSPACE_PATH}/environments/{environment(call)}/versions/1",
        "instanceType": "Standard_DS2_V2",
        "endpointComputeType": "Managed",
        "scaleSettings": {"scaleType": "Default"},
        "codeConfiguration": None,
    }
    sent = {"location": REGION, "properties": deployment, "sku": {"name": "Default", "capacity": 1}}
    _deployment_without_code(call, place, sent)
    body["properties"]["traffic"] = {"blue": 100}
    changed = call("put traffic", "PUT", place, body)
    assert (changed.json()["properties"]["traffic"], changed.json()["properties"]["provisioningState"]) == (
        {},
        "Updating",
    )
    call.ended(changed, "operation runs", "operation ended")
    assert call("get endpoint", "GET", place).json()["properties"]["traffic"] == {"blue": 100}
    assert call("keys", "POST", place + "/listKeys").json() == {"primaryKey": None, "secondaryKey": None}
    call("logs", "POST", place + "/deployments/blue/getLogs", {})
    body["properties"]["traffic"] = {}
    call.ended(call("put traffic", "PUT", place, body), "operation runs", "operation ended")
    gone = call("delete deployment", "DELETE", place + "/deployments/blue")
    call.ended(gone, "operation runs", "operation ended")
    call("operation result", "GET", gone.headers["location"])


def _deployment_without_code(call: Caller, place: str, sent: dict[str, Any]) -> None:
    upload = {"codeUri": "https://flowerstore.blob.core.windows.net/none/", "properties": {"hash_sha256": "h"}}
    upload["properties"]["hash_version"] = "202208"  # type: ignore[index]
    code = call("put code", "PUT", f"/codes/{new('code')}/versions/1", {"properties": upload}).json()["id"]
    model_sent = {"description": "d", "modelUri": URI + "m", "modelType": "custom_model", "flavors": {}}
    model = call("put model", "PUT", f"/models/{new('model')}/versions/1", {"properties": model_sent}).json()["id"]
    sent["properties"] |= {"model": model, "codeConfiguration": {"codeId": code, "scoringScript": "score.py"}}
    made = call("put deployment", "PUT", place + "/deployments/blue", sent)
    settings = made.json()["properties"]["requestSettings"]
    assert (made.json()["properties"]["livenessProbe"], settings["requestTimeout"]) == (None, "PT0S")


def test_exact_emulator_names_no_poll_interval() -> None:
    assert Operations(exact=True).pace() == {}
    assert Operations(exact=False).pace() != {}
