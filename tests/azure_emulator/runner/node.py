"""The node of a step: its folder, the processes on it, their logs."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from azure_emulator import processes
from azure_emulator.blobs import ARTIFACTS, Place
from azure_emulator.runs import Run

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud
    from azure_emulator.faults import JobFault

LOG_EVERY_S = 0.3
_TICK_S = 0.03


@dataclass
class Launch:
    """A process to start."""

    command: Sequence[str]
    variables: dict[str, str]
    log: str


@dataclass
class Watch:
    """Runs processes until all ended, one failed, time was up, the job was cancelled, or the node was taken away."""

    cloud: Cloud
    run: Run
    folder: Path
    timeout: float | None
    preemption: JobFault | None
    written: dict[str, int] = field(default_factory=dict)

    def go(self, launches: Sequence[Launch], cwd: Path) -> tuple[str, int]:
        """How it ended (exited, cancelled, timeout or preempted), and the exit status."""
        started = [processes.start(item.command, self.folder / item.log, item.variables, cwd) for item in launches]
        begun = shown = time.monotonic()
        logs = [item.log for item in launches]
        try:
            while True:
                end = self._end(started, time.monotonic() - begun, logs)
                if end:
                    return end
                if time.monotonic() - shown > LOG_EVERY_S:
                    self.show(logs)
                    shown = time.monotonic()
                time.sleep(_TICK_S)
        finally:
            for process in started:
                processes.kill(process)
            self.show(logs)

    def _end(self, started: list[subprocess.Popen[bytes]], age: float, logs: list[str]) -> tuple[str, int] | None:
        codes = [process.poll() for process in started]
        failed = next((code for code in codes if code), None)
        if failed:
            return "exited", failed if failed > 0 else 128 - failed
        if all(code == 0 for code in codes):
            return "exited", 0
        if self.run.cancelled.is_set():
            return "cancelled", 0
        if self.timeout is not None and age > self.timeout:
            return "timeout", 0
        return ("preempted", 0) if self._taken_away(age, logs) else None

    def _taken_away(self, age: float, logs: list[str]) -> bool:
        if self.preemption is None:
            return False
        if self.preemption.when is None:
            return age >= self.preemption.after
        texts = ((self.folder / name).read_text(errors="replace") for name in logs)
        return any(re.search(self.preemption.when, text) for text in texts)

    def show(self, logs: Sequence[str]) -> None:
        """Upload the logs that grew."""
        for name in logs:
            data = (self.folder / name).read_bytes()
            if self.written.get(name) != len(data):
                self.written[name] = len(data)
                write_log(self.cloud, self.run, name, data)


def write_log(cloud: Cloud, run: Run, name: str, data: bytes) -> None:
    cloud.blobs.write(Place(ARTIFACTS, f"ExperimentRun/dcid.{run.identifier}/{name}"), data)
    if name not in run.logs:
        run.logs.append(name)
