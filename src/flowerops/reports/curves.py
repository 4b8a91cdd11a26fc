"""Learning curves as a PNG, for places that show pictures only, such as MLflow's page of a run."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from flowerops.reports.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, LineChart, Series, learning_charts

CURVES_FILE = "learning_curves.png"
_SCALE = 2
"""Pixels for each unit of the charts; lines are drawn four times as large and shrunk, which smooths them."""
_SMOOTH = 2
_HEAD = 46
_GAP = 12
_PAPER, _INK, _SOFT, _GRID = "#ffffff", "#1c2126", "#57606a", "#dfe1e4"
_COLOURS = {"train": "#8a6d3b", "val": "#1f6feb"}
"""Those of the report."""


def render_curves(history: Mapping[str, Sequence[float]]) -> bytes | None:
    """Draw a chart for each quantity, side by side: the same ones that the report shows.

    Args:
        history: Values of each epoch by metric; "loss" and "val_loss" share a chart.

    Returns:
        A PNG file; None where there are fewer than two epochs.
    """
    charts = learning_charts(history)
    if not charts:
        return None
    unit = _SCALE * _SMOOTH
    size = (WIDTH * len(charts) + _GAP * (len(charts) + 1), HEIGHT + _HEAD + _GAP)
    picture = Image.new("RGB", (size[0] * unit, size[1] * unit), _PAPER)
    pen = _Pen(ImageDraw.Draw(picture), unit)
    for index, chart in enumerate(charts):
        pen.left, pen.top = _GAP + index * (WIDTH + _GAP), _HEAD
        _draw(pen, chart)
    small = picture.resize((size[0] * _SCALE, size[1] * _SCALE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "PNG", optimize=True)
    return stream.getvalue()


class _Pen:
    """Draws in the charts' units, from a corner that moves from chart to chart."""

    def __init__(self, draw: ImageDraw.ImageDraw, unit: int) -> None:
        self._draw = draw
        self._unit = unit
        self.left = self.top = 0

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        placed = [((self.left + x) * self._unit, (self.top + y) * self._unit) for x, y in points]
        self._draw.line(placed, colour, round(width * self._unit), joint="curve")

    def dashes(self, x: float, colour: str) -> None:
        for y in range(TOP, HEIGHT - BOTTOM, 6):
            self.line([(x, y), (x, min(y + 3, HEIGHT - BOTTOM))], colour, 1)

    def dot(self, x: float, y: float, colour: str, radius: float) -> None:
        centre, reach = ((self.left + x) * self._unit, (self.top + y) * self._unit), radius * self._unit
        box = (centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
        self._draw.ellipse(box, fill=colour)

    def text(self, x: float, y: float, words: str, anchor: str, colour: str = _SOFT, size: int = 11) -> float:
        """Write, and give the width."""
        font = ImageFont.load_default(size * self._unit)
        at = ((self.left + x) * self._unit, (self.top + y) * self._unit)
        self._draw.text(at, words, colour, font=font, anchor=anchor)
        return float(font.getlength(words)) / self._unit


def _draw(pen: _Pen, chart: LineChart) -> None:
    pen.text(LEFT, -28, chart.title.capitalize(), "ls", _INK, 15)
    for tick in chart.y_ticks:
        pen.line([(LEFT, tick.at), (WIDTH - RIGHT, tick.at)], _GRID, 1)
        pen.text(LEFT - 8, tick.at, tick.text, "rm")
    for tick in chart.x_ticks:
        pen.text(tick.at, HEIGHT - BOTTOM + 14, tick.text, "mm")
    pen.text((WIDTH + LEFT) / 2, HEIGHT - 4, "epoch", "mm")
    if chart.best:
        pen.dashes(chart.best.at, _COLOURS["val"])
    x = float(LEFT)
    for series in chart.series:
        _draw_series(pen, series)
        pen.dot(x + 4, -12, _COLOURS[series.kind], 4)
        x += 13 + pen.text(x + 13, -8, f"{series.name} {series.last:.3f}", "ls") + 14
    if chart.best:
        pen.text(x, -8, chart.best.text, "ls")


def _draw_series(pen: _Pen, series: Series) -> None:
    points = [(float(x), float(y)) for x, y in (pair.split(",") for pair in series.points.split())]
    colour = _COLOURS[series.kind]
    pen.line(points, colour, 2)
    for end in (points[0], points[-1]):
        pen.dot(*end, colour, 2.2)
