"""Binds the nodes of a pipeline to each other and to the pipeline's inputs and outputs."""

from __future__ import annotations

import json
import re
from typing import Any

from azure_emulator.answers import Json
from azure_emulator.runner.plan import Output, Step, compute_name, pick, settle

_PARENT_INPUT = re.compile(r"^\$\{\{parent\.inputs\.([\w.-]+)\}\}$")
_PARENT_OUTPUT = re.compile(r"^\$\{\{parent\.outputs\.([\w.-]+)\}\}$")
_OTHER = re.compile(r"^\$\{\{parent\.jobs\.([\w-]+)\.outputs\.([\w-]+)\}\}$")


def component_of(node: Json) -> str:
    """The id of a node's component: jobs write `componentId`, pipeline components `component`."""
    return str(pick(node, "componentId", "component"))


def needs(node: Json) -> set[str]:
    """The nodes whose outputs a node reads."""
    return set(re.findall(r"parent\.jobs\.([\w-]+)\.outputs", json.dumps(node.get("inputs") or {})))


def bind(name: str, node: Json, spec: Json, job: Json, done: dict[tuple[str, str], str]) -> Step:
    """The step of a node; `done` tells where the outputs of earlier steps lie."""
    step = Step(name, _overridden(spec, node))
    step.compute = compute_name(pick(job, "computeId") or pick(job.get("settings"), "default_compute"))
    settle(step, spec)
    settle(step, node)
    for key, described in (spec.get("inputs") or {}).items():
        value = _value(_sent(node, key), job, done)
        if value is None and described.get("default") is not None:
            value = ("literal", str(described["default"]))
        if value is not None:
            (step.literals if value[0] == "literal" else step.folders)[key] = value[1]
    for key, described in (spec.get("outputs") or {}).items():
        step.outputs[key] = _output((node.get("outputs") or {}).get(key) or {}, described, job)
    return step


def _overridden(spec: Json, node: Json) -> Json:
    """A node of a parallel component may set its own batches and limits."""
    names = ("mini_batch_size", "max_concurrency_per_instance", "error_threshold", "mini_batch_error_threshold")
    names += ("retry_settings", "input_data", "task")
    return {**spec, **{name: node[name] for name in names if node.get(name) is not None}}


def _sent(node: Json, key: str) -> Any:
    return (node.get("inputs") or {}).get(key)


def _value(sent: Any, job: Json, done: dict[tuple[str, str], str]) -> tuple[str, str] | None:
    """("literal", text) or ("folder", address) of what a node's input says; None where nothing was given."""
    if sent is None:
        return None
    if not isinstance(sent, dict):
        sent = {"job_input_type": "literal", "value": sent}
    text = str(pick(sent, "value", "uri", "path"))
    parent, other = _PARENT_INPUT.match(text), _OTHER.match(text)
    if parent:
        return _value((job.get("inputs") or {}).get(parent[1]), {}, done)
    if other:
        return "folder", done[other[1], other[2]]
    literal = pick(sent, "job_input_type", "jobInputType") in (None, "literal")
    return ("literal" if literal else "folder"), text


def _output(sent: Json, described: Json, job: Json) -> Output:
    parent = _PARENT_OUTPUT.match(str(sent.get("value")))
    if parent:
        sent = {**sent, **{k: v for k, v in job["outputs"][parent[1]].items() if v is not None}}
    kind = pick(sent, "jobOutputType", "job_output_type") or described.get("type") or "uri_folder"
    return Output(
        kind,
        sent.get("uri"),
        pick(sent, "assetName", "asset_name", "name"),
        pick(sent, "assetVersion", "asset_version", "version"),
        sent.get("mode") or "ReadWriteMount",
    )


def bind_command(name: str, job: Json) -> Step:
    """The one step of a command job."""
    spec = {**job, "type": "command", "code": job.get("codeId")}
    step = Step(name, spec)
    settle(step, job)
    for key, sent in (job.get("inputs") or {}).items():
        value = _value(sent, {}, {})
        if value:
            (step.literals if value[0] == "literal" else step.folders)[key] = value[1]
    outputs = {key: sent for key, sent in (job.get("outputs") or {}).items() if key != "default"}
    step.outputs = {key: _output(sent, {}, job) for key, sent in outputs.items()}
    return step
