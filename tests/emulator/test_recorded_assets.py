"""Assets of the emulated Azure ML answer as recorded."""

from __future__ import annotations

import uuid

from azure_emulator.names import WORKSPACE_PATH
from helpers.azure_recordings import Caller, environment, new, specification

URI = "azureml://datastores/workspaceblobstore/paths/flowers/"


def test_workspace_and_datastores(call: Caller) -> None:
    workspace = call("workspace", "GET", "").json()
    call("discovery", "GET", workspace["properties"]["discoveryUrl"])
    datastore = call("datastore", "GET", "/datastores/workspaceblobstore").json()
    assert datastore["properties"]["endpoint"] == "core.windows.net"
    sent = {"expirableSecret": True, "expireAfterHours": 1}
    secret = call("datastore secrets", "POST", "/datastores/workspaceblobstore/listSecrets", sent).json()
    assert "srt=co" in secret["sasToken"]
    call("datastore key", "POST", "/datastores/workspaceblobstore/listSecrets")


def test_data(call: Caller) -> None:
    name = new("data")
    sent = {"description": "d", "properties": {}, "tags": {}, "isAnonymous": False, "dataType": "uri_file"}
    made = call("put data", "PUT", f"/data/{name}/versions/foo", {"properties": {**sent, "dataUri": URI}}).json()
    assert made["properties"]["dataUri"].startswith("azureml://subscriptions/")
    assert "/resourcegroups/" in made["properties"]["dataUri"]
    container = call("data container", "GET", f"/data/{name}").json()["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("foo", "1")
    call("list data versions", "GET", f"/data/{name}/versions")
    listed = call("list data containers", "GET", "/data").json()["value"]
    assert all(item["properties"]["nextVersion"].startswith("20") for item in listed)


def test_code(call: Caller) -> None:
    name, digest = new("code"), uuid.uuid4().hex
    place = f"/codes/{name}/versions/1"
    sent = {"pendingUploadType": "TemporaryBlobReference"}
    upload = call("pending upload", "POST", place + "/startPendingUpload", sent).json()
    reference = upload["blobReferenceForConsumption"]
    assert ":443/" in reference["blobUri"]
    assert "sr=c" in reference["credential"]["sasUri"]
    assert "sp=rcwl" in reference["credential"]["sasUri"]
    hashes = {"hash_sha256": digest, "hash_version": 202208}
    code = {"properties": hashes, "isAnonymous": True, "codeUri": reference["blobUri"] + "/"}
    made = call("put code", "PUT", place, {"properties": code}).json()
    assert made["properties"]["properties"]["hash_version"] == "202208"
    found = call("find code", "GET", "/codes/another/versions", hash=digest, hashVersion="202208").json()["value"]
    assert [item["id"] for item in found] == [made["id"]]


def test_environments(call: Caller) -> None:
    environment(call)
    call("list environments", "GET", "/environments")


def test_components(call: Caller) -> None:
    spec = specification(call, "true")
    sent = {
        "properties": {"client_component_hash": "h"},
        "tags": {"a": "b"},
        "isAnonymous": False,
        "componentSpec": spec,
    }
    made = call("put component", "PUT", f"/components/{spec['name']}/versions/0.0.1", {"properties": sent}).json()
    answered = made["properties"]["componentSpec"]
    assert (answered["is_deterministic"], answered["inputs"]["path"]["optional"]) == ("True", "False")
    bare = {name: spec[name] for name in ("type", "command", "environment", "is_deterministic", "name", "outputs")}
    anonymous = {"componentSpec": {**bare, "inputs": {"in": {"type": "uri_folder"}}}, "isAnonymous": True}
    place = f"/components/azureml_anonymous/versions/{uuid.uuid4()}"
    made = call("put anonymous component", "PUT", place, {"properties": anonymous}).json()
    assert made["properties"]["componentSpec"]["name"] == "azureml_anonymous"


def test_models(call: Caller) -> None:
    name = new("model")
    refused = call("no model", "GET", f"/models/{name}/versions", **{"$top": "1"}).json()["error"]
    assert refused["details"][0]["code"] == "ModelNotFound"
    sent = {"description": "d", "properties": {}, "tags": {}, "modelType": "custom_model", "flavors": {}}
    long = f"azureml:/{WORKSPACE_PATH.split('/providers')[0].lower()}/workspaces/ws-flowers/datastores/x/paths/y"
    made = call("put model", "PUT", f"/models/{name}/versions/3", {"properties": {**sent, "modelUri": long}}).json()
    assert "/resourceGroups/" in made["properties"]["modelUri"]
    call("list models", "GET", f"/models/{name}/versions", **{"$orderBy": "createdtime desc", "$top": "1"})
    call("model container", "GET", f"/models/{name}")
