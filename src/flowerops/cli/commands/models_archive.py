"""flowerops models archive|unarchive|rm|history."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import DryRun, Reason
from flowerops.cli.session import Session, with_session

_ARCHIVE = """Examples:

  flowerops models archive flower_classifier:1 --reason "trained on the wrong labels"

  flowerops models archive flower_classifier:1 --dry-run

An archived version keeps its number, its bundle and its lineage. models list leaves it out, promote refuses it, and
no rollback leads to it. models unarchive brings it back.

Exit codes: 0 it is archived, 2 no version number, 3 no such version, 6 it is the champion, or deployed.
"""
_UNARCHIVE = """Example:

  flowerops models unarchive flower_classifier:1

Exit codes: 0 it is in use again, 2 no version number, 3 no such version.
"""
_RM = """Examples:

  flowerops models rm flower_classifier:1 --dry-run

  flowerops models rm flower_classifier:1 --reason "a photo in it had to go"

The number is never given to another model. The history goes on telling of it.

Exit codes: 0 removed, 2 no version number, 3 no such version, 6 it is the champion, deployed, or a command is writing.
"""
_HISTORY = """Examples:

  flowerops models history flower_classifier

  flowerops models history flower_classifier:2 --json

Who moved the champion, archived or removed a version, when, why, from what to what; the latest first.
"""
VersionArgument = Annotated[str, typer.Argument(help="NAME:VERSION.")]


def add_to(group: typer.Typer) -> None:
    """Add the commands to the group `models`."""
    group.command("archive", epilog=_ARCHIVE)(with_session("models archive")(archive))
    group.command("unarchive", epilog=_UNARCHIVE)(with_session("models unarchive")(unarchive))
    group.command("rm", epilog=_RM)(with_session("models rm")(rm))
    group.command("history", epilog=_HISTORY)(with_session("models history")(history))


def archive(session: Session, name: VersionArgument, reason: Reason = None, dry_run: DryRun = False) -> None:
    """Put a version away that nobody serves: listed on demand only, no champion any more."""
    _archive(session, name, True, reason, dry_run)


def unarchive(session: Session, name: VersionArgument, reason: Reason = None, dry_run: DryRun = False) -> None:
    """Bring an archived version back."""
    _archive(session, name, False, reason, dry_run)


def _archive(session: Session, name: str, archived: bool, reason: str | None, dry_run: bool) -> None:
    from flowerops.domain.names import parse_selector
    from flowerops.services import archive as service

    selector = parse_selector(name, "model")
    if dry_run:
        done = service.plan_archive(session.target, selector, archived, reason)
    else:
        done = service.archive(session.target, selector, archived, reason, session.caller)
    session.finish({"dry_run": dry_run, **done.document()}, _show_archived)


def rm(session: Session, name: VersionArgument, reason: Reason = None, dry_run: DryRun = False) -> None:
    """Take a version and its bundle away for good, unless it is the champion or deployed."""
    from flowerops.domain.names import parse_selector
    from flowerops.services import archive as service

    selector = parse_selector(name, "model")
    if dry_run:
        removal = service.plan_removal(session.target, selector, reason)
    else:
        removal = service.remove(session.target, selector, reason, session.unannounced)
    session.finish({"dry_run": dry_run, **removal.document()}, _show_removed)


def history(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(help="NAME, or NAME:VERSION. Default: flower_classifier.", show_default=False)
    ] = None,
) -> None:
    """List who changed the champion or a version, when and why."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.audit import history as read

    session.finish(read(session.target, parse_selector(name or session.settings.model, "model")), _show_history)


def show_entries(console: Console, entries: list[dict[str, Any]], empty: str) -> None:
    """A table of entries."""
    rows = [
        (
            entry["at"].replace("T", " ").removesuffix("+00:00"),
            entry["action"],
            f"{entry['from'] or '-'} → {entry['to'] or '-'}",
            entry["by"],
            entry["reason"] or "-",
        )
        for entry in entries
    ]
    console.table(("when (UTC)", "what", "from → to", "by", "why"), rows, empty)


def _show_history(console: Console, document: dict[str, Any]) -> None:
    entries = [_with_subject(document["name"], entry) for entry in document["entries"]]
    show_entries(console, entries, "Nothing was done to it yet besides registering.")


def _with_subject(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """What is done to a version names it; what moves the champion names both sides already."""
    moves = entry["action"] not in ("archive", "unarchive", "remove")
    return entry if moves else {**entry, "action": f"{entry['action']} {name}:{entry['version']}"}


def _show_archived(console: Console, document: dict[str, Any]) -> None:
    model = document["model"]
    said, mark = ("would be", "→") if document["dry_run"] else ("is", "✓")
    already = "" if document["changed"] else " already"
    state = "archived" if document["archived"] else "in use"
    console.heading(f"{model['name']}:{model['version']} {said} {state}{already}", mark=mark)


def _show_removed(console: Console, document: dict[str, Any]) -> None:
    removed = document["removed"]
    said, mark = ("would remove", "→") if document["dry_run"] else ("removed", "✓")
    console.heading(f"{said} {removed['name']}:{removed['version']} ({removed['digest'][:12]})", mark=mark)
