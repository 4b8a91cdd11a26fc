"""Schedules: kept and shown; time does not start them here, a test does."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator import jobs
from azure_emulator.answers import Json, RefusalError, answer, now, system_data
from azure_emulator.operations import Operation
from azure_emulator.routing import Call, Route
from azure_emulator.state import key_of, resource_id, resource_type

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud


def put(cloud: Cloud, call: Call) -> Response:
    key = f"schedules/{call.values['name']}"
    old, sent = cloud.state.get(key), call.properties
    properties = {
        "description": sent.get("description"),
        "tags": sent.get("tags") or {},
        "properties": sent.get("properties") or {},
        "displayName": sent.get("displayName"),
        "isEnabled": sent.get("isEnabled", True),
        "trigger": {"startTime": None, "endTime": None, "timeZone": "UTC", **sent["trigger"]},
        "action": sent["action"],
        "provisioningState": "Updating" if old else "Creating",
    }
    resource = {
        "id": resource_id(key),
        "name": call.values["name"],
        "type": resource_type(key),
        "properties": properties,
        "systemData": system_data(old),
    }
    cloud.state.put(key, resource)
    operation = cloud.operations.start(Operation("sch"), lambda: properties.update(provisioningState="Succeeded"))
    return answer(resource, 200 if old else 201, cloud.operations.headers(operation, call))


def get(cloud: Cloud, call: Call) -> Response:
    return answer(_found(cloud, call.values["name"]))


def _found(cloud: Cloud, name: str) -> Json:
    found = cloud.state.get(f"schedules/{name}")
    if found is None:
        raise RefusalError(404, "ScheduleNotFound", f"Schedule {name} not found.")
    return found


def list_all(cloud: Cloud, call: Call) -> Response:
    view = call.query.get("listViewType", "EnabledOnly")
    wanted = {"EnabledOnly": (True,), "DisabledOnly": (False,)}.get(view, (True, False))
    found = [schedule for schedule in cloud.state.below("schedules") if schedule["properties"]["isEnabled"] in wanted]
    return answer({"value": found})


def delete(cloud: Cloud, call: Call) -> Response:
    """The service refuses to delete what is still enabled."""
    key = f"schedules/{call.values['name']}"
    found = cloud.state.get(key)
    if found is None:
        return answer(None, 204)
    if found["properties"]["isEnabled"]:
        text = f"Schedule {found['name']} is enabled. Please disable the schedule before deleting it."
        raise RefusalError(400, "ScheduleEnabled", text)
    operation = cloud.operations.start(Operation("sch"), lambda: cloud.state.delete(key))
    return answer(None, 202, cloud.operations.headers(operation, call))


def trigger(cloud: Cloud, name: str) -> str:
    """Start the schedule's job now; gives the job's name."""
    definition = dict(_found(cloud, name)["properties"]["action"]["jobDefinition"])
    source = definition.get("sourceJobId")
    if source and not definition.get("jobs"):
        definition = dict((cloud.state.get(key_of(source)) or {})["properties"])
    job = f"{name}-{now():%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:4]}"
    properties = {**(definition.get("properties") or {}), "azureml.scheduleId": name}
    jobs.submit(cloud, job, {**definition, "properties": properties})
    return job


def trigger_once(cloud: Cloud, call: Call) -> Response:
    return answer({"jobName": trigger(cloud, call.values["name"]), "scheduleActionType": "CreateJob"})


ROUTES = [
    Route("GET", "{ws}/schedules", list_all),
    Route("GET", "{ws}/schedules/{name}", get),
    Route("PUT", "{ws}/schedules/{name}", put),
    Route("DELETE", "{ws}/schedules/{name}", delete),
    Route("POST", "{ws}/schedules/{name}/trigger", trigger_once),
]
