"""A lineage graph as Mermaid text, which GitHub, GitLab and Azure DevOps wikis draw.

Source: Mermaid documentation, "Flowcharts": texts in quotes, special characters as `#code;`.
"""

from __future__ import annotations

import re

from flowerops.domain.lineage import Lineage, Node

_SHAPES = {"model": ("([", "])"), "dataset": ("[(", ")]"), "run": ("[[", "]]"), "build": ("{{", "}}")}
_UNSAFE = re.compile(r"[^A-Za-z0-9 _.:/@,+-]")


def mermaid(graph: Lineage) -> str:
    """The graph as a flowchart from left to right; what is missing has a dashed border."""
    number = {node.id: f"n{index}" for index, node in enumerate(graph.nodes())}
    lines = ["flowchart LR"]
    lines += [f"  {number[node.id]}{_shape(node)}" for node in graph.nodes()]
    lines += [f"  {number[edge.source]} -->|{_safe(edge.relation)}| {number[edge.target]}" for edge in graph.edges()]
    missing = ",".join(number[node.id] for node in graph.nodes() if node.missing)
    if missing:
        lines += ["  classDef missing stroke-dasharray: 4 3", f"  class {missing} missing"]
    return "\n".join(lines) + "\n"


def _shape(node: Node) -> str:
    before, after = _SHAPES.get(node.kind, ("[", "]"))
    text = f"{node.kind} {node.name}" + (" (missing)" if node.missing else "")
    return f'{before}"{_safe(text)}"{after}'


def _safe(text: str) -> str:
    """Everything that Mermaid or HTML could read as more than a letter, as its code."""
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", text)
