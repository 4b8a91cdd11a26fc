"""Everything that people and scripts see: results on stdout, the rest on stderr. The only user of rich."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console as Screen
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from flowerops.domain.progress import Task
from flowerops.errors import FlowerOpsError

SCHEMA_VERSION = 1
_EPOCH = "epoch"
_WIDTH_WITHOUT_TERMINAL = 120


class Console:
    """One command's voice."""

    def __init__(self, command: str, *, as_json: bool) -> None:
        self.command = command
        self.as_json = as_json
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
            self._write_json({**head, "error": {**error.details, **described}})
            return
        self._err.print(f"[bold red]error:[/] {escape(error.message)}", soft_wrap=True)
        if error.hint:
            self._err.print(f"[bold]hint:[/]  {escape(error.hint)}", soft_wrap=True)

    def _write_json(self, document: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def print(self, text: str = "") -> None:
        """One line of a result; plain text, nothing in it is taken for markup."""
        self._out.print(escape(text), soft_wrap=True, highlight=False)

    def heading(self, text: str, mark: str = "✓") -> None:
        """The line a result begins with."""
        self._out.print(f"[bold green]{mark}[/] [bold]{escape(text)}[/]", soft_wrap=True, highlight=False)

    def warning(self, text: str) -> None:
        """One line to heed, on stderr."""
        self._err.print(f"[bold yellow]warning:[/] {escape(text)}", soft_wrap=True)

    def facts(self, rows: Mapping[str, object]) -> None:
        """Names and values under a heading."""
        width = max(len(name) for name in rows)
        for name, value in rows.items():
            self._out.print(
                f"  [dim]{escape(name.ljust(width))}[/]  {escape(str(value))}", soft_wrap=True, highlight=False
            )

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str = "Nothing here yet.") -> None:
        """A table, or a line when there are no rows."""
        if not rows:
            self.print(empty)
            return
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        self._out.print(table)

    # --- progress (domain.progress.Progress) --------------------------------------------------------------------

    def message(self, text: str) -> None:
        """One line on stderr while the work goes on."""
        self._err.print(f"[dim]{escape(text)}[/]", soft_wrap=True, highlight=False)

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
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[status]}"),
        )
        started = time.perf_counter()
        with Progress(*columns, console=self._err, transient=True) as progress:
            bar = _Bar(progress, label, total)
            yield bar
        self._say_end(label, bar.done, unit, started, bar.status)

    def _lines(self, label: str, total: int, unit: str) -> Iterator[Task]:
        started = time.perf_counter()
        lines = _Lines(self, total, unit)
        yield lines
        self._say_end(label, lines.done, unit, started, lines.status)

    def _say_end(self, label: str, done: int, unit: str, started: float, status: str) -> None:
        seconds = time.perf_counter() - started
        plural = unit if done == 1 else f"{unit}s"
        said = f"{label}: {done:,} {plural} in {seconds:.1f} s"
        self.message(f"{said} · {status}" if status else said)


class _Bar:
    def __init__(self, progress: Progress, label: str, total: int) -> None:
        self._progress = progress
        self._id = progress.add_task(label, total=total, status="")
        self.done = 0
        self.status = ""

    def advance(self, amount: int = 1, status: str | None = None) -> None:
        self.done += amount
        self.status = status or self.status
        self._progress.update(self._id, advance=amount, status=self.status)


class _Lines:
    def __init__(self, console: Console, total: int, unit: str) -> None:
        self._console = console
        self._total = total
        self._unit = unit
        self.done = 0
        self.status = ""

    def advance(self, amount: int = 1, status: str | None = None) -> None:
        self.done += amount
        self.status = status or self.status
        if self._unit == _EPOCH:
            self._console.message(f"epoch {self.done}/{self._total} · {self.status}")


def _screen(stream: Any) -> Screen:
    screen = Screen(file=stream, emoji=False, markup=True)
    if not screen.is_terminal:
        screen = Screen(file=stream, emoji=False, markup=True, width=_WIDTH_WITHOUT_TERMINAL)
    return screen
