"""What the steps share: their options, how they report, and where they record."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.lines import LogFile

if TYPE_CHECKING:
    from flowerops.tracking import StepTracker

Out = Annotated[Path, typer.Option(help="Folder to fill; made when missing, else it must be empty.")]
Params = Annotated[str, typer.Option(help="The step's parameters as JSON.")]
Context = Annotated[
    str, typer.Option(help="Run, build and dataset versions, as JSON; what is missing is found out in a job.")
]
Log = Annotated[Path | None, typer.Option(help="File for messages, and the traceback of a failure.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def tracker() -> StepTracker:
    """Where a step records: in the run that its target began for it, or for its caller to record."""
    from flowerops.tracking import StepTracker

    return StepTracker.attach(os.environ.get("MLFLOW_TRACKING_URI"), os.environ.get("MLFLOW_RUN_ID"))


def run_step(
    name: str, work: Callable[[Console], dict[str, Any]], out: Path, log: Path | None, *, as_json: bool
) -> None:
    """Do the work; whatever fails leaves its traceback in the log before `main` reports it."""
    from flowerops.io.atomic import explain_os_error

    console = Console(name, as_json=as_json, log=log)
    out.mkdir(parents=True, exist_ok=True)
    console.begin()
    try:
        document = work(console)
    except OSError as error:  # of a write it does not say to which file
        _keep_traceback(log)
        raise explain_os_error(error, error.filename or out) from error
    except BaseException:
        _keep_traceback(log)
        raise
    finally:
        console.end()
    if as_json:
        console.document(document)
    else:
        console.heading(f"{name}: {out}")


def _keep_traceback(log: Path | None) -> None:
    if log is not None:
        LogFile(log).append(traceback.format_exc())
