"""flowerops train."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import (
    Backbone,
    DataFolder,
    DatasetName,
    DryRun,
    Epochs,
    Extend,
    FitOption,
    ImageSize,
    MaxBad,
    ParamsOption,
    Replace,
    ScheduleOption,
    Seed,
)
from flowerops.cli.plans import show_pipeline
from flowerops.cli.scheduling import Times, refuse_photos_here, retrain_mode, retrain_request, set_up
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops train

  flowerops train --data-folder new/

  flowerops train --dataset flowers:3 --backbone cnn --epochs 10

  flowerops train --target azureml --schedule "0 3 * * 1"
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", epilog=_EXAMPLES)(with_session("train", jobs=True)(train))


def train(
    session: Session,
    data_folder: DataFolder = None,
    dataset: DatasetName = None,
    backbone: Backbone = None,
    weights: Annotated[
        str | None,
        typer.Option(help="File with the backbone's weights, instead of the usual ones.", show_default=False),
    ] = None,
    epochs: Epochs = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.", min=1, show_default=False)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of Adam.", show_default=False)] = None,
    seed: Seed = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: all.", min=1, show_default=False)] = None,
    image_size: ImageSize = None,
    fit: FitOption = None,
    max_bad: MaxBad = None,
    params: ParamsOption = None,
    extend: Extend = False,
    replace: Replace = False,
    schedule: ScheduleOption = None,
    dry_run: DryRun = False,
) -> None:
    """Train a model on the latest dataset version, or on new photos, and seal it as a bundle."""
    from flowerops.cli.parameters import intake_mode, make_params, preprocess_params, read_params
    from flowerops.domain.names import parse_selector
    from flowerops.domain.params import TrainParams
    from flowerops.services import train as service
    from flowerops.services.pipeline import begin
    from flowerops.services.preview_job import plan_or_guess, with_pipeline

    sections = read_params(params)
    wanted = make_params(
        TrainParams,
        sections.get("training", {}),
        backbone=backbone,
        weights=weights,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        threads=threads,
    )
    preprocessing = preprocess_params(sections, image_size, fit, max_bad)
    if schedule is not None:
        refuse_photos_here(data_folder)
        again = retrain_request(
            session,
            sections,
            dataset,
            mode=retrain_mode(extend, replace),
            train=wanted,
            preprocess=preprocessing,
        )
        set_up(session, Times(schedule), again, dry_run=dry_run)
        return
    selector = parse_selector(dataset or session.settings.dataset, "dataset")
    request = service.TrainRequest(
        data_folder, selector, wanted, preprocessing, intake_mode(extend, replace, data_folder)
    )
    if dry_run:
        plan = plan_or_guess(lambda: service.plan(session.target, request, session.caller), data_folder, selector)
        plan["params"] = wanted.model_dump()
        experiment = session.settings.experiment
        made = with_pipeline(session.target, plan, "train", experiment, session.caller, texts={"params": wanted})
        session.finish({"dry_run": True, **made}, _show_plan)
        return
    service.check(session.target, request)
    with begin(session.target, session.caller, session.settings.experiment, "train") as pipeline:
        trained = service.train(pipeline, service.resolve(pipeline, request), request.params)
    session.finish(trained.document(), show)
    if not session.as_json:
        session.console.message(f"next: flowerops evaluate --run {trained.run_id}")


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    dataset, metrics = document["dataset"], document["metrics"]
    console.heading(f"trained on {dataset['name']}:{dataset['version']}, run {document['run_id']}")
    features = document["features"]
    facts = {
        "val accuracy": f"{metrics['val_accuracy']:.3f}",
        "classes": ", ".join(document["classes"]),
        "backbone": document["backbone"]["name"],
        "features": f"{features['computed']:,} computed, {features['cached']:,} from the cache",
        "seconds": ", ".join(f"{name} {value:.1f}" for name, value in document["seconds"].items()),
        "bundle": document["bundle"]["path"],
        "digest": document["bundle"]["digest"][:16],
    }
    if document["synthetic"]:
        facts["note"] = "trained on synthetic drawings, not photographs"
    console.facts(facts)


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    console.heading(f"would train on {document['dataset']}: {document['summary']}", mark="→")
    console.facts(document["params"])
    show_pipeline(console, document)
