"""The steps that make models: train, evaluate and register."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.step.common import AsJson, Context, Log, Out, Params, run_step, tracker


def train(
    data: Annotated[Path, typer.Option(help="A processed version's folder.")],
    out: Out,
    params: Params = "{}",
    context: Context = "",
    cache: Annotated[Path | None, typer.Option(help="Folder for features. Default: inside --out's parent.")] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder for checkpoints; training goes on from the newest one there.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the checkpoints and begin anew.")] = False,
    log: Log = None,
    json_: AsJson = False,
) -> None:
    """Train a model and seal its bundle.

    Where TF_CONFIG names several workers, each runs this command, computes features of its share of the images, and
    learns from its share of every batch. The first worker alone writes the bundle, the checkpoints and the records.
    """
    from flowerops.io.loading import one_thread_for_products

    one_thread_for_products()
    from flowerops.cli.step.surroundings import context_of
    from flowerops.domain.params import TrainParams
    from flowerops.domain.workers import worker_of
    from flowerops.steps.train import TrainInput
    from flowerops.steps.train import train as work
    from flowerops.steps.train_along import train_along

    def go(console: Console) -> dict[str, Any]:
        worker = worker_of(os.environ)
        wanted = TrainParams.model_validate_json(params)
        around = context_of(context, processed=data)
        given = TrainInput(data, cache or out.parent / "cache", wanted, around, checkpoints, fresh, worker)
        if worker.count > 1:
            console.message(f"worker {worker.index} of {worker.count}")
        if worker.index > 0:
            return train_along(given, console)
        manifest = work(given, out, console, tracker())
        return {"digest": manifest.digest, **manifest.result}

    run_step("step train", go, out, log, as_json=json_)


def evaluate(
    out: Out,
    bundle: Annotated[Path | None, typer.Option(help="The candidate's bundle.")] = None,
    trained: Annotated[
        Path | None, typer.Option(help="Instead: the train step's folder, with the bundle and the learning curves.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="A processed version's folder; its test split is used.")] = None,
    raw: Annotated[Path | None, typer.Option(help="The raw version behind --data.")] = None,
    objects: Annotated[Path | None, typer.Option(help="The store of the photos' bytes.")] = None,
    photos: Annotated[Path | None, typer.Option(help="Instead: a folder with one sub-folder a class.")] = None,
    champion: Annotated[Path | None, typer.Option(help="The champion's bundle, to compare with.")] = None,
    champion_of: Annotated[
        str | None, typer.Option(help="Instead: the model whose champion the workspace has, if it has one.")
    ] = None,
    training: Annotated[Path | None, typer.Option(help="The train step's folder, for the learning curves.")] = None,
    gate: Annotated[str, typer.Option(help="The gate's policy as JSON; empty for no decision.")] = "",
    params: Params = "{}",
    context: Context = "",
    log: Log = None,
    json_: AsJson = False,
) -> None:
    """Score a bundle on a test split or a labelled folder, and compare it with the champion."""
    from flowerops.cli.step.lookups import champion_bundle
    from flowerops.cli.step.surroundings import context_of
    from flowerops.domain.params import EvaluateParams, GatePolicy
    from flowerops.domain.steps import BUNDLE_DIR
    from flowerops.errors import UsageError
    from flowerops.steps.evaluate import EvaluateInput
    from flowerops.steps.evaluate import evaluate as work

    def go(console: Console) -> dict[str, Any]:
        subject = trained / BUNDLE_DIR if trained else bundle
        if subject is None:
            raise UsageError(
                "evaluate has no model", "Name one with --bundle, or a train step's folder with --trained."
            )
        given = EvaluateInput(
            bundle=subject,
            data=data,
            raw=raw,
            objects=objects,
            photos=photos,
            champion=champion or (champion_bundle(champion_of) if champion_of else None),
            training=training or trained,
            policy=GatePolicy.model_validate_json(gate) if gate else None,
            params=EvaluateParams.model_validate_json(params),
            context=context_of(context, raw=raw, processed=data),
        )
        recording = tracker()
        return {"digest": work(given, out, console, recording).digest, "recorded": recording.recorded.model_dump()}

    run_step("step evaluate", go, out, log, as_json=json_)


def register(
    trained: Annotated[Path, typer.Option(help="The train step's folder.")],
    evaluated: Annotated[Path, typer.Option(help="The evaluate step's folder.")],
    out: Out,
    raw: Annotated[Path | None, typer.Option(help="A raw version's folder that may have no number yet.")] = None,
    processed: Annotated[
        Path | None, typer.Option(help="A processed version's folder that may have no number yet.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name, instead of the one in --params.")] = None,
    params: Params = "{}",
    policy: Annotated[str, typer.Option(help="The gate's policy as JSON.")] = "{}",
    rejection_is_a_result: Annotated[
        bool,
        typer.Option("--rejection-is-a-result", help="End well when the gate says no; the error stands in the result."),
    ] = False,
    context: Context = "",
    log: Log = None,
    json_: AsJson = False,
) -> None:
    """Register an evaluated candidate in the workspace of the job that this step runs in."""
    from flowerops.cli.step.registering import Registering, register_in_job
    from flowerops.cli.step.surroundings import context_of
    from flowerops.domain.params import GatePolicy, RegisterParams

    def go(console: Console) -> dict[str, Any]:
        wanted = RegisterParams.model_validate_json(params)
        given = Registering(
            trained=trained,
            evaluated=evaluated,
            versions=[folder for folder in (raw, processed) if folder is not None],
            params=wanted.model_copy(update={"name": name}) if name else wanted,
            policy=GatePolicy.model_validate_json(policy),
            context=context_of(context),
            rejection_is_a_result=rejection_is_a_result,
        )
        return register_in_job(given, out, console, nullcontext(os.environ.get("AZUREML_RUN_ID", ""))).result

    run_step("step register", go, out, log, as_json=json_)
