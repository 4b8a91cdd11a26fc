"""The run history and the data plane: runs, their children and logs, and where their outputs lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator.answers import Json, RefusalError, answer
from azure_emulator.blobs import ARTIFACTS, Place
from azure_emulator.routing import Call, Route
from azure_emulator.runs import Run
from azure_emulator.state import key_of

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud


def _run(cloud: Cloud, call: Call) -> Run:
    return find(cloud, call.values["run"])


def find(cloud: Cloud, identifier: str) -> Run:
    run = cloud.state.runs.get(identifier)
    if run is None:
        raise RefusalError(404, "RunNotFound", f"Run {identifier} was not found", "Run was not found")
    return run


def get(cloud: Cloud, call: Call) -> Response:
    return answer(_run(cloud, call).view())


def children(cloud: Cloud, call: Call) -> Response:
    parent = _run(cloud, call).identifier
    return answer({"value": [run.view() for run in list(cloud.state.runs.values()) if run.parent == parent]})


def details(cloud: Cloud, call: Call) -> Response:
    run = _run(cloud, call)
    view = run.view()
    same = ("status", "startTimeUtc", "endTimeUtc", "error", "warnings", "tags", "properties", "parameters", "services")
    folder = f"ExperimentRun/dcid.{run.identifier}"
    logs = {name: cloud.blobs.signed_address(Place(ARTIFACTS, f"{folder}/{name}")) for name in list(run.logs)}
    unknown = dict.fromkeys(("inputDatasets", "outputDatasets", "runDefinition", "jobCost", "revision"))
    body: Json = {"runId": run.identifier, "target": run.target, **{name: view[name] for name in same}, **unknown}
    return answer(body | {"logFiles": logs, "submittedBy": view["createdBy"]["userName"]})


def patch(cloud: Cloud, call: Call) -> Response:
    """Tags and properties are added to those there; other values replace."""
    run, sent = _run(cloud, call), call.body
    run.tags.update({name: str(value) for name, value in (sent.get("tags") or {}).items()})
    run.properties.update(sent.get("properties") or {})
    run.display_name = sent.get("displayName") or run.display_name
    run.description = sent.get("description") or run.description
    run.hidden = bool(sent.get("hidden", run.hidden))
    run.revision += 1
    job = cloud.state.get(f"jobs/{run.identifier}")
    if job:
        job["properties"] |= {"tags": dict(run.tags), "isArchived": run.hidden, "displayName": run.display_name}
    return answer(run.view())


def rundata(cloud: Cloud, call: Call) -> Response:
    view = find(cloud, call.body["runId"]).view(outputs=True)
    definition = {"script": None, "command": None, "target": view["target"]}
    empty = dict.fromkeys(("jobSpecification", "systemSettings"))
    return answer({"runMetadata": view, "runDefinition": definition, **empty})


def resolve(cloud: Cloud, call: Call) -> Response:
    """Where data assets lie."""
    found: Json = {}
    for identifier in call.body["values"]:
        asset = cloud.state.get(key_of(identifier))
        if asset is None:
            raise RefusalError(404, "DataVersionNotFound", f"Data version {identifier} not found.")
        kind = "UriFile" if asset["properties"].get("dataType") == "uri_file" else "UriFolder"
        address = asset["properties"].get("dataUri") or asset["properties"]["modelUri"]
        found[identifier] = {"uri": address, "type": kind, "legacyDatasetType": None}
    return answer({"values": found})


_HISTORY = "/history/v1.0{ws}"
_PLACES = [
    f"{_HISTORY}{middle}/runs/{{run}}" for middle in ("", "/experiments/{experiment}", "/experimentids/{experiment}")
]
ROUTES = [
    *(
        Route(method, place + end, handler)
        for place in _PLACES
        for method, end, handler in (
            ("GET", "", get),
            ("GET", "/children", children),
            ("GET", "/details", details),
            ("PATCH", "", patch),
            ("POST", "", patch),
        )
    ),
    Route("POST", _HISTORY + "/rundata", rundata),
    Route("POST", "/data/v1.0{ws}/dataversion/batchGetResolvedUris", resolve),
]
