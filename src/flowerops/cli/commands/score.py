"""flowerops score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.layout import short_path, size
from flowerops.cli.options import DryRun, ModelOption
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops score photos/ --out predictions.parquet

  flowerops score photos/ --out predictions.csv --model flower_classifier:2

  flowerops score photos/ --out predictions.parquet --target azureml --instances 4

One row a file: path, sha256, predicted, confidence, a column of probabilities for each class, error, and the model's
name, version and digest. A file that cannot be scored keeps its row, with the reason in the column error.

A command that was stopped goes on where it was when it is run again, and ends in the same file. With --target azureml
a parallel job scores the folder; --here scores on this machine, with the workspace's model.

Exit codes: 0 written, 2 a name that is neither .parquet nor .csv, 3 no such folder or model, or no file in it, 5 the
model is damaged, 6 another command writes the same file.
"""
_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("score", epilog=_EXAMPLES)(with_session("score", jobs=True)(score))


def score(
    session: Session,
    folder: Annotated[Path, typer.Argument(help="Folder of photos, in sub-folders or not.")],
    out: Annotated[Path, typer.Option(help="The table to write: a .parquet or a .csv file.")] = Path(
        "predictions.parquet"
    ),
    model: ModelOption = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes. Default: one a core.", min=1, max=256, show_default=False)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever an earlier command has done.")] = False,
    here: Annotated[
        bool, typer.Option("--here", help="On this machine, with the workspace's model.", rich_help_panel="Azure ML")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Say of every photo of a folder which class it is of, and write a table."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.score import ScoreRequest, plan
    from flowerops.services.score import score as run

    selector = parse_selector(model or session.settings.model, "model")
    request = ScoreRequest(folder, out, selector, workers, fresh, here)
    if dry_run:
        session.finish({"dry_run": True, **plan(session.target, request)}, _show_plan)
        return
    session.finish({"dry_run": False, **run(session.target, request, session.caller).document()}, _show)


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    model = document["model"]
    console.heading(f"would score {document['files']:,} files with {model['name']}:{model['version']}", mark="→")
    console.facts({"into": document["out"], "on": document["scored_on"]})
    _list(console, "left aside", document["skipped"])


def _show(console: Console, document: dict[str, Any]) -> None:
    model = document["model"]
    console.heading(f"{document['scored']:,} photos scored with {model['name']}:{model['version']}")
    speed = f"{document['files_per_second']:,} photos/s" if document["files_per_second"] else "nothing was left to do"
    facts = {
        "table": f"{short_path(document['out'])} ({size(document['bytes'])})",
        "speed": speed,
        "scored on": document["scored_on"],
    }
    if document["carried_over"]:
        facts["from before"] = f"{document['carried_over']:,} files"
    facts["predicted"] = ", ".join(f"{label} {count:,}" for label, count in document["predicted"].items()) or "-"
    console.facts(facts)
    _list(console, "could not be scored", document["rejected"])
    _list(console, "left aside", document["skipped"])


def _list(console: Console, what: str, entries: list[dict[str, str]]) -> None:
    if entries:
        console.print(f"  {len(entries):,} {what}:")
    console.items([f"{entry['path']}: {entry['reason']}" for entry in entries], _SHOWN, indent=4)
