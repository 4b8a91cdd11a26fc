"""What the steps of a run wrote, as lines, also while they go on writing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from flowerops.domain.names import did_you_mean
from flowerops.errors import BadInputError
from flowerops.targets.local.growing_file import GrowingFile
from flowerops.targets.protocol import LogLine, Run

POLL_S = 1.0
"""Between two looks at a run that another process works on."""


def log_file(run_folder: Path, step_name: str, step_id: str) -> Path:
    """Where a step's log lies."""
    return run_folder / "logs" / f"{step_name}-{step_id[:8]}.log"


def chosen_steps(run: Run, name: str | None) -> Sequence[Run]:
    """The steps of that name, or all.

    Raises:
        BadInputError: There is none of that name.
    """
    found = [step for step in run.steps if name in (None, step.name)]
    if name is not None and not found:
        names = {step.name for step in run.steps}
        raise BadInputError(f"run {run.id} has no step {name!r}", did_you_mean(name, names))
    return found


def read_logs(look: Callable[[], Run], folder: Path, step: str | None, *, follow: bool) -> Iterator[LogLine]:
    """The lines of a run's steps, in the order of the steps.

    Args:
        look: Gives the run as it is now.
        folder: The run's.
        step: Only the steps of this name.
        follow: Go on until the run and these steps have ended.
    """
    readers: dict[str, GrowingFile] = {}
    while True:
        run = look()
        steps = chosen_steps(run, step)
        last = not follow or all(one.status != "RUNNING" for one in (run, *steps))
        for one in steps:
            reader = readers.setdefault(one.id, GrowingFile(log_file(folder, one.name, one.id)))
            for text in reader.read(to_the_end=last):
                yield LogLine(one.name, text)
        if last:
            return
        time.sleep(POLL_S)
