"""Jobs: submitted, shown, listed, cancelled. `runner` runs them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator import asset_forms, job_forms
from azure_emulator.answers import PERSON, Json, RefusalError, answer, error_body, iso
from azure_emulator.operations import Operation
from azure_emulator.routing import Call, Route
from azure_emulator.runner import binding
from azure_emulator.runner.plan import compute_name, pick
from azure_emulator.runs import ENDED, Run
from azure_emulator.state import resource_id, resource_type

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud


def put(cloud: Cloud, call: Call) -> Response:
    name, sent = call.values["name"], call.properties
    with cloud.state.lock:
        old = cloud.state.get(f"jobs/{name}")
        if old is not None:
            return answer(_update(cloud, old, sent))
        refused = _refuse_versions(sent)
        if refused:
            return refused
        job = submit(cloud, name, sent)
    return answer(job, 201, {"location": call.location})


def submit(cloud: Cloud, name: str, sent: Json) -> Json:
    """Take a job in and start it; gives the job as it was at that moment."""
    _check(cloud, sent)
    properties = job_forms.job_form(name, sent)
    system = {"createdAt": iso(), "createdBy": PERSON, "createdByType": "User"}
    key = f"jobs/{name}"
    job = {"id": resource_id(key), "name": name, "type": resource_type(key), "properties": properties}
    cloud.state.put(key, {**job, "systemData": system})
    pipeline = sent["jobType"] == "Pipeline"
    run = Run(
        name,
        properties["experimentName"],
        properties["displayName"],
        "PipelineRun" if pipeline else "scriptrun",
        root=name,
        target=compute_name(sent.get("computeId")),
        status=properties["status"],
        tags={key: str(value) for key, value in properties["tags"].items()},
        properties={key: str(value) for key, value in properties["properties"].items()},
        description=properties["description"],
    )
    cloud.state.runs[name] = run
    cloud.runner.start(run, properties)
    return {**job, "systemData": system}


def _update(cloud: Cloud, job: Json, sent: Json) -> Json:
    """Of a job that is there, only words, tags and whether it is archived may change."""
    changeable = {name: sent[name] for name in ("description", "displayName", "isArchived") if name in sent}
    job["properties"] |= changeable
    job["properties"]["tags"] = {**job["properties"]["tags"], **(sent.get("tags") or {})}
    cloud.state.runs[job["name"]].tags.update(sent.get("tags") or {})
    return _view(cloud, job)


def _refuse_versions(sent: Json) -> Response | None:
    """Outputs of a command job know no assetVersion (those of a pipeline do)."""
    outputs = (sent.get("outputs") or {}).values() if sent["jobType"] == "Command" else ()
    kinds = {"uri_folder": "UriFolderJobOutput", "uri_file": "UriFileJobOutput", "custom_model": "CustomModelJobOutput"}
    named = [kinds.get(output["jobOutputType"], "JobOutput") for output in outputs if "assetVersion" in output]
    text = "Could not find member 'assetVersion' on object of type '{}'. Path 'assetVersion', line 1, position 604."
    if not named:
        return None
    details = [("RequestInvalid", text.format(kind)) for kind in named]
    return answer(error_body("UserError", "Request is invalid and/or missing fields.", details), 400)


def _check(cloud: Cloud, sent: Json) -> None:
    """A job names computes, components, environments and code that are there; data is only looked for when it runs."""
    named = [("computes", str(sent.get("computeId") or "serverless"))]
    for node in (sent.get("jobs") or {}).values():
        named += [("components", binding.component_of(node))]
        named.append(("computes", str(pick(node, "computeId", "compute") or "serverless")))
    named += [
        (kind, str(sent[name]))
        for kind, name in (("codes", "codeId"), ("environments", "environmentId"))
        if sent.get(name)
    ]
    for kind, reference in named:
        key = asset_forms.asset_key(reference)
        if kind == "computes":
            name = compute_name(reference)
            if name == "serverless":
                continue
            key = f"computes/{name}"
        if key is None or cloud.state.get(key.replace("*", kind)) is None:
            what = kind.rstrip("s").capitalize()
            raise RefusalError(
                400, f"{what}NotFound", f"{what} {reference.rsplit('/workspaces/', 1)[-1]} was not found."
            )


def _view(cloud: Cloud, job: Json) -> Json:
    run = cloud.state.runs[job["name"]]
    properties = {**job["properties"], "status": run.status}
    properties["properties"] = {**properties["properties"], **job_forms.service_properties(job, run)}
    return {**job, "properties": properties}


def get(cloud: Cloud, call: Call) -> Response:
    """The step of a pipeline is a job without `properties`."""
    name = call.values["name"]
    job = cloud.state.get(f"jobs/{name}")
    if job:
        return answer(_view(cloud, job))
    run = cloud.state.runs.get(name)
    if run is None:
        raise RefusalError(404, "JobNotFound", f"Job {name} not found.")
    system = {"createdAt": run.created, "createdBy": PERSON, "createdByType": "User"}
    key = f"jobs/{name}"
    return answer({"id": resource_id(key), "name": name, "type": resource_type(key), "systemData": system})


def list_all(cloud: Cloud, call: Call) -> Response:
    """Newest first."""
    wanted = {"ActiveOnly": [False], "ArchivedOnly": [True]}.get(
        call.query.get("listViewType", "ActiveOnly"), [True, False]
    )
    jobs = [job for job in cloud.state.below("jobs") if job["properties"]["isArchived"] in wanted]
    tag = re.fullmatch(r"([^=]+)(?:=(.*))?", call.query.get("tag", ""))
    if tag:
        jobs = [job for job in jobs if tag[1] in job["properties"]["tags"]]
    return answer({"value": [_view(cloud, job) for job in reversed(jobs)]})


def cancel(cloud: Cloud, call: Call) -> Response:
    """An ended job is cancelled at once, which changes nothing."""
    name = call.values["name"]
    run = cloud.state.runs.get(name)
    if run is None:
        raise RefusalError(404, "JobNotFound", f"Job {name} not found.")
    if run.status in ENDED:
        return answer(None)
    cloud.runner.cancel(run)
    operation = cloud.operations.start(Operation("job"), lambda: run.ended.wait(60))
    return answer(None, 202, cloud.operations.headers(operation, call))


ROUTES = [
    Route("GET", "{ws}/jobs", list_all),
    Route("GET", "{ws}/jobs/{name}", get),
    Route("PUT", "{ws}/jobs/{name}", put),
    Route("POST", "{ws}/jobs/{name}/cancel", cancel),
]
