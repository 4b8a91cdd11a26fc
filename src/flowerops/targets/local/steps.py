"""Run a step in a child process, the way a cloud job would: `python -m flowerops step …`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flowerops.domain.steps import Recorded
from flowerops.errors import RemoteError, error_from_document
from flowerops.targets.local import ahead
from flowerops.targets.protocol import StepRequest

_INTERRUPTED = 130
_GRACE_S = 30
_HIDDEN = {"FLOWEROPS_API_KEY", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"}


def step_command(request: StepRequest, out: Path, log: Path) -> list[str]:
    """The command line of a step."""
    command = [sys.executable, "-m", "flowerops", "step", request.name, "--out", str(out), "--log", str(log)]
    for name, value in request.inputs.items():
        folders: Sequence[Path] = [value] if isinstance(value, Path) else value or []
        for folder in folders:
            command += [f"--{name}", str(folder)]
    for name, text in request.values.items():
        command += [f"--{name}", text]
    command += ["--params", request.params.model_dump_json(exclude_none=True)]
    return [*command, "--context", request.context.model_dump_json(exclude_none=True), "--json"]


def step_environment() -> dict[str, str]:
    """What every step sees of this process's environment."""
    return {name: value for name, value in os.environ.items() if name not in _HIDDEN}


def run_child(request: StepRequest, out: Path, log: Path, tracking: Mapping[str, str]) -> Recorded:
    """Run a step to its end; its progress goes to this process's stderr.

    Args:
        request: The step.
        out: Its output folder, empty.
        log: For its messages, and the traceback of a failure.
        tracking: Variables that name the run it records in; empty for one that leaves the recording to its caller.

    Returns:
        What the caller is to record.

    Raises:
        FlowerOpsError: What the step reported, of the same kind and with the same exit code.
        RemoteError: The step died without a report.
        KeyboardInterrupt: The step was interrupted.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    child = ahead.begin(request.name, step_command(request, out, log), step_environment(), tracking)
    with child, _forwarding_sigterm(child):
        output = _wait(child)
    document = _last_document(output)
    if child.returncode == 0:
        return Recorded.model_validate((document or {}).get("recorded", {}))
    if document is not None and "error" in document:
        raise error_from_document(document["error"])
    if child.returncode in (_INTERRUPTED, -signal.SIGINT):
        raise KeyboardInterrupt
    died = f"signal {-child.returncode}" if child.returncode < 0 else f"exit code {child.returncode}"
    raise RemoteError(f"step {request.name} ended with {died} and no report", f"Its log: {log}")


def _wait(child: subprocess.Popen[str]) -> str:
    try:
        return child.communicate()[0]
    except BaseException:
        # The terminal has sent the interrupt to the child as well; give it time to end by itself.
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_S)
        if child.poll() is None:
            child.kill()
        raise


@contextlib.contextmanager
def _forwarding_sigterm(child: subprocess.Popen[str]) -> Iterator[None]:
    def forward(number: int, frame: object) -> None:
        del frame
        child.send_signal(number)
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, forward)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _last_document(output: str) -> dict[str, dict[str, object]] | None:
    try:
        document = json.loads(output)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
