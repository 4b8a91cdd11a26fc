"""flowerops train."""

from __future__ import annotations

from typing import Any

import typer

from flowerops.cli.commands import train_view
from flowerops.cli.console import Console
from flowerops.cli.layout import short_path
from flowerops.cli.plans import show_pipeline
from flowerops.cli.session import Session, with_session
from flowerops.cli.training_options import TrainingOptions

_EXAMPLES = """Examples:

  flowerops train

  flowerops train --data-folder new/

  flowerops train --dataset flowers:3 --backbone cnn --epochs 10

  flowerops train --deterministic       # the same bundle, byte for byte

  flowerops train --epochs 20 --fresh   # forgets an interrupted training

  flowerops train --target azureml --schedule "0 3 * * 1"
"""
_LONG_S = 0.5


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", epilog=_EXAMPLES)(with_session("train", jobs=True)(train))


def train(session: Session, options: TrainingOptions) -> None:
    """Train a model on the latest dataset version, or on new photos, and seal it as a bundle."""
    from flowerops.domain.search import planned_search
    from flowerops.services import train as service
    from flowerops.services.pipeline import begin
    from flowerops.services.preview_job import plan_or_guess, with_pipeline

    sections = options.sections()
    if options.set_up_schedule(session, sections):
        return
    request = options.request(session, sections)
    if options.dry_run:
        plan = plan_or_guess(
            lambda: service.plan(session.target, request, session.caller), request.folder, request.dataset
        )
        plan |= {"params": request.params.model_dump(), **planned_search(request.params)}
        experiment = session.settings.experiment
        made = with_pipeline(
            session.target, plan, "train", experiment, session.caller, texts={"params": request.params}
        )
        session.finish({"dry_run": True, **made}, _show_plan)
        return
    service.check(session.target, request)
    with (
        session.target.expecting("train"),
        begin(session.target, session.caller, session.settings.experiment, "train") as pipeline,
    ):
        trained = service.train(pipeline, service.resolve(pipeline, request), request.params, fresh=request.fresh)
    session.finish(trained.document(), show)
    session.next(f"evaluate --run {trained.run_id}")


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
        "time": _time(document["seconds"]),
        "bundle": short_path(document["bundle"]["path"]),
        "digest": document["bundle"]["digest"][:16],
    }
    facts |= train_view.facts(document)
    if document["synthetic"]:
        facts["note"] = "trained on synthetic drawings, not photographs"
    console.facts(facts)
    if document["tuning"]:
        train_view.show_trials(console, document["tuning"])


def _time(seconds: dict[str, float]) -> str:
    """All of it, and the phases that took long."""
    phases = {name: value for name, value in seconds.items() if name != "total" and value >= _LONG_S}
    longest = sorted(phases, key=lambda name: -phases[name])
    told = ", ".join(f"{name} {phases[name]:.1f} s" for name in longest)
    return f"{seconds['total']:.1f} s" + (f" ({told})" if told else "")


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    console.heading(f"would train on {document['dataset']}: {document['summary']}", mark="→")
    console.facts(train_view.parameters(document["params"]))
    if "tuning" in document:
        train_view.show_search(console, document["tuning"])
    show_pipeline(console, document)
