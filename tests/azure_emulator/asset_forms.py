"""How the service writes down what it was sent: optional keys as null, long addresses, scalars as text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import yaml

from azure_emulator.answers import Json, RefusalError
from azure_emulator.names import datastore_uri
from azure_emulator.state import key_of, resource_id

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

_SHORT = re.compile(r"^azureml://datastores/([^/]+)/paths/(.*)$")
_JOB = re.compile(r"^azureml://jobs/([^/]+)/outputs/([^/]+)(?:/paths/(.*?))?/?$")


def _common(sent: Json) -> Json:
    return {
        "description": sent.get("description"),
        "tags": sent.get("tags") or {},
        "properties": {name: str(value) for name, value in (sent.get("properties") or {}).items()},
        "isArchived": bool(sent.get("isArchived")),
        "isAnonymous": bool(sent.get("isAnonymous")),
    }


def long_uri(cloud: Cloud, uri: str) -> str:
    """The long form of a datastore's path; the path of a job's output is looked up."""
    short, job = _SHORT.match(uri), _JOB.match(uri)
    if short:
        return datastore_uri(short[1], short[2])
    if job:
        return cloud.output_address(job[1], job[2], job[3] or "")
    return uri


def data(cloud: Cloud, sent: Json) -> Json:
    return {
        **_common(sent),
        "autoDeleteSetting": None,
        "dataUri": long_uri(cloud, sent["dataUri"]),
        "stage": None,
        "intellectualProperty": None,
        "dataType": sent["dataType"],
    }


def model(cloud: Cloud, sent: Json) -> Json:
    job = _JOB.match(sent["modelUri"])
    return {
        **_common(sent),
        "autoDeleteSetting": None,
        "flavors": sent.get("flavors") or {},
        "modelType": sent.get("modelType") or "custom_model",
        # Alone among the assets, a model's address says resourceGroups.
        "modelUri": long_uri(cloud, sent["modelUri"]).replace("/resourcegroups/", "/resourceGroups/"),
        "jobName": job[1] if job else sent.get("jobName"),
        "provisioningState": "Succeeded",
        "stage": sent.get("stage") or "Development",
        "intellectualProperty": None,
    }


def environment(cloud: Cloud, sent: Json) -> Json:
    conda = sent.get("condaFile")
    return {
        **_common(sent),
        "properties": {**(sent.get("properties") or {}), "azureml.labels": "latest"},
        "autoDeleteSetting": None,
        "environmentType": "UserCreated",
        "image": sent.get("image"),
        # YAML goes in, indented JSON comes back.
        **({"condaFile": json.dumps(yaml.safe_load(conda), indent=2)} if conda else {}),
        **({"inferenceConfig": sent["inferenceConfig"]} if sent.get("inferenceConfig") else {}),
        "osType": "Linux",
        "autoRebuild": "Disabled",
        "provisioningState": "Succeeded",
        "stage": "Development",
        "intellectualProperty": None,
    }


def code(cloud: Cloud, sent: Json) -> Json:
    return {**_common(sent), "isAnonymous": False, "codeUri": sent["codeUri"], "provisioningState": "Succeeded"}


def component(cloud: Cloud, sent: Json) -> Json:
    anonymous = bool(sent.get("isAnonymous"))
    return {
        **_common(sent),
        "description": None,
        "autoDeleteSetting": None,
        "componentSpec": _specification(cloud, sent["componentSpec"], anonymous=anonymous),
        "provisioningState": "Succeeded",
        "stage": "Logged" if anonymous else "Development",
    }


def _specification(cloud: Cloud, sent: Json, *, anonymous: bool) -> Json:
    spec: Json = as_text({name: value for name, value in sent.items() if name not in ("_source", "jobs")})
    for described in spec.get("inputs", {}).values():
        described.setdefault("optional", "False")
    if "jobs" in sent:
        spec["jobs"] = sent["jobs"]
    if spec.get("type") == "command":
        spec["resources"] = {"instance_count": "1", **spec.get("resources", {})}
    for holder in (spec, spec.get("task", {})):
        if "environment" in holder:
            holder["environment"] = _environment_id(cloud, holder["environment"])
    if anonymous:
        spec |= {"name": "azureml_anonymous", "version": "1"}
    return spec


def _environment_id(cloud: Cloud, reference: str) -> str:
    """The full id of `azureml:NAME:VERSION`."""
    short = re.fullmatch(r"azureml:([^:/]+):([^:/]+)", reference)
    if not short:
        return reference
    key = f"environments/{short[1]}/versions/{short[2]}"
    if cloud.state.get(key) is None:
        raise RefusalError(400, "EnvironmentNotFound", f"Environment {short[1]}:{short[2]} was not found.")
    return f"azureml:{resource_id(key)}"


def as_text(value: Any) -> Any:
    """Every scalar as text: True is "True", 1 is "1"; null stays out of objects."""
    if isinstance(value, dict):
        return {name: as_text(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return str(value)


FORMS: dict[str, Callable[[Cloud, Json], Json]] = {}
FORMS.update(data=data, models=model, environments=environment, codes=code, components=component)


def content(kind: str, form: Json) -> Json:
    """What of a version can never change."""
    if kind == "components":
        return {k: v for k, v in form["componentSpec"].items() if k not in ("description", "tags", "display_name")}
    parts = ("dataUri", "dataType", "modelUri", "modelType", "image", "condaFile", "codeUri", "inferenceConfig")
    return {name: str(form[name]).lower() for name in parts if name in form}


def asset_key(reference: str) -> str | None:
    """The key of an asset that a job names: an id, an asset id of the data plane, or `azureml:NAME:VERSION`."""
    if "/workspaces/" in reference and "/datastores/" not in reference:
        return key_of(reference)
    short = re.fullmatch(r"(?:azureml:)?([^:/]+):([^:/]+)", reference)
    return f"*/{short[1]}/versions/{short[2]}" if short else None
