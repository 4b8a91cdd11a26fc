"""flowerops doctor."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.session import Session, with_session
from flowerops.errors import UsageError

_EXAMPLES = """Examples:

  flowerops doctor

  flowerops doctor --fix --dry-run

  flowerops doctor --gpu

  flowerops doctor --target azureml --json

--fix makes a missing home folder, removes what killed processes left behind when nothing runs, and takes files with
secrets away from other users of the machine. It installs nothing, deletes no data and changes nothing in Azure.

Exit codes: 0 nothing hinders, 2 there is a problem, also after --fix.
"""
_MARKS = {"ok": "✓", "note": "·", "problem": "✗"}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog=_EXAMPLES)(with_session("doctor")(doctor))


def doctor(
    session: Session,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is safe to mend, and say what was done.")] = False,
    gpu: Annotated[bool, typer.Option("--gpu", help="Say what TensorFlow sees of the GPUs, and why not.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --fix: only say what would be mended.")] = False,
) -> None:
    """Look at this machine and at the target, and say what hinders and what to do."""
    from flowerops.services.checks.patient import Patient
    from flowerops.services.doctor import GPU, doctor_document, examine

    if dry_run and not fix:
        raise UsageError("--dry-run needs --fix", "Without --fix nothing is changed anyway.")
    patient = Patient(os.environ, session.settings, lambda: session.target)
    document = doctor_document(examine(patient, [GPU] if gpu else None, fix=fix, dry_run=dry_run))
    session.finish(document, _show)
    if not document["healthy"]:
        raise typer.Exit(2)


def _show(console: Console, document: dict[str, Any]) -> None:
    for finding in document["findings"]:
        done = finding["mended"] if finding["verdict"] == "ok" else None
        console.heading(f"{finding['check']}: {done or finding['found']}", mark=_MARKS[finding["verdict"]])
        for line in (finding["to_do"], finding["mended"] if not done else None):
            if line:
                console.print(f"    {line}")
    problems = sum(finding["verdict"] == "problem" for finding in document["findings"])
    notes = sum(finding["verdict"] == "note" for finding in document["findings"])
    hinders = "nothing hinders" if not problems else f"{problems} problem{'s' if problems != 1 else ''}"
    console.message(f"{hinders}, {notes} note{'s' if notes != 1 else ''}")
