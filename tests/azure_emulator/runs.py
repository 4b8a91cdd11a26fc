"""Runs as the run history keeps them: one of each job, and one of each step of a pipeline."""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from azure_emulator.answers import PERSON, Json, iso, now
from azure_emulator.names import API_HOST, CLIENT, GROUP, SUBSCRIPTION, TENANT, WORKSPACE

ENDED = ("Completed", "Failed", "Canceled")
YEAR_ONE = "0001-01-01T00:00:00+00:00"


def _person() -> Json:
    known = {"userObjectId": CLIENT, "userPuId": "0", "userIss": f"https://sts.windows.net/{TENANT}/"}
    unknown = dict.fromkeys(("userIdp", "userAltSecId", "upn", "clientApplicationId", "applicationACR"))
    return {**known, "userTenantId": TENANT, "userName": PERSON, **unknown}


@dataclass
class Run:
    """A run; `root` is the job it belongs to, itself for the job's own run."""

    identifier: str
    experiment: str
    display_name: str
    kind: str  # PipelineRun, StepRun or scriptrun
    root: str
    parent: str | None = None
    target: str = "serverless"
    instances: int = 1
    node: str | None = None
    module: str = "azureml_anonymous"
    status: str = "NotStarted"
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    outputs: Json = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)
    error: Json | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    description: str | None = None
    hidden: bool = False
    created: str = field(default_factory=iso)
    number: int = field(default_factory=lambda: int(time.time()))
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    revision: int = 1
    mlflow_run: str | None = None
    mlflow_experiment: str | None = None

    @property
    def experiment_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.experiment))

    def enter(self, status: str, message: str | None = None, code: str = "UserError") -> None:
        """Take on a status; once cancelled, only the end is left."""
        if self.cancelled.is_set() and status not in ENDED:
            return
        self.status = status
        self.revision += 1
        if status == "Running" and self.started_at is None:
            self.started_at = now()
        if message:
            self.error = _error(message, code)
        if status in ENDED:
            self.ended_at = now()
            self.ended.set()

    def view(self, *, outputs: bool = False) -> Json:
        """The record with all its keys; only `rundata` fills inputs and outputs."""
        begun = iso(self.started_at) if self.started_at else None
        cancel = f"https://{API_HOST}/studioservice/apiv2/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
        cancel += f"/workspaces/{WORKSPACE}/runs/{self.identifier}/Cancel"
        return {
            **self._head(),
            "runId": self.identifier,
            "parentRunId": self.parent,
            "experimentId": self.experiment_id,
            "status": self.status,
            "startTimeUtc": begun,
            "endTimeUtc": iso(self.ended_at) if self.ended_at else None,
            "scheduleId": None,
            "displayName": self.display_name,
            "name": self.module,
            "dataContainerId": f"dcid.{self.identifier}",
            "description": self.description,
            "hidden": self.hidden,
            "runType": f"azureml.{self.kind}",
            "runTypeV2": self._type(),
            "properties": {**self._service_properties(), **self.properties},
            "parameters": {},
            "actionUris": {"Cancel": cancel, "Diagnose": ""},
            "scriptName": None,
            "target": self.target,
            "uniqueChildRunComputeTargets": [],
            "tags": {**self._service_tags(), **self.tags},
            "settings": {},
            "services": {},
            "inputDatasets": [],
            "outputDatasets": [],
            **dict.fromkeys(("runDefinition", "jobSpecification", "primaryMetricName", "createdFrom")),
            "cancelUri": cancel,
            "completeUri": None,
            "diagnosticsUri": "",
            "computeRequest": {"nodeCount": self.instances, "gpuCount": 0},
            "compute": self._compute(),
            "retainForLifetimeOfWorkspace": None,
            "queueingInfo": None,
            "inputs": {} if outputs else None,
            "outputs": self.outputs if outputs else None,
        }

    def _head(self) -> Json:
        return {
            "runNumber": self.number,
            "rootRunId": self.root,
            "createdUtc": self.created,
            "createdBy": _person(),
            "userId": CLIENT,
            "token": None,
            "tokenExpiryTimeUtc": None,
            "error": self.error,
            "warnings": None,
            "revision": self.revision,
            "statusRevision": self.revision,
            "runUuid": _uuid(self.identifier),
            "parentRunUuid": _uuid(self.parent),
            "rootRunUuid": _uuid(self.root),
            "lastStartTimeUtc": None,
            "currentComputeTime": None,
            "computeDuration": self._duration(),
            "effectiveStartTimeUtc": None,
            "lastModifiedBy": _person(),
            "lastModifiedUtc": iso(),
            "duration": self._duration(),
            "cancelationReason": None,
            "currentAttemptId": 1,
        }

    def _duration(self) -> str | None:
        if not (self.started_at and self.ended_at):
            return None
        return "0" + str(self.ended_at - self.started_at)

    def _type(self) -> Json:
        traits = [f"azureml.{self.kind}"]
        if self.kind != "PipelineRun":
            traits += ["scriptRun", "remote", "AlmostCommonRuntime", "OsType:Linux", "CommonRuntime"]
        attribution = "Aether" if self.kind == "StepRun" else None
        return {
            "orchestrator": "Execution" if self.kind != "PipelineRun" else "PipelineRun",
            "traits": traits,
            "attribution": attribution,
            "computeType": "AmlcTrain",
        }

    def _compute(self) -> Json:
        names = ("vmSize", "instanceType", "priority", "region", "armId", "properties")
        known: dict[str, Any] = {"target": self.target, "targetType": "amlcompute"}
        return {**known, "instanceCount": self.instances, "gpuCount": 0, **dict.fromkeys(names)}

    def _service_tags(self) -> dict[str, str]:
        if self.kind != "StepRun":
            return {}
        nodes = '{"AllocationState":"steady","PreparingNodeCount":0,"RunningNodeCount":0,"CurrentNodeCount":0}'
        own = {"azureml.nodeid": _uuid(self.identifier)[:8], "azureml.pipeline": self.root}
        return {**own, "_aml_system_ComputeTargetStatus": nodes}

    def _service_properties(self) -> dict[str, str]:
        if self.kind != "StepRun":
            return {"azureml.DevPlatv2": "true", "azureml.runsource": f"azureml.{self.kind}"}
        return {
            "azureml.DevPlatv2": "true",
            "azureml.DatasetAccessMode": "Asset",
            "StepType": "PythonScriptStep",
            "ComputeTargetType": "AmlCompute",
            "azureml.moduleid": _uuid(self.module),
            "azureml.moduleFamilyId": "0",
            "azureml.moduleName": self.module,
            "azureml.moduleVersion": "1",
            "azureml.runsource": "azureml.StepRun",
            "azureml.nodeid": _uuid(self.identifier)[:8],
            "azureml.pipelinerunid": self.root,
            "azureml.pipeline": self.root,
            "azureml.rootpipelinerunid": self.root,
            "azureml.pipelineComponent": "masterescloud",
            "_azureml.ComputeTargetType": "amlctrain",
            "_azureml.ClusterName": self.target,
            "ProcessInfoFile": "azureml-logs/process_info.json",
            "ProcessStatusFile": "azureml-logs/process_status.json",
        }


def _uuid(name: str | None) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name or ""))


def _error(message: str, code: str) -> Json:
    unknown = dict.fromkeys(("severity", "messageFormat", "referenceCode", "detailsUri", "target"))
    rest = {"details": [], "innerError": None, "debugInfo": None, "additionalInfo": None}
    inner = {"code": code, "message": message, **unknown, "messageParameters": {}, **rest}
    outer: Json = dict.fromkeys(("correlation", "environment", "location"))
    return {"error": inner, **outer, "time": YEAR_ONE, "componentName": "CommonRuntime"}
