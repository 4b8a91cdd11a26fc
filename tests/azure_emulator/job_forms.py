"""How the service writes down a job."""

from __future__ import annotations

from typing import Any

from azure_emulator.answers import Json
from azure_emulator.names import (
    API_HOST,
    ARTIFACT_DATASTORE,
    DEFAULT_DATASTORE,
    GROUP,
    SUBSCRIPTION,
    WORKSPACE,
    WORKSPACE_PATH,
)
from azure_emulator.runner.plan import compute_name
from azure_emulator.runs import Run

_INPUT_MODE = "ReadOnlyMount"
_OUTPUT_MODE = "ReadWriteMount"


def job_form(name: str, sent: Json) -> Json:
    common = {
        "description": sent.get("description"),
        "tags": sent.get("tags") or {},
        "properties": sent.get("properties") or {},
        "displayName": sent.get("displayName") or name,
        "status": "NotStarted",
        "experimentName": sent.get("experimentName") or "Default",
        "services": _services(name),
        "computeId": sent.get("computeId"),
        "isArchived": bool(sent.get("isArchived")),
        "identity": sent.get("identity"),
        "componentId": sent.get("componentId"),
        "notificationSetting": None,
        "jobType": sent["jobType"],
    }
    return common | (_pipeline(sent) if sent["jobType"] == "Pipeline" else _command(name, sent))


def _services(name: str) -> Json:
    studio = f"https://ml.azure.com/runs/{name}?wsid=/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}/workspaces/{WORKSPACE}"
    endpoints = {"Tracking": f"azureml://{API_HOST}/mlflow/v1.0{WORKSPACE_PATH}?", "Studio": studio}
    unknown = dict.fromkeys(("port", "status", "errorMessage", "properties", "nodes"))
    return {kind: {"jobServiceType": kind, "endpoint": address, **unknown} for kind, address in endpoints.items()}


def _pipeline(sent: Json) -> Json:
    inputs = {name: _input(value, path=True) for name, value in (sent.get("inputs") or {}).items()}
    return {
        "secretsConfiguration": None,
        "settings": sent.get("settings") or {},
        "jobs": sent.get("jobs") or {},
        "inputs": inputs or None,
        "outputs": {name: _pipeline_output(value) for name, value in (sent.get("outputs") or {}).items()},
        "sourceJobId": None,
    }


def _input(sent: Json, *, path: bool = False) -> Json:
    if sent["jobInputType"] == "literal":
        return {"description": sent.get("description"), "jobInputType": "literal", "value": sent["value"]}
    place = {"pathOnCompute": None} if path else {}
    mode = sent.get("mode") or _INPUT_MODE
    return {"description": None, "uri": sent["uri"], "mode": mode, **place, "jobInputType": sent["jobInputType"]}


def _pipeline_output(sent: Json) -> Json:
    names = ("description", "uri", "assetName", "assetVersion", "pathOnCompute", "autoDeleteSetting")
    known = {name: sent.get(name) for name in names}
    return {**known, "mode": sent.get("mode") or _OUTPUT_MODE, "jobOutputType": sent["jobOutputType"]}


def _command(name: str, sent: Json) -> Json:
    compute = compute_name(sent.get("computeId"))
    properties = {"_azureml.ComputeTargetType": "amlctrain", "_azureml.ClusterName": compute}
    resources: dict[str, Any] = {"instanceCount": 1, "instanceType": None, "properties": None, "shmSize": "2g"}
    outputs = {name: _command_output(value) for name, value in (sent.get("outputs") or {}).items()}
    artifacts = f"azureml://datastores/{ARTIFACT_DATASTORE}/ExperimentRun/dcid.{name}"
    outputs["default"] = _command_output({"uri": artifacts, "jobOutputType": "uri_folder"})
    return {
        "properties": {**(sent.get("properties") or {}), **properties},
        "parentJobName": None,
        "status": "Starting",
        "resources": {**resources, "dockerArgs": None, "dockerArgsList": None, **(sent.get("resources") or {})},
        "codeId": sent.get("codeId"),
        "command": sent["command"],
        "environmentId": sent["environmentId"],
        "inputs": {key: _input(value) for key, value in (sent.get("inputs") or {}).items()},
        "outputs": outputs,
        "distribution": sent.get("distribution"),
        "limits": sent.get("limits"),
        "environmentVariables": sent.get("environmentVariables") or {},
        "parameters": {},
        "queueSettings": {"jobTier": "Null"},
    }


def _command_output(sent: Json) -> Json:
    known = {"description": None, "uri": sent.get("uri"), "assetName": sent.get("assetName")}
    return {**known, "mode": sent.get("mode") or _OUTPUT_MODE, "jobOutputType": sent["jobOutputType"]}


def service_properties(job: Json, run: Run) -> dict[str, str]:
    """What the service adds to a job's properties once it runs."""
    own = job["properties"]
    if own["jobType"] != "Pipeline":
        times = {"StartTimeUtc": run.started_at, "EndTimeUtc": run.ended_at}
        return {name: f"{moment:%Y-%m-%d %H:%M:%S}" for name, moment in times.items() if moment}
    if run.started_at is None:
        return {}
    ended = f'"{run.ended_at.isoformat()}"' if run.ended_at else "null"
    execution = f'{{"StartTime":"{run.started_at.isoformat()}","EndTime":{ended},"Status":"{run.status}"}}'
    settings = own["settings"]
    return {
        "azureml.DevPlatv2": "true",
        "azureml.DatasetAccessMode": "Asset",
        "azureml.runsource": "azureml.PipelineRun",
        "runSource": "MFE",
        "runType": "HTTP",
        "azureml.parameters": "{}",
        "azureml.continue_on_step_failure": str(bool(settings.get("continue_on_step_failure"))),
        "azureml.continue_on_failed_optional_input": "True",
        "azureml.enforceRerun": str(bool(settings.get("force_rerun"))),
        "azureml.defaultComputeName": run.target,
        "azureml.defaultDataStoreName": DEFAULT_DATASTORE,
        "azureml.pipelineComponent": "pipelinerun",
        "azureml.pipelines.stages": f'{{"Initialization":null,"Execution":{execution}}}',
    }
