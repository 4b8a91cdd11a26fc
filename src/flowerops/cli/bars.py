"""Progress bars of a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console as Screen
from rich.console import RenderableType
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
from rich.text import Text

from flowerops.cli.lines import ProgressLines, rate


def bar_on(screen: Screen, unit: str) -> Progress:
    """A bar that goes when it is done: what is done, how fast, and how long it takes still."""
    return _BarOverStatus(
        SpinnerColumn(),
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        _RateColumn(unit),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
    )


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


class Bar:
    """A bar on the screen, and lines in the log."""

    def __init__(self, progress: Progress, label: str, total: int, lines: ProgressLines | None) -> None:
        self._progress = progress
        self._lines = lines
        self._id = progress.add_task(label, total=total, status="")
        self.done = 0
        self.status = ""

    def advance(self, amount: int = 1, status: str | None = None) -> None:
        """Count units as done; see `domain.progress.Task`."""
        self.done += amount
        self.status = status or self.status
        self._progress.update(self._id, advance=amount, status=self.status)
        if self._lines:
            self._lines.advance(amount, status)
