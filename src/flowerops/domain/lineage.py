"""The lineage graph: model → experiment → pipeline run → step runs → dataset versions and build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowerops.domain.documents import Document


class Node(Document):
    """One thing. id: `kind:name`, unique. name: for people. facts: what is known of it; missing: it was not found."""

    id: str
    kind: str
    name: str
    facts: dict[str, Any] = {}
    missing: bool = False


class Edge(Document):
    """`source` relates to `target`: a run *ran* a step, a version is *made from* another."""

    source: str
    target: str
    relation: str


class Lineage:
    """A graph that grows node by node; each node and edge is kept once, in the order added."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._edges: dict[tuple[str, str, str], Edge] = {}

    def add(self, kind: str, name: str, *, missing: bool = False, **facts: Any) -> str:
        """Add a node unless it is there; returns its id. Facts that are None are left out."""
        node_id = f"{kind}:{name}"
        known = {key: value for key, value in facts.items() if value is not None}
        self._nodes.setdefault(node_id, Node(id=node_id, kind=kind, name=name, facts=known, missing=missing))
        return node_id

    def link(self, source: str, target: str, relation: str) -> None:
        """Add an edge between two nodes that are there."""
        self._edges.setdefault((source, target, relation), Edge(source=source, target=target, relation=relation))

    def nodes(self) -> list[Node]:
        """All nodes, in the order added."""
        return list(self._nodes.values())

    def edges(self) -> list[Edge]:
        """All edges, in the order added."""
        return list(self._edges.values())

    def include(self, other: Lineage) -> None:
        """Add everything that another graph has."""
        for node in other.nodes():
            self._nodes.setdefault(node.id, node)
        for edge in other.edges():
            self.link(edge.source, edge.target, edge.relation)

    def layers(self) -> list[list[Node]]:
        """Nodes by their longest distance from a node that nothing points to; what was made first comes last."""
        depth = {node.id: 0 for node in self.nodes()}
        for _ in depth:  # no path is longer than there are nodes
            deeper = [edge for edge in self.edges() if depth[edge.target] <= depth[edge.source]]
            if not deeper:
                break
            for edge in deeper:
                depth[edge.target] = depth[edge.source] + 1
        found: list[list[Node]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
        for node in self.nodes():
            found[depth[node.id]].append(node)
        return [layer for layer in found if layer]

    def document(self) -> dict[str, Any]:
        """JSON members: `nodes` and `edges` as [from, to, relation]."""
        nodes = [_described(node) for node in self.nodes()]
        return {"nodes": nodes, "edges": [[edge.source, edge.target, edge.relation] for edge in self.edges()]}

    def tree(self, root: str) -> Iterator[tuple[int, str, Node, bool]]:
        """Walk from a node: depth, relation to the node above, node, and whether it was shown before."""
        seen: set[str] = set()

        def walk(node_id: str, relation: str, depth: int) -> Iterator[tuple[int, str, Node, bool]]:
            again = node_id in seen
            seen.add(node_id)
            yield depth, relation, self._nodes[node_id], again
            if not again:
                for edge in self.edges():
                    if edge.source == node_id:
                        yield from walk(edge.target, edge.relation, depth + 1)

        yield from walk(root, "", 0)


def _described(node: Node) -> dict[str, Any]:
    head = {"id": node.id, "kind": node.kind, "name": node.name} | ({"missing": True} if node.missing else {})
    return {**head, **node.facts, **head}  # first in order, and no fact takes their place
