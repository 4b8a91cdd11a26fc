"""flowerops doctor."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops doctor

  flowerops doctor --gpu

Exit codes: 0 nothing hinders, 2 there is a problem.
"""
_MARKS = {"ok": "✓", "note": "·", "problem": "✗"}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog=_EXAMPLES)(with_session("doctor")(doctor))


def doctor(
    session: Session,
    gpu: Annotated[bool, typer.Option("--gpu", help="Say what TensorFlow sees of the GPUs, and why not.")] = False,
) -> None:
    """Look at this machine, and say what hinders and what to do."""
    from flowerops.services.doctor import Patient, doctor_document, examine

    findings = examine(Patient(os.environ, session.settings.home), ["gpu"] if gpu else None)
    document = doctor_document(findings)
    session.finish(document, _show)
    if not document["healthy"]:
        raise typer.Exit(2)


def _show(console: Console, document: dict[str, Any]) -> None:
    for finding in document["findings"]:
        console.heading(f"{finding['check']}: {finding['found']}", mark=_MARKS[finding["verdict"]])
        if finding["to_do"]:
            console.print(f"    {finding['to_do']}")
