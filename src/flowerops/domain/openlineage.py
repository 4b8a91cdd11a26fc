"""A lineage graph as OpenLineage events, for catalogs such as Marquez, DataHub or OpenMetadata.

One event a step run that ended: its inputs, its outputs, and the pipeline run as its parent.
Source: OpenLineage specification 2-0-2, RunEvent; its facets ParentRun and DatasetVersion.
"""

from __future__ import annotations

import uuid
from typing import Any

from flowerops.domain.lineage import Lineage, Node

NAMESPACE = "flowerops"
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_ENDED = {"FINISHED": "COMPLETE", "FAILED": "FAIL", "KILLED": "ABORT"}


def openlineage(graph: Lineage, producer: str) -> list[dict[str, Any]]:
    """The events, in the graph's order.

    Args:
        graph: Of one or more models.
        producer: URI of the program that tells of it.
    """
    nodes = {node.id: node for node in graph.nodes()}
    events = []
    for edge in graph.edges():
        step, run = nodes[edge.target], nodes[edge.source]
        ended = step.facts.get("ended")
        if edge.relation != "ran" or ended is None or step.facts.get("status") not in _ENDED:
            continue
        name = step.name.split(" ")[0]
        read, made = _datasets(graph, nodes, step, name, producer)
        events.append(
            {
                "eventType": _ENDED[step.facts["status"]],
                "eventTime": ended,
                "producer": producer,
                "schemaURL": _EVENT,
                "run": {"runId": _uuid(step.facts["run_id"]), "facets": {"parent": _parent(run, producer)}},
                "job": {"namespace": NAMESPACE, "name": name, "facets": {}},
                "inputs": read,
                "outputs": made,
            }
        )
    return events


def _datasets(
    graph: Lineage, nodes: dict[str, Node], step: Node, name: str, producer: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What a step read and what it made; a preprocess step read what its version is made from."""
    touched = [(nodes[edge.target], edge.relation) for edge in graph.edges() if edge.source == step.id]
    read = [node for node, relation in touched if relation == "read"]
    made = [node for node, relation in touched if relation == "made"]
    if name == "preprocess":
        versions = {node.id for node in made}
        read += [
            nodes[edge.target] for edge in graph.edges() if edge.source in versions and edge.relation == "made from"
        ]
    if name == "register":
        made += [node for node in nodes.values() if node.kind == "model" and _run_of(graph, node, step)]
    return [_dataset(node, producer) for node in read], [_dataset(node, producer) for node in made]


def _run_of(graph: Lineage, model: Node, step: Node) -> bool:
    """Whether a model is of the pipeline run that ran a step."""
    runs = {edge.source for edge in graph.edges() if edge.target == step.id and edge.relation == "ran"}
    return model.facts.get("run_id") in {run.partition(":")[2] for run in runs}


def _dataset(node: Node, producer: str) -> dict[str, Any]:
    name, _, version = node.name.rpartition(":")
    facet = {
        "_producer": producer,
        "_schemaURL": f"{_SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
        "datasetVersion": version,
    }
    kind = "models/" if node.kind == "model" else ""
    return {"namespace": NAMESPACE, "name": kind + name, "facets": {"version": facet}}


def _parent(run: Node, producer: str) -> dict[str, Any]:
    return {
        "_producer": producer,
        "_schemaURL": f"{_SPEC}/facets/1-0-1/ParentRunFacet.json#/$defs/ParentRunFacet",
        "run": {"runId": _uuid(run.name)},
        "job": {"namespace": NAMESPACE, "name": run.facts.get("run_type") or "pipeline"},
    }


def _uuid(run_id: str) -> str:
    """The id as the UUID that it is, or one made of its name: the specification wants UUIDs."""
    try:
        return str(uuid.UUID(run_id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:flowerops:run:{run_id}"))
