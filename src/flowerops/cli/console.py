"""Everything that people and scripts see: results on stdout, the rest on stderr. Nobody else prints."""

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

from rich.cells import cell_len
from rich.console import Console as Screen
from rich.markup import escape
from rich.table import Table

from flowerops.cli.bars import Bar, bar_on
from flowerops.cli.layout import GAP, HARD_BLANK, columns_that_fit, counted, flowed
from flowerops.cli.lines import LogFile, ProgressLines, commands_hidden, spelled_out
from flowerops.cli.waiting import Waiting, on_a_screen
from flowerops.domain.progress import Task
from flowerops.errors import FlowerOpsError

SCHEMA_VERSION = 1
_WIDTH_WITHOUT_TERMINAL = 120
_SHORT = 40


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
        self._waiting = Waiting(sys.stderr)

    def begin(self) -> None:
        """From now on, show on a terminal that the work goes on while nothing is said."""
        if on_a_screen(sys.stderr):
            self._waiting.begin()

    def end(self) -> None:
        """Nothing more is to come."""
        self._waiting.end()

    def aside(self) -> contextlib.AbstractContextManager[None]:
        """Somebody else has the screen during this block."""
        return self._waiting.aside()

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
        self._say(self._err, "[bold red]error:[/] ", self._flowed(self._err, error.message, len("error: ")))
        if error.hint:
            self._say(self._err, "[bold]hint:[/]  ", self._flowed(self._err, error.hint, len("hint:  ")))

    def _write_json(self, document: Mapping[str, Any]) -> None:
        members = _without_nan(document)
        text = json.dumps(members, indent=2, ensure_ascii=False)
        try:
            text.encode(sys.stdout.encoding or "utf-8")
        except UnicodeEncodeError:  # a path that is not UTF-8, or a screen that is not
            text = json.dumps(members, indent=2)
        with self.aside():
            sys.stdout.write(commands_hidden(text) + "\n")
            sys.stdout.flush()

    def print(self, text: str = "", *, lines: bool = False) -> None:
        """One line of a result, or text of several lines; nothing in it is taken for markup."""
        self._say(self._out, "", _shown(text, kept="\n\t" if lines else ""))

    def item(self, text: str, indent: int = 2) -> None:
        """One line of a list below a heading; on a terminal it wraps between words."""
        self._say(self._out, " " * indent, self._flowed(self._out, text, indent + 2))

    def items(self, lines: Sequence[str], most: int, indent: int = 2) -> None:
        """A list of which at most so many lines are shown."""
        for line in lines[:most]:
            self.item(line, indent)
        if len(lines) > most:
            self.item(f"… and {len(lines) - most:,} more; --json lists all", indent)

    def heading(self, text: str, mark: str = "✓") -> None:
        """The line a result begins with."""
        self._say(self._out, f"[bold green]{mark}[/] [bold]", self._flowed(self._out, text, 2))

    def warning(self, text: str) -> None:
        """One line to heed, on stderr."""
        self._keep(f"warning: {text}")
        self._say(self._err, "[bold yellow]warning:[/] ", self._flowed(self._err, text, len("warning: ")))

    def next(self, command: str) -> None:
        """The command that people mostly want to run now, on stderr."""
        self._say(self._err, "[dim]next:[/] ", _shown(command))

    def agent_command(self, line: str) -> None:
        """A line for the agent that runs a CI job, on stderr and exactly as it is; no wrapping, no markup."""
        self._err.file.write(line + "\n")
        self._err.file.flush()

    def facts(self, rows: Mapping[str, object]) -> None:
        """Names and values under a heading."""
        width = max(len(name) for name in rows)
        for name, value in rows.items():
            text = value if isinstance(value, str) else str(value)
            shown = self._flowed(self._out, text, width + 4)
            self._say(self._out, f"  [dim]{_shown(name).ljust(width)}[/]  ", shown)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str = "Nothing here yet.") -> None:
        """A table, or a line when there are no rows."""
        if not rows:
            self.print(empty)
            return
        cells = [[spelled_out(str(cell)) for cell in row] for row in rows]
        widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
        prose = [any(" " in cell for cell in column) for column in zip(*cells, strict=True)]
        fitting = columns_that_fit(widths, prose, self._out.width) if self._out.is_terminal else "natural"
        if fitting == "records":
            self._records(columns, cells)
            return
        shown = widths if fitting == "natural" else fitting
        whole = sum(shown) + GAP * (len(shown) - 1)  # said to Rich, which would fold it into the screen's width
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, GAP, 0, 0), width=whole)
        for name, width in zip(columns, shown, strict=True):
            table.add_column(_shown(name), overflow="fold", width=width)
        for row in cells:
            table.add_row(*map(escape, row))
        with self.aside():
            self._out.print(table, crop=False, soft_wrap=fitting == "natural")

    def _records(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """What a table says, for a screen that is too narrow for it."""
        for head, *rest in rows:
            self._say(self._out, "", f"[bold]{escape(head)}[/]")
            pairs = (f"{name} {cell}".strip() for name, cell in zip(columns[1:], rest, strict=True) if cell)
            kept = (pair.replace(" ", HARD_BLANK) if len(pair) < _SHORT else pair for pair in pairs)
            self._say(self._out, "  ", self._flowed(self._out, f"{HARD_BLANK}· ".join(kept), 2))

    def _flowed(self, screen: Screen, text: str, indent: int) -> str:
        lines = flowed(text, screen.width if screen.is_terminal else None, indent)
        return escape("\n".join(lines).replace(HARD_BLANK, " "))

    def _say(self, screen: Screen, head: str, shown: str) -> None:
        """Print markup as it is."""
        with self.aside():
            screen.print(head + shown, soft_wrap=True, highlight=False)

    # --- progress (domain.progress.Progress) --------------------------------------------------------------------

    def message(self, text: str) -> None:
        """One line on stderr while the work goes on."""
        self._keep(text)
        self._say(self._err, "[dim]", self._flowed(self._err, text, 2))

    def _keep(self, text: str) -> None:
        if self._log:
            self._log.message(text)

    @contextlib.contextmanager
    def task(self, label: str, total: int, unit: str) -> Iterator[Task]:
        """A bar on a terminal; elsewhere a line at the end, and one an epoch."""
        if not self._err.is_terminal:
            yield from self._lines(label, total, unit)
            return
        started = time.perf_counter()
        with self.aside(), bar_on(self._err, unit) as progress:
            lines = ProgressLines(self._log, label, total, unit) if self._log else None
            bar = Bar(progress, label, total, lines)
            yield bar
        self._say_end(label, bar.done, unit, started, bar.status)

    def _lines(self, label: str, total: int, unit: str) -> Iterator[Task]:
        started = time.perf_counter()
        lines = ProgressLines(self, label, total, unit)
        yield lines
        self._say_end(label, lines.done, unit, started, lines.status)

    def _say_end(self, label: str, done: int, unit: str, started: float, status: str) -> None:
        if not done:  # there was nothing to do, or it failed and that is told
            return
        seconds = time.perf_counter() - started
        said = f"{label}: {counted(done, unit)} in {seconds:.1f} s"
        self.message(f"{said} · {status}" if status else said)


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
