"""A lineage graph as one HTML page: columns from the model to its photos, a click shows what is known of a thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flowerops.domain.lineage import Lineage, Node
from flowerops.reports.pages import part, render_html, script_hash

_WIDTH, _HEIGHT = 162, 66
_GAP_X, _GAP_Y = 74, 20
_MARGIN = 12


@dataclass(frozen=True)
class Box:
    """A node and where it is drawn: its upper left corner in pixels."""

    node: Node
    x: int
    y: int

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What is known of it, as texts."""
        return list(_texts(self.node.facts))


@dataclass(frozen=True)
class Arrow:
    """An edge: its path as SVG has it, where its words stand, and between which nodes it is."""

    path: str
    x: float
    y: float
    relation: str
    source: str
    target: str


@dataclass(frozen=True)
class Drawing:
    """A graph on paper: boxes, arrows, the size of the paper and that of a box in pixels."""

    boxes: list[Box]
    arrows: list[Arrow]
    width: int
    height: int
    box: tuple[int, int] = (_WIDTH, _HEIGHT)


def drawn(graph: Lineage) -> Drawing:
    """Place a graph: a column for each layer."""
    boxes = _placed(graph)
    rows = max((len(layer) for layer in graph.layers()), default=1)
    return Drawing(
        boxes=list(boxes.values()),
        arrows=[_arrow(boxes[edge.source], boxes[edge.target], edge.relation) for edge in graph.edges()],
        width=2 * _MARGIN + len(graph.layers()) * (_WIDTH + _GAP_X) - _GAP_X,
        height=2 * _MARGIN + rows * (_HEIGHT + _GAP_Y) - _GAP_Y,
    )


def render_lineage(graph: Lineage, title: str, subtitle: str) -> str:
    """Render a graph as one HTML page without network; everything in it is escaped."""
    drawing = drawn(graph)
    script = part("lineage.js")
    return render_html(
        "lineage.html.j2",
        title=title,
        subtitle=subtitle,
        boxes=drawing.boxes,
        arrows=drawing.arrows,
        width=drawing.width,
        height=drawing.height,
        box=drawing.box,
        style=part("report.css") + part("lineage.css"),
        script=script,
        script_hash=script_hash(script),
    )


def _placed(graph: Lineage) -> dict[str, Box]:
    """A column for each layer, centred; within it, each node near those that point to it."""
    layers = graph.layers()
    tallest = max((len(layer) for layer in layers), default=1)
    boxes: dict[str, Box] = {}
    for column, layer in enumerate(layers):
        above = {
            node.id: _mean([boxes[edge.source].y for edge in graph.edges() if edge.target == node.id]) for node in layer
        }
        top = _MARGIN + (tallest - len(layer)) * (_HEIGHT + _GAP_Y) // 2
        for row, node in enumerate(sorted(layer, key=lambda node: above[node.id])):
            boxes[node.id] = Box(node, _MARGIN + column * (_WIDTH + _GAP_X), top + row * (_HEIGHT + _GAP_Y))
    return boxes


def _mean(values: list[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _arrow(source: Box, target: Box, relation: str) -> Arrow:
    x1, y1 = source.x + _WIDTH, source.y + _HEIGHT // 2
    x2, y2 = target.x, target.y + _HEIGHT // 2
    bend = max(20, (x2 - x1) // 2)
    path = f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    return Arrow(path, (x1 + x2) / 2, (y1 + y2) / 2 - 5, relation, source.node.id, target.node.id)


def _texts(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if isinstance(value, dict):
            yield name, ", ".join(f"{key} {count}" for key, count in value.items())
        elif isinstance(value, list):
            yield name, ", ".join(map(str, value))
        elif isinstance(value, bool):
            yield name, "yes" if value else "no"
        else:
            yield name, str(value)
