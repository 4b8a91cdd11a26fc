"""Everything that people and scripts see: results on stdout, the rest on stderr. The only user of rich."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console as Screen
from rich.console import RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as RichTask
from rich.table import Table
from rich.text import Text

from flowerops.cli.lines import LogFile, ProgressLines, commands_hidden, rate, spelled_out
from flowerops.domain.progress import Task
from flowerops.errors import FlowerOpsError

SCHEMA_VERSION = 1
_WIDTH_WITHOUT_TERMINAL = 120


class Console:
    """One command's voice.

    Args:
        command: Its words, for the JSON document.
        as_json: Whether the result is a document.
        log: A file that gets what is said while the work goes on, as lines, whatever the screen shows.
    """

    def __init__(self, command: str, *, as_json: bool, log: Path | None = None) -> None:
        self.command = command
        self.as_json = as_json
        self._log = LogFile(log) if log else None
        self._out = _screen(sys.stdout)
        self._err = _screen(sys.stderr)

    # --- results ------------------------------------------------------------------------------------------------

    def document(self, members: Mapping[str, Any]) -> None:
        """Write the one JSON document of a success."""
        self._write_json({"schema_version": SCHEMA_VERSION, "command": self.command, "ok": True, **members})

    def error(self, error: FlowerOpsError) -> None:
        """Report a failure: JSON on stdout, or one or two lines on stderr."""
        if self.as_json:
            described = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
            head = {"schema_version": SCHEMA_VERSION, "command": self.command, "ok": False}
            try:
                self._write_json({**head, "error": {**error.details, **described}})
                return
            except OSError:  # stdout itself may be what failed: a full disk, a reader that is gone
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - what is left in its buffer fails again at the end
        self._err.print(f"[bold red]error:[/] {_shown(error.message)}", soft_wrap=True)
        if error.hint:
            self._err.print(f"[bold]hint:[/]  {_shown(error.hint)}", soft_wrap=True)

    def _write_json(self, document: Mapping[str, Any]) -> None:
        members = _without_nan(document)
        text = json.dumps(members, indent=2, ensure_ascii=False)
        try:
            text.encode(sys.stdout.encoding or "utf-8")
        except UnicodeEncodeError:  # a path that is not UTF-8, or a screen that is not
            text = json.dumps(members, indent=2)
        sys.stdout.write(commands_hidden(text) + "\n")
        sys.stdout.flush()

    def print(self, text: str = "", *, lines: bool = False) -> None:
        """One line of a result, or text of several lines; nothing in it is taken for markup."""
        self._out.print(_shown(text, kept="\n\t" if lines else ""), soft_wrap=True, highlight=False)

    def heading(self, text: str, mark: str = "✓") -> None:
        """The line a result begins with."""
        self._out.print(f"[bold green]{mark}[/] [bold]{_shown(text)}[/]", soft_wrap=True, highlight=False)

    def warning(self, text: str) -> None:
        """One line to heed, on stderr."""
        self._keep(f"warning: {text}")
        self._err.print(f"[bold yellow]warning:[/] {_shown(text)}", soft_wrap=True)

    def agent_command(self, line: str) -> None:
        """A line for the agent that runs a CI job, on stderr and exactly as it is; no wrapping, no markup."""
        self._err.file.write(line + "\n")
        self._err.file.flush()

    def facts(self, rows: Mapping[str, object]) -> None:
        """Names and values under a heading."""
        width = max(len(name) for name in rows)
        for name, value in rows.items():
            self._out.print(
                f"  [dim]{_shown(name).ljust(width)}[/]  {_shown(str(value))}", soft_wrap=True, highlight=False
            )

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str = "Nothing here yet.") -> None:
        """A table, or a line when there are no rows."""
        if not rows:
            self.print(empty)
            return
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        for column in columns:
            table.add_column(_shown(column), overflow="fold")
        for row in rows:
            table.add_row(*(_shown(str(cell)) for cell in row))
        self._out.print(table)

    # --- progress (domain.progress.Progress) --------------------------------------------------------------------

    def message(self, text: str) -> None:
        """One line on stderr while the work goes on."""
        self._keep(text)
        self._err.print(f"[dim]{_shown(text)}[/]", soft_wrap=True, highlight=False)

    def _keep(self, text: str) -> None:
        if self._log:
            self._log.message(text)

    @contextlib.contextmanager
    def task(self, label: str, total: int, unit: str) -> Iterator[Task]:
        """A bar on a terminal; elsewhere a line at the end, and one an epoch."""
        if not self._err.is_terminal:
            yield from self._lines(label, total, unit)
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            _RateColumn(unit),
            TimeRemainingColumn(),
        )
        started = time.perf_counter()
        with _BarOverStatus(*columns, console=self._err, transient=True) as progress:
            lines = ProgressLines(self._log, label, total, unit) if self._log else None
            bar = _Bar(progress, label, total, lines)
            yield bar
        self._say_end(label, bar.done, unit, started, bar.status)

    def _lines(self, label: str, total: int, unit: str) -> Iterator[Task]:
        started = time.perf_counter()
        lines = ProgressLines(self, label, total, unit)
        yield lines
        self._say_end(label, lines.done, unit, started, lines.status)

    def _say_end(self, label: str, done: int, unit: str, started: float, status: str) -> None:
        seconds = time.perf_counter() - started
        plural = unit if done == 1 else f"{unit}s"
        said = f"{label}: {done:,} {plural} in {seconds:.1f} s"
        self.message(f"{said} · {status}" if status else said)


class _BarOverStatus(Progress):
    """A bar, and how the work goes in a line below it: side by side they would not fit into 80 columns."""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            if task.fields["status"]:
                yield Text(f"  {task.fields['status']}", style="dim", no_wrap=True, overflow="ellipsis")


class _RateColumn(ProgressColumn):
    """How many units a second: 412 photos/s."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: RichTask) -> Text:
        """The column of one bar; the first second says nothing reliable."""
        speed = task.finished_speed or task.speed or 0.0
        return Text(rate(speed, self._unit) if speed and (task.elapsed or 0.0) >= 1 else "")


class _Bar:
    """A bar on the screen, and lines in the log."""

    def __init__(self, progress: Progress, label: str, total: int, lines: ProgressLines | None) -> None:
        self._progress = progress
        self._lines = lines
        self._id = progress.add_task(label, total=total, status="")
        self.done = 0
        self.status = ""

    def advance(self, amount: int = 1, status: str | None = None) -> None:
        self.done += amount
        self.status = status or self.status
        self._progress.update(self._id, advance=amount, status=self.status)
        if self._lines:
            self._lines.advance(amount, status)


def _shown(text: str, kept: str = "") -> str:
    """Text as rich takes it: no markup, and what would steer the terminal spelled out, except for what is `kept`."""
    return escape(spelled_out(text, kept))


def _without_nan(value: Any) -> Any:
    """JSON has no NaN and no infinity; they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _without_nan(inner) for key, inner in value.items()}
    return [_without_nan(inner) for inner in value] if isinstance(value, list | tuple) else value


def _screen(stream: Any) -> Screen:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # rather a spelled-out character than no result
    screen = Screen(file=stream, emoji=False, markup=True)
    if not screen.is_terminal:
        screen = Screen(file=stream, emoji=False, markup=True, width=_WIDTH_WITHOUT_TERMINAL)
    return screen
