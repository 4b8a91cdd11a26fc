"""flowerops gc."""

from __future__ import annotations

from typing import Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.layout import counted, short_path, size
from flowerops.cli.options import DryRun
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops gc --dry-run

  flowerops gc

It removes photos that no version names, versions without a number, features of photos and of squares that are gone,
outputs of failed runs without a trained model, and what killed processes left behind. Models, logs and endpoints stay.

Exit codes: 0 done, 5 a version is damaged (nothing was removed), 6 a command is writing.
"""
_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gc", epilog=_EXAMPLES)(with_session("gc")(gc))


def gc(session: Session, dry_run: DryRun = False) -> None:
    """Free the room of what no version, run, model or running command needs."""
    from flowerops.services.collect import collect

    session.finish(collect(session.target, dry_run, session.console), _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    if not document["items"]:
        console.heading("nothing to remove: everything is needed")
        return
    said, mark = ("would free", "→") if document["dry_run"] else ("freed", "✓")
    console.heading(f"{said} {size(document['bytes'])} in {counted(len(document['items']), 'place')}", mark=mark)
    counts = {kind: f"{count:,}" for kind, count in document["removed"].items() if count}
    if counts:
        console.facts(counts)
    if document["dry_run"]:
        console.items([f"{short_path(item['path'])}: {item['reason']}" for item in document["items"]], _SHOWN)
