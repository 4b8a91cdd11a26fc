"""Coordinates of the charts: numbers in, points of an SVG out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowerops.domain.evaluation import Interval, ReliabilityBin
from flowerops.domain.significance import wilson_interval

WIDTH, HEIGHT = 420, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 34
"""Margins of the plot inside the picture, in SVG units."""
_SMALLEST_SPAN = 1e-6
"""Values closer than this (relative to 1 or to themselves) are drawn as equal."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place in SVG units and what it says."""

    at: float
    text: str


@dataclass(frozen=True)
class Series:
    """One line: its name, "train" or "val", the points of an SVG polyline, and its last value."""

    name: str
    kind: str
    points: str
    last: float


@dataclass(frozen=True)
class LineChart:
    """One quantity over the epochs, for training and validation images."""

    title: str
    series: list[Series]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    best: Tick | None


@dataclass(frozen=True)
class Dot:
    """A group of images in the reliability chart.

    x, y, radius: of the dot. upper, lower: ends of its Wilson interval on the y axis. bar: images relative to the
    largest group, for the strip below (0..1).
    """

    x: float
    y: float
    radius: float
    upper: float
    lower: float
    bar: float
    text: str


def nice_ticks(lower: float, upper: float, wanted: int = 4) -> list[float]:
    """Round numbers that span lower..upper, about `wanted` of them."""
    span = upper - lower
    if span <= _SMALLEST_SPAN * max(1.0, abs(upper)):
        span = abs(upper) if abs(upper) > _SMALLEST_SPAN else 1.0
    raw = span / wanted
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.floor(lower / step + 1e-9), math.ceil(upper / step - 1e-9)
    return [round(step * index, 10) for index in range(first, max(last, first + 1) + 1)]


def learning_charts(history: Mapping[str, Sequence[float]]) -> list[LineChart]:
    """One chart for each quantity of the history ("loss" and "val_loss" share one), loss first."""
    names = sorted({name.removeprefix("val_") for name in history}, key=lambda name: (name != "loss", name))
    charts = (_line_chart(name, history.get(name, ()), history.get(f"val_{name}", ())) for name in names)
    return [chart for chart in charts if chart is not None]


def _line_chart(name: str, train: Sequence[float], val: Sequence[float]) -> LineChart | None:
    lines = {"train": list(train), "val": list(val)}
    values = [value for line in lines.values() for value in line if math.isfinite(value)]
    epochs = max(len(train), len(val))
    if epochs < 2 or not values:
        return None
    ticks = nice_ticks(min(values), max(values))
    series = [_series(kind, line, epochs, ticks) for kind, line in lines.items() if line]
    every = max(1, round(epochs / 6))
    shown = range(every - 1, epochs, every) if every > 1 else range(epochs)
    return LineChart(
        title=name.replace("_", " "),
        series=[line for line in series if line is not None],
        x_ticks=[Tick(_x(index, epochs), str(index + 1)) for index in shown],
        y_ticks=[Tick(_y(value, ticks), f"{value:g}") for value in ticks],
        best=_best_epoch(name, val, epochs),
    )


def _series(kind: str, line: list[float], epochs: int, ticks: list[float]) -> Series | None:
    placed = [(_x(index, epochs), _y(value, ticks)) for index, value in enumerate(line) if math.isfinite(value)]
    if not placed:
        return None
    last = next(value for value in reversed(line) if math.isfinite(value))
    name = "training" if kind == "train" else "validation"
    return Series(name, kind, " ".join(f"{x:.1f},{y:.1f}" for x, y in placed), last)


def _best_epoch(name: str, val: Sequence[float], epochs: int) -> Tick | None:
    usable = [(value, index) for index, value in enumerate(val) if math.isfinite(value)]
    if name != "loss" or len(usable) < 2:
        return None
    value, index = min(usable)
    return Tick(_x(index, epochs), f"lowest in epoch {index + 1}: {value:.3f}")


def _x(index: int, epochs: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * index / max(1, epochs - 1)


def _y(value: float, ticks: list[float]) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (ticks[-1] - value) / (ticks[-1] - ticks[0])


def reliability_dots(bins: Sequence[ReliabilityBin], side: float) -> list[Dot]:
    """Dots of the reliability curve in a square of `side` SVG units, confidence to the right and accuracy up."""
    largest = max((each.count for each in bins), default=0) or 1
    return [_dot(each, side, largest) for each in bins if each.count]


def _dot(group: ReliabilityBin, side: float, largest: int) -> Dot:
    confidence, accuracy = group.confidence or 0.0, group.accuracy or 0.0
    lower, upper = wilson_interval(round(accuracy * group.count), group.count)
    return Dot(
        x=side * confidence,
        y=side * (1 - accuracy),
        radius=3 + 5 * math.sqrt(group.count / largest),
        upper=side * (1 - upper),
        lower=side * (1 - lower),
        bar=group.count / largest,
        text=f"{group.count} images: {100 * confidence:.0f} % sure, right in {100 * accuracy:.0f} %",
    )


@dataclass(frozen=True)
class NumberLine:
    """A difference with its interval on a line that is symmetric about zero; places are percent of its width."""

    at: float
    lower: float
    upper: float
    reach: float


def number_line(value: float, interval: Interval) -> NumberLine:
    """Place a difference and its interval."""
    reach = nice_ticks(0, max(abs(value), abs(interval[0]), abs(interval[1]), 0.01) * 1.1, 2)[-1]
    lower, upper = (50 + 50 * end / reach for end in interval)
    return NumberLine(50 + 50 * value / reach, lower, upper, reach)
