"""flowerops data export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import DryRun
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops data export flowers:1 photos-v1/

  flowerops data export flowers_processed squares/ --format csv

A raw version gives the photos as received, in class folders; a processed one its squares as PNG, in split/class/.
With --format csv there is a labels.csv beside them (path, label, split, sha256, width, height; hash and size are the
original photo's), which data import reads.

Exit codes: 0 exported, 3 no such version or DIR is not empty, 5 the version is damaged, 9 disk full.
"""


def add_to(group: typer.Typer) -> None:
    """Add the command to the group `data`."""
    group.command("export", epilog=_EXAMPLES)(with_session("data export")(export))


def export(
    session: Session,
    name: Annotated[str, typer.Argument(help="NAME for the latest version, or NAME:VERSION.")],
    folder: Annotated[Path, typer.Argument(help="Folder to make; it must not exist, or be empty.")],
    layout: Annotated[Literal["folders", "csv"], typer.Option("--format", help="Add a labels.csv or not.")] = "folders",
    dry_run: DryRun = False,
) -> None:
    """Write a dataset version out as class folders, whole or not at all."""
    from flowerops.domain.names import parse_selector
    from flowerops.services import export as service

    request = service.ExportRequest(parse_selector(name, "dataset"), folder, layout)
    if dry_run:
        document = {"dry_run": True, **service.plan(session.target, request)}
    else:
        document = service.export(session.target, request, session.console)
    session.finish(document, _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    dataset = document["dataset"]
    said = "would export" if document.get("dry_run") else "exported"
    mark = "→" if document.get("dry_run") else "✓"
    console.heading(f"{said} {document['files']:,} files of {dataset['name']}:{dataset['version']}", mark=mark)
    facts = {"folder": document["folder"]}
    if document["csv"]:
        facts["csv"] = document["csv"]
    console.facts(facts)
