"""flowerops evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import DryRun, ModelOption, ParamsOption, RunId
from flowerops.cli.plans import show_pipeline
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops evaluate

  flowerops evaluate --run 4f2e5ab25f2f103a0650d36578d94c69

  flowerops evaluate --model flower_classifier:1 --data-folder other/
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate", epilog=_EXAMPLES)(with_session("evaluate", jobs=True)(evaluate))


def evaluate(
    session: Session,
    run: RunId = None,
    model: ModelOption = None,
    data_folder: Annotated[
        Path | None,
        typer.Option(help="Any labelled folder to score on, instead of the test split.", show_default=False),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Whose champion to beat. Default: flower_classifier.", show_default=False)
    ] = None,
    params: ParamsOption = None,
    dry_run: DryRun = False,
) -> None:
    """Score a candidate on its test split, compare it with the champion, and write a report."""
    from flowerops.cli.parameters import make_params, read_params
    from flowerops.domain.names import Selector, parse_selector, valid_name
    from flowerops.domain.params import EvaluateParams, GatePolicy
    from flowerops.errors import UsageError
    from flowerops.services import evaluate as service
    from flowerops.services.preview_job import plan_or_guess, with_pipeline

    if run is not None and model is not None:
        raise UsageError("--run and --model exclude each other", "Name a run's candidate or a registered model.")
    request = service.EvaluateRequest(
        run_id=run,
        model=parse_selector(model, "model") if model else None,
        folder=data_folder,
        champion_of=valid_name(name or session.settings.model, "model"),
        params=make_params(EvaluateParams, read_params(params).get("evaluation", {})),
        policy=make_params(GatePolicy, session.settings.gate),
    )
    if dry_run:
        plan = plan_or_guess(lambda: service.plan(session.target, request), None, Selector(session.settings.dataset))
        guess = {"subject": str(request.model or run or "the latest run"), "data": str(data_folder or "its test split")}
        texts = {"params": request.params, "gate": request.policy}
        experiment, subject = session.settings.experiment, request.model or Selector(request.champion_of)
        plan = {"dataset": session.settings.dataset, "champion": None, **guess, **plan}
        made = with_pipeline(session.target, plan, "evaluate", experiment, session.caller, texts=texts, model=subject)
        session.finish({"dry_run": True, **made}, _show_plan)
        return
    evaluated = service.evaluate(session.target, request, session.caller)
    session.finish(evaluated.document(), show)


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    metrics, decision = document["metrics"], document["decision"]
    subject = document.get("model") or f"run {document['run_id']}"
    low, high = metrics["ci95"]
    console.heading(f"{subject}: accuracy {metrics['accuracy']:.3f} on {document['n']:,} photos")
    facts = {
        "95 % interval": f"{low:.3f} to {high:.3f}",
        "macro F1": f"{metrics['macro_f1']:.3f}",
        "recall": ", ".join(f"{label} {scores['recall']:.2f}" for label, scores in metrics["per_class"].items()),
    }
    if decision:
        facts["gate"] = f"{decision['outcome']}: {' '.join(decision['reasons'])}"
    facts["report"] = document["report"]
    if document["synthetic"]:
        facts["note"] = "scored on synthetic drawings, not photographs"
    console.facts(facts)


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    against = f" against {document['champion']}" if document["champion"] else ""
    console.heading(f"would score {document['subject']} on {document['data']}{against}", mark="→")
    show_pipeline(console, document)
