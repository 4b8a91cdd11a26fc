"""flowerops data: list and show; the other commands of the group have files of their own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.commands import data_diff, data_export, data_fetch, data_import, data_preview, data_rm, verify
from flowerops.cli.console import Console
from flowerops.cli.layout import minute, short_path
from flowerops.cli.session import Session, with_session

app = typer.Typer(name="data", help="Dataset versions.", no_args_is_help=True)


def add_to(root: typer.Typer) -> None:
    """Add the group."""
    app.command("list", epilog="Example:\n\n  flowerops data list")(with_session("data list")(list_))
    app.command("show", epilog="Example:\n\n  flowerops data show flowers:1")(with_session("data show")(show))
    data_diff.add_to(app)
    verify.add_to_data(app)
    data_export.add_to(app)
    data_import.add_to(app)
    data_fetch.add_to(app)
    data_rm.add_to(app)
    data_preview.add_preview(app)
    root.add_typer(app)


def list_(session: Session) -> None:
    """List every dataset version, newest first."""
    from flowerops.services.catalog import list_datasets

    session.finish({"items": list_datasets(session.target)}, _show_list)


def show(session: Session, name: Annotated[str, typer.Argument(help="NAME, or NAME:VERSION.")]) -> None:
    """Show one dataset version: counts, splits, what was left out, and who made it."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.catalog import show_dataset
    from flowerops.services.hygiene import hygiene_members

    selector = parse_selector(name, "dataset")
    document = show_dataset(session.target, selector) | hygiene_members(session.target, selector)
    session.finish(document, _show_one)


def _show_list(console: Console, document: dict[str, Any]) -> None:
    rows = [
        (
            f"{item['name']}:{item['version']}",
            item["kind"],
            f"{item['files']:,}",
            len(item["classes"]),
            minute(item["created"]),
        )
        for item in document["items"]
    ]
    empty = "There is no dataset yet. Make one with: flowerops preprocess --data-folder DIR"
    console.table(("dataset", "kind", "files", "classes", "created (UTC)"), rows, empty)


def _show_one(console: Console, document: dict[str, Any]) -> None:
    from flowerops.cli.commands.hygiene_view import show_hygiene
    from flowerops.cli.commands.preprocess import show_left_out

    provenance = document["provenance"]
    console.heading(f"{document['name']}:{document['version']} ({document['kind']})", mark="•")
    show_hygiene(console, document)
    facts: dict[str, object] = {
        "files": f"{document['files']:,}",
        "classes": ", ".join(f"{label} {count:,}" for label, count in document["classes"].items()),
    }
    for split, classes in document["split_classes"].items():
        facts[split] = ", ".join(f"{label} {count:,}" for label, count in classes.items())
    facts |= {
        "made from": ", ".join(f"{parent['name']} {parent['digest'][:16]}" for parent in document["parents"]) or "-",
        "digest": document["digest"],
        "created": f"{provenance['created']} by {provenance['build']['id']}",
        "folder": short_path(document["folder"]),
    }
    if document["synthetic"]:
        facts["note"] = "synthetic drawings, not photographs"
    console.facts(facts)
    show_left_out(console, document)
