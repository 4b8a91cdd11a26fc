"""flowerops evaluate."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.judged import finish_judged
from flowerops.cli.layout import short_path, size
from flowerops.cli.options import AssertAccuracy, DryRun, ModelOption, ParamsOption, RunId, Strict
from flowerops.cli.plans import show_pipeline
from flowerops.cli.session import Session, with_session
from flowerops.cli.summaries import SummaryOption, copy_report, publish_summary

_EXAMPLES = """Examples:

  flowerops evaluate

  flowerops evaluate --run 4f2e5ab25f2f103a0650d36578d94c69

  flowerops evaluate --model flower_classifier:1 --data-folder other/

  flowerops evaluate --strict --assert-accuracy-at-least 0.9 --summary-md summary.md
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
    group_by: Annotated[
        str | None,
        typer.Option(
            help="Regular expression over paths: photos for which it finds the same text are scored as a group.",
            show_default=False,
        ),
    ] = None,
    strict: Strict = False,
    assert_accuracy: AssertAccuracy = None,
    summary_md: SummaryOption = None,
    report: Annotated[Path | None, typer.Option(help="Copy the HTML report to this file.", show_default=False)] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of evaluation.json and end.")] = False,
    params: ParamsOption = None,
    dry_run: DryRun = False,
) -> None:
    """Score a candidate on its test split, compare it with the champion, and write a report."""
    from flowerops.cli.parameters import make_params, parse_share, read_params
    from flowerops.domain.names import Selector, parse_selector, valid_name
    from flowerops.domain.params import EvaluateParams, GatePolicy
    from flowerops.errors import UsageError
    from flowerops.services import evaluate as service
    from flowerops.services.preview_job import plan_or_guess, with_pipeline
    from flowerops.services.strictness import with_floor

    if schema:
        session.finish({"schema": _schema()}, _show_schema)
        return
    floor = parse_share(assert_accuracy, "--assert-accuracy-at-least")
    judged = strict or floor is not None or summary_md is not None or report is not None
    _check(session, strict=strict, judged=judged, ungated=model is not None or data_folder is not None)
    if run is not None and model is not None:
        raise UsageError("--run and --model exclude each other", "Name a run's candidate or a registered model.")
    request = service.EvaluateRequest(
        run_id=run,
        model=parse_selector(model, "model") if model else None,
        folder=data_folder,
        champion_of=valid_name(name or session.settings.model, "model"),
        params=make_params(EvaluateParams, read_params(params).get("evaluation", {}), group_by=group_by),
        policy=with_floor(make_params(GatePolicy, session.settings.gate), floor),
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
    document = service.evaluate(session.target, request, session.caller).document()
    publish_summary(session.console, Path(document["summary"]), summary_md, os.environ)
    if report is not None:
        copy_report(Path(document["report"]), report)
    finish_judged(session, document, show, strict=strict, accuracy=floor)
    if document["decision"] and document["decision"]["outcome"] != "rejected":
        session.next(f"register --run {document['run_id']}")


def _check(session: Session, *, strict: bool, judged: bool, ungated: bool) -> None:
    """Refuse options that would be of no effect. judged: something is done with the result here. ungated: no gate."""
    from flowerops.errors import UsageError

    if session.no_wait and judged:
        raise UsageError("--no-wait leaves nobody to judge the result", "Leave --no-wait or the other option out.")
    if strict and ungated:
        raise UsageError(
            "--strict needs the gate, which judges a run's candidate on its test split",
            "Leave it out, or assert a number: --assert-accuracy-at-least 0.9",
        )


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
    if metrics.get("roc_auc") is not None:
        facts["ROC AUC"] = f"{metrics['roc_auc']:.3f}"
    if document["cost"]:
        cost = document["cost"]
        facts["an image"] = f"{cost['latency_ms']:.1f} ms on one thread"
        facts["bundle"] = size(cost["bundle_bytes"])
    weak = [f"{one['by']} {one['name']} {one['accuracy']:.2f}" for one in document["slices"] if one["weak"]]
    if weak:
        facts["weak on"] = ", ".join(weak[:5])
    if decision:
        facts["gate"] = f"{decision['outcome']}: {' '.join(decision['reasons'])}"
    facts["report"] = short_path(document["report"])
    if document["synthetic"]:
        facts["note"] = "scored on synthetic drawings, not photographs"
    console.facts(facts)


def _schema() -> dict[str, Any]:
    from flowerops.domain.verdict import Evaluation

    return Evaluation.model_json_schema()


def _show_schema(console: Console, document: dict[str, Any]) -> None:
    console.print(json.dumps(document["schema"], indent=2), lines=True)


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    against = f" against {document['champion']}" if document["champion"] else ""
    console.heading(f"would score {document['subject']} on {document['data']}{against}", mark="→")
    show_pipeline(console, document)
