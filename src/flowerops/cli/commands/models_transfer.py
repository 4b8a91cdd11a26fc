"""flowerops models pull|push: model versions between the workspace and this machine's home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import DryRun, Reason
from flowerops.cli.session import Session, with_session

if TYPE_CHECKING:
    from flowerops.services.transfer import TransferRequest
    from flowerops.targets.protocol import Target

_PULL = """Examples:

  flowerops models pull flower_classifier

  flowerops models pull flower_classifier:7 --champion --reason "what the workspace serves"

Copies the bundle from the Azure ML workspace into --home, checks its seal, and registers it with its tags under the
next number here. A bundle that is here already is not registered again.

Exit codes: 0 it is here, 2 --champion without --reason, 3 no such model, 5 the bundle is damaged, 8 nobody could
sign in.
"""
_PUSH = """Examples:

  flowerops models push flower_classifier

  flowerops models push flower_classifier:2 --dry-run

Copies the bundle from --home into the Azure ML workspace and registers it there under the next number. A bundle that
is there already is not registered again.

Exit codes: 0 it is there, 2 --champion without --reason, 3 no such model, 5 the bundle is damaged, 8 nobody could
sign in.
"""
ModelArgument = Annotated[str, typer.Argument(help="NAME for the champion, or NAME:VERSION.")]
Champion = Annotated[bool, typer.Option("--champion", help="Make it the champion there, too; needs --reason.")]


def add_to(group: typer.Typer) -> None:
    """Add the commands to the group `models`."""
    group.command("pull", epilog=_PULL)(with_session("models pull")(pull))
    group.command("push", epilog=_PUSH)(with_session("models push")(push))


def pull(
    session: Session, name: ModelArgument, champion: Champion = False, reason: Reason = None, dry_run: DryRun = False
) -> None:
    """Get a model version from the Azure ML workspace into the local home."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.transfer import TransferRequest

    origin = f"azureml/{session.settings.workspace_name or ''}"
    request = TransferRequest(parse_selector(name, "model"), "pulled", origin, champion, reason)
    _transfer(session, session.open("azureml"), session.open("local"), request, dry_run=dry_run)


def push(
    session: Session, name: ModelArgument, champion: Champion = False, reason: Reason = None, dry_run: DryRun = False
) -> None:
    """Bring a model version from the local home into the Azure ML workspace."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.transfer import TransferRequest

    request = TransferRequest(parse_selector(name, "model"), "pushed", "local", champion, reason)
    _transfer(session, session.open("local"), session.open("azureml"), request, dry_run=dry_run)


def _transfer(
    session: Session, source: Target, destination: Target, request: TransferRequest, *, dry_run: bool
) -> None:
    from flowerops.services import transfer as service

    if dry_run:
        done = service.plan(source, destination, request)
    else:
        done = service.transfer(source, destination, request, session.caller)
    document = {"dry_run": dry_run, "from": source.name, "to": destination.name, **done.document()}
    session.finish(document, _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    source, model = document["source"], document["model"]
    there = f"{model['name']}:{model['version']}" if model["version"] else f"the next version of {model['name']}"
    what = f"{source['name']}:{source['version']} of {document['from']}"
    if document["existed"]:
        said = f"{what} is in {document['to']} already, as {there}"
    else:
        said = f"{what} {'would be' if document['dry_run'] else 'is'} {there} in {document['to']}"
    console.heading(said, mark="→" if document["dry_run"] else "✓")
    facts = {"digest": model["digest"][:16], "champion before": document["champion_before"] or "none"}
    console.facts(facts | ({"champion": "yes"} if document["champion"] else {}))
