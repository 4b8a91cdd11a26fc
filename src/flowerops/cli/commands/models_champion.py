"""flowerops models promote|rollback."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import DryRun, Reason
from flowerops.cli.session import Session, with_session

_PROMOTE = """Examples:

  flowerops models promote flower_classifier:2 --reason "agreed with the owner"

  flowerops models promote flower_classifier:2 --reason "try it" --dry-run

The gate is not asked; who, when and why are recorded with the version. Endpoints serve what they served until the next
flowerops deploy.

Exit codes: 0 it is the champion, 2 no version number or no reason, 3 no such version, 5 its bundle is damaged.
"""
_ROLLBACK = """Examples:

  flowerops models rollback flower_classifier

  flowerops models rollback flower_classifier --reason "wrong on tulips"

Rolled back twice, the office goes to the champion before that one. Endpoints serve what they served until the next
flowerops deploy.

Exit codes: 0 done, 3 no such model or no champion before, 5 that one's bundle is damaged.
"""


def add_to(group: typer.Typer) -> None:
    """Add the commands to the group `models`."""
    group.command("promote", epilog=_PROMOTE)(with_session("models promote")(promote))
    group.command("rollback", epilog=_ROLLBACK)(with_session("models rollback")(rollback))


def promote(
    session: Session,
    name: Annotated[str, typer.Argument(help="NAME:VERSION.")],
    reason: Reason = None,
    dry_run: DryRun = False,
) -> None:
    """Make a version the champion without asking the gate; needs --reason."""
    from flowerops.domain.names import parse_selector
    from flowerops.services import promote as service

    selector = parse_selector(name, "model")
    if dry_run:
        change = service.plan_promotion(session.target, selector, reason)
    else:
        change = service.promote(session.target, selector, reason, session.caller)
    session.finish({"dry_run": dry_run, **change.document()}, _show)


def rollback(
    session: Session,
    name: Annotated[str | None, typer.Argument(help="NAME. Default: flower_classifier.", show_default=False)] = None,
    reason: Reason = None,
    dry_run: DryRun = False,
) -> None:
    """Make the champion before the champion again."""
    from flowerops.domain.names import valid_name
    from flowerops.services import promote as service

    model = valid_name(name or session.settings.model, "model")
    if dry_run:
        change = service.plan_rollback(session.target, model, reason)
    else:
        change = service.rollback(session.target, model, reason, session.caller)
    session.finish({"dry_run": dry_run, **change.document()}, _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    model, before = document["model"], document["before"]
    said, mark = ("would be", "→") if document["dry_run"] else ("is", "✓")
    already = "" if document["changed"] else " already"
    console.heading(f"{model['name']}:{model['version']} {said} the champion{already}", mark=mark)
    if document["changed"]:
        console.facts({"before": f"{before['name']}:{before['version']}" if before else "none"})
        console.message(f"to serve it: flowerops deploy --model {model['name']}")
