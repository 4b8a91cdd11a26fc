"""Run several ways of doing one thing in turn, several times, and compare their medians."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Row:
    """One way: its median in seconds, spread, units a second, and how its time compares with the first way's.

    cpu_s: median of the processor time of this process and its children, user and system, in seconds.
    """

    name: str
    median_s: float
    fastest_s: float
    slowest_s: float
    per_second: float
    ratio: float
    cpu_s: float
    note: str = ""


def cpu_seconds() -> float:
    """Processor time so far of this process, its children that ended and those that live."""
    times = os.times()
    living = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            used = child.cpu_times()
        except psutil.Error:
            continue
        living += used.user + used.system
    return times.user + times.system + times.children_user + times.children_system + living


def compare(ways: Mapping[str, Callable[[], str | None]], units: int, rounds: int) -> list[Row]:
    """Measure the ways in turn, so that a noisy minute hits all of them; the first is the yardstick.

    Args:
        ways: Name and function; what a function returns is shown as its note.
        units: How many things (photos, calls) one call handles.
        rounds: How often each is called.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    work: dict[str, list[float]] = {name: [] for name in ways}
    notes: dict[str, str] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            started, used = time.perf_counter(), cpu_seconds()
            notes[name] = way() or ""
            times[name].append(time.perf_counter() - started)
            work[name].append(cpu_seconds() - used)
    yardstick = statistics.median(times[next(iter(ways))])
    rows = []
    for name, taken in times.items():
        median, cpu = statistics.median(taken), statistics.median(work[name])
        rows.append(Row(name, median, min(taken), max(taken), units / median, median / yardstick, cpu, notes[name]))
    return rows


def table(title: str, unit: str, rows: list[Row], rounds: int) -> str:
    """A Markdown table."""
    lines = [
        f"### {title}",
        "",
        f"| way | median s | min–max s | {unit}/s | time, first = 1 | CPU s | note |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.median_s:.2f} | {row.fastest_s:.2f}–{row.slowest_s:.2f} | {row.per_second:.1f} "
        f"| {row.ratio:.2f} | {row.cpu_s:.2f} | {row.note} |"
        for row in rows
    ]
    return "\n".join([*lines, "", f"Median of {rounds} rounds, ways in turn.", ""])
