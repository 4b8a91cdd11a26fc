"""`flowerops step …`: folders in, one folder out. What runs inside a pipeline step, here and in a cloud job."""

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
Context = Annotated[str, typer.Option(help="Run, build and dataset versions, as JSON.")]
Log = Annotated[Path | None, typer.Option(help="File for messages, and the traceback of a failure.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

app = typer.Typer(name="step", help="Run one step of a pipeline: folders in, one folder out.")


def add_to(root: typer.Typer) -> None:
    """Add the hidden group."""
    root.add_typer(app, name="step", hidden=True)


@app.command()
def preprocess(
    raw: Annotated[Path, typer.Option(help="A raw version's folder.")],
    recipe: Annotated[str, typer.Option(help="Digest of all that decides about the result.")],
    out: Out,
    params: Params = "{}",
    context: Context = "",
    objects: Annotated[Path | None, typer.Option(help="The store of the photos' bytes.")] = None,
    squares: Annotated[Path | None, typer.Option(help="Photos that are decoded already.")] = None,
    earlier: Annotated[list[Path] | None, typer.Option(help="Earlier processed versions, newest first.")] = None,
    log: Log = None,
    json_: AsJson = False,
) -> None:
    """Decode, resize and split a raw version."""
    from flowerops.domain.params import PreprocessParams
    from flowerops.domain.steps import StepContext
    from flowerops.io.surroundings import environment_info, now
    from flowerops.steps.preprocess import PreprocessInput
    from flowerops.steps.preprocess import preprocess as work

    def go(console: Console) -> dict[str, Any]:
        told = StepContext.model_validate_json(context)
        given = PreprocessInput(
            raw=raw,
            objects=objects,
            earlier=earlier or [],
            recipe=recipe,
            params=PreprocessParams.model_validate_json(params),
            provenance=told.provenance(now(), environment_info()),
            squares=squares,
        )
        tracker = _tracker()
        manifest = work(given, out, console)
        tracker.params(manifest.params)
        tracker.metrics({"images": manifest.files, "quarantined": len(manifest.quarantined)})
        return {"digest": manifest.digest, "recorded": tracker.recorded.model_dump()}

    _run("step preprocess", go, out, log, as_json=json_)


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="A processed version's folder.")],
    out: Out,
    params: Params = "{}",
    context: Context = "",
    cache: Annotated[Path | None, typer.Option(help="Folder for features. Default: inside --out's parent.")] = None,
    log: Log = None,
    json_: AsJson = False,
) -> None:
    """Train a model and seal its bundle."""
    from flowerops.domain.params import TrainParams
    from flowerops.domain.steps import StepContext
    from flowerops.steps.train import TrainInput
    from flowerops.steps.train import train as work

    def go(console: Console) -> dict[str, Any]:
        told = StepContext.model_validate_json(context)
        given = TrainInput(data, cache or out.parent / "cache", TrainParams.model_validate_json(params), told)
        manifest = work(given, out, console, _tracker())
        return {"digest": manifest.digest, **manifest.result}

    _run("step train", go, out, log, as_json=json_)


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Option(help="The candidate's bundle.")],
    out: Out,
    data: Annotated[Path | None, typer.Option(help="A processed version's folder; its test split is used.")] = None,
    raw: Annotated[Path | None, typer.Option(help="The raw version behind --data.")] = None,
    objects: Annotated[Path | None, typer.Option(help="The store of the photos' bytes.")] = None,
    photos: Annotated[Path | None, typer.Option(help="Instead: a folder with one sub-folder a class.")] = None,
    champion: Annotated[Path | None, typer.Option(help="The champion's bundle, to compare with.")] = None,
    training: Annotated[Path | None, typer.Option(help="The train step's folder, for the learning curves.")] = None,
    gate: Annotated[str, typer.Option(help="The gate's policy as JSON; empty for no decision.")] = "",
    params: Params = "{}",
    context: Context = "",
    log: Log = None,
    json_: AsJson = False,
) -> None:
    """Score a bundle on a test split or a labelled folder, and compare it with the champion."""
    from flowerops.domain.params import EvaluateParams, GatePolicy
    from flowerops.domain.steps import StepContext
    from flowerops.steps.evaluate import EvaluateInput
    from flowerops.steps.evaluate import evaluate as work

    def go(console: Console) -> dict[str, Any]:
        given = EvaluateInput(
            bundle=bundle,
            data=data,
            raw=raw,
            objects=objects,
            photos=photos,
            champion=champion,
            training=training,
            policy=GatePolicy.model_validate_json(gate) if gate else None,
            params=EvaluateParams.model_validate_json(params),
            context=StepContext.model_validate_json(context),
        )
        tracker = _tracker()
        return {"digest": work(given, out, console, tracker).digest, "recorded": tracker.recorded.model_dump()}

    _run("step evaluate", go, out, log, as_json=json_)


def _tracker() -> StepTracker:
    from flowerops.tracking import StepTracker

    return StepTracker.attach(os.environ.get("MLFLOW_TRACKING_URI"), os.environ.get("MLFLOW_RUN_ID"))


def _run(name: str, work: Callable[[Console], dict[str, Any]], out: Path, log: Path | None, *, as_json: bool) -> None:
    """Do the work; whatever fails leaves its traceback in the log before `main` reports it."""
    from flowerops.io.atomic import explain_os_error

    console = Console(name, as_json=as_json, log=log)
    out.mkdir(parents=True, exist_ok=True)
    try:
        document = work(console)
    except OSError as error:  # of a write it does not say to which file
        _keep_traceback(log)
        raise explain_os_error(error, error.filename or out) from error
    except BaseException:
        _keep_traceback(log)
        raise
    if as_json:
        console.document(document)
    else:
        console.heading(f"{name}: {out}")


def _keep_traceback(log: Path | None) -> None:
    if log is not None:
        LogFile(log).append(traceback.format_exc())
