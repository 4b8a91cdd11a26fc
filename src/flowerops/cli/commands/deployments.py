"""flowerops deployments list|start|stop|delete|logs|promote|rollback|key."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.layout import minute
from flowerops.cli.options import DryRun
from flowerops.cli.session import Session, with_session

if TYPE_CHECKING:
    from flowerops.domain.deployment import Endpoint

app = typer.Typer(name="deployments", help="Endpoints and what serves behind them.", no_args_is_help=True)
EndpointArgument = Annotated[str | None, typer.Argument(help="Endpoint. Default: flowers.", show_default=False)]


def add_to(root: typer.Typer) -> None:
    """Add the group."""
    commands = {
        "list": list_,
        "start": start,
        "stop": stop,
        "delete": delete,
        "logs": logs,
        "promote": promote,
        "rollback": rollback,
        "key": key,
    }
    for name, function in commands.items():
        more = {"list": "", "logs": " flowers -f", "key": " flowers --rotate"}.get(name, " flowers")
        epilog = f"Example:\n\n  flowerops deployments {name}{more}"
        app.command(name, epilog=epilog)(with_session(f"deployments {name}")(function))
    root.add_typer(app)


def list_(session: Session) -> None:
    """List every endpoint with its deployments as they are right now."""
    items = [endpoint.model_dump(mode="json") for endpoint in session.target.endpoints.all()]
    session.finish({"items": items}, _show_list)


def start(session: Session, endpoint: EndpointArgument = None, dry_run: DryRun = False) -> None:
    """Start again what ended of an endpoint: after a reboot, a stop or a crash. It serves what it served before."""
    name = endpoint or session.settings.endpoint
    endpoints = session.target.endpoints
    state = endpoints.find(name) if dry_run else endpoints.resume(name)
    active = state.deployment("active")
    what = f"{active.model.name}:{active.model.version}" if active else "nothing"
    said = f"would start endpoint {name} with {what}" if dry_run else f"{what} serves at {state.url}"
    document = {"dry_run": dry_run, **state.model_dump(mode="json")}
    session.finish(document, lambda console, _: console.heading(said, mark=_mark(dry_run)))


def stop(session: Session, endpoint: EndpointArgument = None, dry_run: DryRun = False) -> None:
    """Stop an endpoint and its deployments. On Azure ML that removes it, since it costs money while it is there."""
    _end(session, endpoint, session.target.endpoints.stop, "would stop" if dry_run else "stopped", dry_run=dry_run)


def delete(session: Session, endpoint: EndpointArgument = None, dry_run: DryRun = False) -> None:
    """Stop an endpoint and remove it, its logs and its way back."""
    _end(session, endpoint, session.target.endpoints.delete, "would delete" if dry_run else "deleted", dry_run=dry_run)


def _end(session: Session, endpoint: str | None, act: Callable[[str], Endpoint], said: str, *, dry_run: bool) -> None:
    name = endpoint or session.settings.endpoint
    state = session.target.endpoints.find(name) if dry_run else act(name)
    document = {"dry_run": dry_run, **state.model_dump(mode="json")}
    session.finish(document, lambda console, _: console.heading(f"{said} endpoint {name}", mark=_mark(dry_run)))


def logs(
    session: Session,
    endpoint: EndpointArgument = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many lines, from the end.", min=1)] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is logged, until Ctrl-C or the endpoint's stop.")
    ] = False,
) -> None:
    """Show the last lines of what the serving deployment logged."""
    from flowerops.errors import UsageError

    name = endpoint or session.settings.endpoint
    if follow and session.as_json:
        raise UsageError("--json gives one document, and a log that is followed has no end", "Leave one of them out.")
    if follow:
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it
            for line in session.target.endpoints.follow(name, lines):
                session.console.print(line)
        return
    text = session.target.endpoints.logs(name, lines)
    session.finish({"endpoint": name, "lines": text.splitlines()}, lambda console, _: console.print(text, lines=True))


def rollback(session: Session, endpoint: EndpointArgument = None, dry_run: DryRun = False) -> None:
    """End a canary; without one, give the traffic back to the deployment that had it before."""
    name = endpoint or session.settings.endpoint
    endpoints = session.target.endpoints
    before = endpoints.find(name)
    state = before if dry_run else endpoints.rollback(name)
    serving = state.deployment("previous" if dry_run and not before.canary else "active")
    what = f"{serving.model.name}:{serving.model.version}" if serving else "nothing"
    verb = "would give the traffic back to" if dry_run else "the traffic is back at"
    document = {"dry_run": dry_run, **state.model_dump(mode="json")}
    session.finish(document, lambda console, _: console.heading(f"{verb} {what}", mark=_mark(dry_run)))


def promote(session: Session, endpoint: EndpointArgument = None, dry_run: DryRun = False) -> None:
    """Give all the traffic to the canary that has a share of it."""
    from flowerops.domain.deployment import no_canary

    name = endpoint or session.settings.endpoint
    endpoints = session.target.endpoints
    state = endpoints.find(name)
    if state.canary is None:
        raise no_canary(name)
    model = state.canary.model
    state = state if dry_run else endpoints.promote(name)
    verb = "would give all the traffic to" if dry_run else "all the traffic goes to"
    document = {"dry_run": dry_run, **state.model_dump(mode="json")}
    session.finish(
        document,
        lambda console, _: console.heading(f"{verb} {model.name}:{model.version}", mark=_mark(dry_run)),
    )


def key(
    session: Session,
    endpoint: EndpointArgument = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new key; the servers take it at once, without a restart.")
    ] = False,
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="Take the old key, too, until the next --rotate.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Print the key that clients need, and nothing else; with --rotate make a new one first."""
    from flowerops.errors import ConflictError, UsageError

    name = endpoint or session.settings.endpoint
    endpoints = session.target.endpoints
    if keep_old and not rotate:
        raise UsageError("--keep-old goes with --rotate", "There is no old key to keep without a new one.")
    if (dry_run or not rotate) and endpoints.key(name) is None:
        raise ConflictError(f"endpoint {name} needs no key", f"Ask for one: flowerops deploy --endpoint {name} --key")
    if dry_run:
        verb = "would make a new key for" if rotate else "would show the key of"
        document = {"dry_run": True, "endpoint": name, "rotated": False}
        session.finish(document, lambda console, _: console.heading(f"{verb} endpoint {name}", mark="→"))
        return
    found = endpoints.rotate_key(name, keep_former=keep_old) if rotate else endpoints.key(name)
    document = {"dry_run": False, "endpoint": name, "key": found, "rotated": rotate}
    session.finish(document, lambda console, _: console.print(str(found)))


def _mark(dry_run: bool) -> str:
    return "→" if dry_run else "✓"


def _show_list(console: Console, document: dict[str, Any]) -> None:
    rows = [
        (
            endpoint["name"],
            endpoint["url"] or "-",
            deployment["colour"],
            deployment["role"],
            f"{deployment['traffic']}%",
            deployment["status"],
            f"{deployment['model']['name']}:{deployment['model']['version']}",
            minute(deployment["created"]),
        )
        for endpoint in document["items"]
        for deployment in endpoint["deployments"]
    ]
    columns = ("endpoint", "url", "colour", "role", "traffic", "status", "model", "since (UTC)")
    console.table(columns, rows, "Nothing is deployed. Deploy a model with: flowerops deploy")
