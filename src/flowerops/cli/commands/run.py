"""flowerops run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerops.cli.commands import deploy as deploy_command
from flowerops.cli.commands import evaluate as evaluate_command
from flowerops.cli.commands import preprocess as preprocess_command
from flowerops.cli.commands import register as register_command
from flowerops.cli.commands import smoketest as smoketest_command
from flowerops.cli.commands import train as train_command
from flowerops.cli.console import Console
from flowerops.cli.options import AssertAccuracy, EndpointOption, PortOption, Strict
from flowerops.cli.plans import show_pipeline
from flowerops.cli.session import Session, with_session
from flowerops.cli.summaries import SummaryOption, publish_summary
from flowerops.cli.training_options import TrainingOptions

if TYPE_CHECKING:
    from flowerops.services.run import RunRequest
    from flowerops.services.train import TrainRequest

_EXAMPLES = """Examples:

  flowerops run --data-folder photos/

  flowerops run --dataset flowers:2 --backbone cnn --json

  flowerops run --strict --assert-accuracy-at-least 0.9 --summary-md summary.md
"""
_SHOW = {
    "preprocess": preprocess_command.show,
    "train": train_command.show,
    "evaluate": evaluate_command.show,
    "register": register_command.show,
    "deploy": deploy_command.show,
    "smoketest": smoketest_command.show,
}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", epilog=_EXAMPLES)(with_session("run", jobs=True)(run))


def run(
    session: Session,
    options: TrainingOptions,
    name: Annotated[
        str | None, typer.Option(help="Model name. Default: flower_classifier.", show_default=False)
    ] = None,
    endpoint: EndpointOption = None,
    port: PortOption = None,
    strict: Strict = False,
    assert_accuracy: AssertAccuracy = None,
    summary_md: SummaryOption = None,
) -> None:
    """Do all of it: preprocess, train, evaluate, register, deploy, smoke-test."""
    from flowerops.cli.parameters import parse_share
    from flowerops.errors import UsageError
    from flowerops.services import run as service
    from flowerops.services import train as train_service
    from flowerops.services.preview_job import plan_or_guess, with_pipeline

    floor = parse_share(assert_accuracy, "--assert-accuracy-at-least")
    if (strict or floor is not None or summary_md) and (options.schedule is not None or session.no_wait):
        raise UsageError(
            "--schedule and --no-wait leave nobody to judge the result",
            "Give a floor for every run as min_accuracy in the section [gate] of flowerops.toml.",
        )
    sections = options.sections()
    if options.set_up_schedule(session, sections, name):
        return
    training = options.request(session, sections)
    request = full_request(session, sections, training, name, endpoint or session.settings.endpoint, port)
    request = request.insisting(strict=strict, accuracy=floor)
    if options.dry_run:
        plan = plan_or_guess(
            lambda: train_service.plan(session.target, training, session.caller), training.folder, training.dataset
        )
        texts = {
            "train_params": training.params,
            "evaluate_params": request.evaluate.params,
            "register_params": request.register.params,
            "policy": request.register.policy,
        }
        made = with_pipeline(session.target, plan, "training", request.experiment, session.caller, texts=texts)
        session.finish({"dry_run": True, "steps": list(_SHOW), **made}, _show_plan)
        return
    document = service.run_all(session.target, request, session.caller, step_listener(session, summary_md))
    session.finish(document, show_times)


def full_request(
    session: Session,
    sections: dict[str, dict[str, Any]],
    training: TrainRequest,
    name: str | None,
    endpoint: str,
    port: int | None,
) -> RunRequest:
    """What every step is asked, from the parameters and the settings."""
    from flowerops.cli.parameters import make_params
    from flowerops.domain.deployment import valid_endpoint_name
    from flowerops.domain.names import Selector, valid_name
    from flowerops.domain.params import EvaluateParams, GatePolicy, RegisterParams
    from flowerops.services.deploy import DeployRequest
    from flowerops.services.evaluate import EvaluateRequest
    from flowerops.services.register import RegisterRequest
    from flowerops.services.run import RunRequest

    section = {"name": session.settings.model, **sections.get("registration", {})}
    registration = make_params(RegisterParams, section, name=name)
    valid_name(registration.name, "model")
    policy = make_params(GatePolicy, session.settings.gate)
    evaluation = make_params(EvaluateParams, sections.get("evaluation", {}))
    return RunRequest(
        experiment=session.settings.experiment,
        train=training,
        evaluate=EvaluateRequest(None, None, None, registration.name, evaluation, policy),
        register=RegisterRequest(None, registration, policy),
        deploy=DeployRequest(Selector(registration.name), valid_endpoint_name(endpoint), port),
    )


def step_listener(session: Session, summary_md: Path | None = None) -> Callable[[str, dict[str, Any]], None]:
    """Show each step's result as soon as it is there, unless one JSON document is wanted at the end.

    The summary of the evaluation is published at once as well, so that it is there when the gate then says no.
    """

    def listen(name: str, document: dict[str, Any]) -> None:
        if not session.as_json:
            _SHOW[name](session.console, document)
        if name == "evaluate":
            publish_summary(session.console, Path(document["summary"]), summary_md, os.environ)

    return listen


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    console.heading(f"would run on {document['dataset']}: {document['summary']}", mark="→")
    show_pipeline(console, document)


def show_times(console: Console, document: dict[str, Any]) -> None:
    """How long each step took."""
    times = (
        f"{name} {step['wall_seconds']:.1f} s" for name, step in document["steps"].items() if "wall_seconds" in step
    )
    console.heading(f"done in {document['seconds']:.1f} s: {', '.join(times)}")
