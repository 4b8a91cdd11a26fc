"""flowerops data rm."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.layout import size
from flowerops.cli.options import DryRun
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops data rm flowers_processed:1 --dry-run

  flowerops data rm flowers_processed:1

The number is never given to other photos. The photos themselves go with the next flowerops gc.

Exit codes: 0 removed, 2 no version number, 3 no such version, 6 a model or another version needs it, or a command is
writing.
"""


def add_to(group: typer.Typer) -> None:
    """Add the command to the group `data`."""
    group.command("rm", epilog=_EXAMPLES)(with_session("data rm")(rm))


def rm(
    session: Session,
    name: Annotated[str, typer.Argument(help="NAME:VERSION.")],
    dry_run: DryRun = False,
) -> None:
    """Take a dataset version away that no model and no other version was made of."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.remove import plan, remove

    selector = parse_selector(name, "dataset")
    removal = plan(session.target, selector) if dry_run else remove(session.target, selector)
    session.finish({"dry_run": dry_run, **removal.document()}, _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    removed = document["removed"]
    said, mark = ("would remove", "→") if document["dry_run"] else ("removed", "✓")
    console.heading(f"{said} {removed['name']}:{removed['version']} ({size(document['bytes'])})", mark=mark)
    if not document["dry_run"]:
        console.message("photos that no version names any more go with: flowerops gc")
