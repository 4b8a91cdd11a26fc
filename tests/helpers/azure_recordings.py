"""Compares answers with the keys and JSON types of answers recorded from Azure ML (`azure_shapes.json`).

In a shape, `map` is an object with free keys, `{"*": […]}` an object whose values have one of the shapes, and `null`
stands for any scalar: the recording does not tell.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import requests

from azure_emulator.names import API_HOST, WORKSPACE_PATH

SHAPES = json.loads(Path(__file__).with_name("azure_shapes.json").read_text())
# Recordings of other years, or of other services behind the run, differ among each other in these.
VARY = {
    "run": {"ContentSnapshotId", "azureml.DatasetAccessMode", "azureml.moduleFamilyId", "azureml.rootpipelinerunid"},
    "put deployment": {"privateNetworkConnection", "dataCollector"},
    "list deployments": {"privateNetworkConnection", "dataCollector"},
    "put compute": {"enableNodePublicIp"},
    "get compute": {"enableNodePublicIp"},
    "put command": {"dockerArgsList"},
}
VARY["run"] |= {"_azureml.ClusterName", "clientApplicationId", "applicationACR"}
VARY["rundata"] = VARY["run"]
_KINDS: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string"}


def differences(shape: Any, value: Any, vary: set[str], path: str = "") -> list[str]:
    """Where a value is not of a shape."""
    if shape in ("map", "list"):
        return [] if isinstance(value, dict if shape == "map" else list) else [f"{path}: no {shape}"]
    if isinstance(shape, list):
        return [f"{path}[]: {item!r}" for item in value or [] if not _any(shape, item, vary)]
    if isinstance(shape, str):
        if value is None or shape == "null":
            # A description may always be missing.
            fits = (shape == "null" or path.endswith(".description")) and not isinstance(value, dict | list)
        else:
            fits = _KINDS.get(type(value)) == shape
        return [] if fits else [f"{path}: {shape} recorded, {value!r} answered"]
    if not isinstance(value, dict):
        return [f"{path}: an object recorded, {value!r} answered"]
    if "*" in shape:
        return [f"{path}.{key}: {item}" for key, item in value.items() if not _any(shape["*"], item, vary)]
    lacks = [f"{path}: lacks {key}" for key in set(shape) - set(value) - vary]
    lacks += [f"{path}: has {key}, too" for key in set(value) - set(shape) - vary]
    both = sorted(set(shape) & set(value))
    return lacks + [text for key in both for text in differences(shape[key], value[key], vary, f"{path}.{key}")]


def _any(shapes: list[Any], value: Any, vary: set[str]) -> bool:
    return any(not differences(shape, value, vary) for shape in shapes)


class Caller:
    """Calls as the recorded clients made them; every answer is compared with the recording of its name."""

    def __init__(self, ml: Any) -> None:
        token = ml._credential.get_token("https://management.azure.com/.default").token
        self._headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, name: str, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
        address = path if path.startswith("https:") else f"https://management.azure.com{WORKSPACE_PATH}{path}"
        params = {"api-version": "2024-04-01", **query} if "api-version=" not in address else query
        reply = requests.request(method, address, json=body, params=params, headers=self._headers, timeout=30)
        recorded = SHAPES[name]
        assert reply.status_code == recorded["status"], f"{name}: {reply.text}"
        assert not set(recorded["headers"]) - {header.lower() for header in reply.headers}, name
        if recorded["body"] is None:
            assert reply.content == b"", name
        else:
            found = differences(recorded["body"], reply.json(), VARY.get(name, set()))
            assert not found, f"{name}: {found}"
        return reply

    def quietly(self, method: str, path: str, body: Any = None) -> Any:
        """A call that no recording is compared with."""
        address = path if path.startswith("https:") else f"https://management.azure.com{WORKSPACE_PATH}{path}"
        return requests.request(method, address, json=body, headers=self._headers, timeout=30).json()

    def ended(self, reply: requests.Response, running: str, done: str) -> dict[str, Any]:
        """Follow an operation to its end."""
        address = reply.headers["azure-asyncoperation"]
        assert self(running, "GET", address).json()["status"] in ("Updating", "InProgress")
        for _ in range(200):
            time.sleep(0.05)
            if self.quietly("GET", address)["status"] not in ("Updating", "InProgress"):
                return dict(self(done, "GET", address).json())
        raise AssertionError("the operation does not end")

    def history(self, name: str, method: str, path: str, body: Any = None) -> Any:
        return self(name, method, f"https://{API_HOST}/history/v1.0{WORKSPACE_PATH}{path}", body).json()


def new(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def environment(call: Caller) -> str:
    name = new("environment")
    conda = "channels:\n- conda-forge\ndependencies:\n- pip:\n  - mlflow\nname: x\n"
    sent = {"description": "d", "condaFile": conda, "image": "mcr.microsoft.com/x:1", "isAnonymous": False}
    made = call("put environment", "PUT", f"/environments/{name}/versions/1", {"properties": sent}).json()
    assert json.loads(made["properties"]["condaFile"])["dependencies"] == [{"pip": ["mlflow"]}]
    assert made["properties"]["condaFile"].startswith('{\n  "channels"')
    return name


def specification(call: Caller, command: str) -> dict[str, Any]:
    return {
        "$schema": "https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json",
        "name": new("component"),
        "version": "0.0.1",
        "display_name": "d",
        "description": "d",
        "tags": {"a": "b"},
        "is_deterministic": True,
        "type": "command",
        "command": command,
        "environment": f"azureml:{environment(call)}:1",
        "inputs": {
            "number": {"type": "number", "optional": True, "default": "10.99", "description": "n"},
            "path": {"type": "uri_folder", "description": "p"},
        },
        "outputs": {"out": {"type": "uri_folder"}},
        "_source": "YAML.COMPONENT",
    }
