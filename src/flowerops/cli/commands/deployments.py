"""flowerops deployments list|stop|delete|logs|rollback."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import DryRun
from flowerops.cli.session import Session, with_session

app = typer.Typer(name="deployments", help="Endpoints and what serves behind them.", no_args_is_help=True)
EndpointArgument = Annotated[str | None, typer.Argument(help="Endpoint. Default: flowers.", show_default=False)]


def add_to(root: typer.Typer) -> None:
    """Add the group."""
    commands = (("list", list_), ("stop", stop), ("delete", delete), ("logs", logs), ("rollback", rollback))
    for name, function in commands:
        epilog = f"Example:\n\n  flowerops deployments {name}{'' if name == 'list' else ' flowers'}"
        app.command(name, epilog=epilog)(with_session(f"deployments {name}")(function))
    root.add_typer(app)


def list_(session: Session) -> None:
    """List every endpoint with its deployments as they are right now."""
    items = [endpoint.model_dump(mode="json") for endpoint in session.target.endpoints.all()]
    session.finish({"items": items}, _show_list)


def stop(session: Session, endpoint: EndpointArgument = None, dry_run: DryRun = False) -> None:
    """Stop an endpoint and its deployments. On Azure ML that removes it, since it costs money while it is there."""
    name = endpoint or session.settings.endpoint
    endpoints = session.target.endpoints
    state = endpoints.find(name) if dry_run else endpoints.stop(name)
    verb = "would stop" if dry_run else "stopped"
    document = {"dry_run": dry_run, **state.model_dump(mode="json")}
    session.finish(document, lambda console, _: console.heading(f"{verb} endpoint {name}"))


def delete(session: Session, endpoint: EndpointArgument = None, dry_run: DryRun = False) -> None:
    """Stop an endpoint and remove it, its logs and its way back."""
    name = endpoint or session.settings.endpoint
    endpoints = session.target.endpoints
    state = endpoints.find(name) if dry_run else endpoints.delete(name)
    verb = "would delete" if dry_run else "deleted"
    document = {"dry_run": dry_run, **state.model_dump(mode="json")}
    session.finish(document, lambda console, _: console.heading(f"{verb} endpoint {name}"))


def logs(
    session: Session,
    endpoint: EndpointArgument = None,
    lines: Annotated[int, typer.Option(help="How many lines, from the end.", min=1)] = 50,
) -> None:
    """Show the last lines of what the serving deployment logged."""
    name = endpoint or session.settings.endpoint
    text = session.target.endpoints.logs(name, lines)
    session.finish({"endpoint": name, "lines": text.splitlines()}, lambda console, _: console.print(text, lines=True))


def rollback(session: Session, endpoint: EndpointArgument = None, dry_run: DryRun = False) -> None:
    """Give the traffic back to the deployment that had it before."""
    name = endpoint or session.settings.endpoint
    endpoints = session.target.endpoints
    state = endpoints.find(name) if dry_run else endpoints.rollback(name)
    serving = state.deployment("previous" if dry_run else "active")
    what = f"{serving.model.name}:{serving.model.version}" if serving else "nothing"
    verb = "would give the traffic back to" if dry_run else "the traffic is back at"
    document = {"dry_run": dry_run, **state.model_dump(mode="json")}
    session.finish(document, lambda console, _: console.heading(f"{verb} {what}"))


def _show_list(console: Console, document: dict[str, Any]) -> None:
    rows = [
        (
            endpoint["name"],
            endpoint["url"] or "-",
            deployment["colour"],
            deployment["role"],
            deployment["status"],
            f"{deployment['model']['name']}:{deployment['model']['version']}",
            deployment["created"],
        )
        for endpoint in document["items"]
        for deployment in endpoint["deployments"]
    ]
    columns = ("endpoint", "url", "colour", "role", "status", "model", "since")
    console.table(columns, rows, "Nothing is deployed. Deploy a model with: flowerops deploy")
