"""flowerops runs list|show|logs|wait|cancel."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.commands.runs_view import show_list, show_one
from flowerops.cli.options import DryRun
from flowerops.cli.session import Session, with_session

app = typer.Typer(name="runs", help="Pipeline runs and their steps.", no_args_is_help=True)
RunArgument = Annotated[str, typer.Argument(help="Id of a pipeline run, or latest.")]

_EXAMPLES = {
    "list": """Examples:

  flowerops runs list

  flowerops runs list --experiment flower-training --limit 5 --json
""",
    "show": """Examples:

  flowerops runs show latest

  flowerops runs show 4f2e5ab25f2f103a0650d36578d94c69 --json

Exit codes: 0 shown, 3 no such run.
""",
    "logs": """Examples:

  flowerops runs logs latest

  flowerops runs logs latest --step train --follow

Exit codes: 0 shown, 3 no such run or step.
""",
    "wait": """Examples:

  flowerops runs wait latest

  flowerops runs wait 4f2e5ab25f2f103a0650d36578d94c69 --json

Exit codes: 0 the run finished, 3 no such run, 7 it failed or was cancelled.
""",
    "cancel": """Examples:

  flowerops runs cancel latest --dry-run

  flowerops runs cancel 4f2e5ab25f2f103a0650d36578d94c69

A run whose process was killed is closed. A run that ended stays as it is.

Exit codes: 0 it does not run any more, 3 no such run, 6 it belongs to another machine.
""",
}


def add_to(root: typer.Typer) -> None:
    """Add the group."""
    for name, function in (("list", list_), ("show", show), ("logs", logs), ("wait", wait), ("cancel", cancel)):
        app.command(name, epilog=_EXAMPLES[name])(with_session(f"runs {name}")(function))
    root.add_typer(app)


def list_(
    session: Session,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 20,
    experiment: Annotated[
        str | None, typer.Option(help="Only runs of this experiment. Default: of all.", show_default=False)
    ] = None,
) -> None:
    """List pipeline runs, newest first."""
    from flowerops.services.runs import list_runs

    session.finish({"items": list_runs(session.target, limit, experiment)}, show_list)


def show(session: Session, run: RunArgument) -> None:
    """Show one run: its steps, parameters, metrics and tags."""
    from flowerops.services.runs import show_run

    session.finish(show_run(session.target, run), show_one)


def logs(
    session: Session,
    run: RunArgument,
    step: Annotated[str | None, typer.Option(help="Only this step: train, say.", show_default=False)] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
) -> None:
    """Show what a run's steps wrote."""
    from flowerops.services.runs import run_logs

    run_id, found = run_logs(session.target, run, step, follow=follow)
    said: list[dict[str, str]] = []
    for line in found:
        said.append({"step": line.step, "text": line.text})
        if not session.as_json:
            session.console.print(f"{line.step:<10}  {line.text}")
    if session.as_json:
        session.console.document({"run_id": run_id, "lines": said})
    elif not said:
        session.console.message("its steps wrote nothing")


def wait(session: Session, run: RunArgument) -> None:
    """Wait for a run's end; its failure is this command's failure."""
    from flowerops.services.runs import run_document, wait_for

    session.finish(run_document(wait_for(session.target, run, session.console)), show_one)


def cancel(session: Session, run: RunArgument, dry_run: DryRun = False) -> None:
    """Stop a run that is still going on."""
    from flowerops.services import runs as service

    if dry_run:
        found = service.find_run(session.target, run)
        stopped = service.is_going_on(found)
    else:
        found, stopped = service.cancel(session.target, run)
    document: dict[str, Any] = {"dry_run": dry_run, "cancelled": stopped and not dry_run, **service.run_document(found)}
    said = f"run {found.id}" if stopped else f"run {found.id} ended before, nothing to cancel"
    verb = ("would cancel " if dry_run else "cancelled ") if stopped else ""
    mark = "→" if dry_run else "✓"
    session.finish(document, lambda console, _: console.heading(verb + said, mark=mark))
