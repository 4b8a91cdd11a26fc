"""flowerops register."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.judged import finish_judged
from flowerops.cli.options import AssertAccuracy, DryRun, ParamsOption, RunId, Strict
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops register

  flowerops register --run 4f2e5ab25f2f103a0650d36578d94c69 --name flower_classifier

  flowerops register --strict --assert-accuracy-at-least 0.9

  flowerops register --force --reason "hot fix agreed with the owner"
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("register", epilog=_EXAMPLES)(with_session("register")(register))


def register(
    session: Session,
    run: RunId = None,
    name: Annotated[
        str | None, typer.Option(help="Model name. Default: flower_classifier.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overrule the gate; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why; recorded with the model.", show_default=False)] = None,
    strict: Strict = False,
    assert_accuracy: AssertAccuracy = None,
    params: ParamsOption = None,
    dry_run: DryRun = False,
) -> None:
    """Register an evaluated candidate; it becomes the champion when the gate says so."""
    from flowerops.cli.parameters import make_params, parse_share, read_params
    from flowerops.domain.params import GatePolicy, RegisterParams
    from flowerops.services import register as service
    from flowerops.services.strictness import with_floor

    section = {"name": session.settings.model, **read_params(params).get("registration", {})}
    wanted = make_params(RegisterParams, section, name=name, force=force or None, reason=reason)
    floor = parse_share(assert_accuracy, "--assert-accuracy-at-least")
    policy = with_floor(make_params(GatePolicy, session.settings.gate), floor)
    request = service.RegisterRequest(run, wanted, policy)
    if dry_run:
        session.finish({"dry_run": True, **service.plan(session.target, request)}, _show_plan)
        return
    document = service.register(session.target, request, session.caller).document()
    forced = wanted.force
    finish_judged(session, document, show, strict=strict and not forced, accuracy=None if forced else floor)
    if document["champion"]:
        session.next(_deployment(session, document["model"]["name"]))


def _deployment(session: Session, name: str) -> str:
    return "deploy" if name == session.settings.model else f"deploy --model {name}"


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    model, decision = document["model"], document["decision"]
    place = "the champion" if document["champion"] else "not the champion"
    again = " (it was registered before)" if document["existed"] else ""
    console.heading(f"{model['name']}:{model['version']}, {place}{again}")
    console.facts(
        {
            "gate": f"{decision['outcome']}: {' '.join(decision['reasons'])}",
            "dataset": document["tags"].get("dataset_id", "-"),
            "build": document["tags"].get("BuildId", "-"),
            "digest": model["digest"][:16],
        }
    )


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    console.heading(f"would register run {document['run_id']} as {document['name']}", mark="→")
    console.facts({"gate": f"{document['decision']['outcome']}: {' '.join(document['decision']['reasons'])}"})
