"""flowerops models: list and show; the other commands of the group have files of their own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.commands import models_archive, models_champion, models_diff, models_transfer
from flowerops.cli.console import Console
from flowerops.cli.layout import minute, short_path
from flowerops.cli.session import Session, with_session

app = typer.Typer(name="models", help="Registered model versions.", no_args_is_help=True)


def add_to(root: typer.Typer) -> None:
    """Add the group."""
    app.command("list", epilog="Examples:\n\n  flowerops models list\n\n  flowerops models list --all")(
        with_session("models list")(list_)
    )
    epilog = "Example:\n\n  flowerops models show flower_classifier:2"
    app.command("show", epilog=epilog)(with_session("models show")(show))
    for module in (models_diff, models_champion, models_archive, models_transfer):
        module.add_to(app)
    root.add_typer(app)


def list_(
    session: Session, every: Annotated[bool, typer.Option("--all", help="Archived versions, too.")] = False
) -> None:
    """List every model version that is in use, newest first."""
    from flowerops.services.catalog import list_models

    session.finish({"items": list_models(session.target, archived=every)}, _show_list)


def show(
    session: Session, name: Annotated[str, typer.Argument(help="NAME for the champion, or NAME:VERSION.")]
) -> None:
    """Show one model version: its numbers, its tags, where its bundle lies and what was done to it."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.catalog import show_model

    session.finish(show_model(session.target, parse_selector(name, "model")), _show_one)


def _show_list(console: Console, document: dict[str, Any]) -> None:
    rows = [
        (
            f"{item['name']}:{item['version']}",
            "champion" if item["champion"] else "archived" if item["archived"] else "",
            f"{item['accuracy']:.3f}" if item["accuracy"] is not None else "-",
            item["dataset"] or "-",
            item["build_id"] or "-",
            minute(item["created"]),
        )
        for item in document["items"]
    ]
    empty = "There is no model yet. Make one with: flowerops run --data-folder DIR"
    console.table(("model", "", "accuracy", "dataset", "build", "created (UTC)"), rows, empty)


def _show_one(console: Console, document: dict[str, Any]) -> None:
    champion = ", the champion" if document["champion"] else ", archived" if document["archived"] else ""
    console.heading(f"{document['name']}:{document['version']}{champion}", mark="•")
    console.facts(
        {"bundle": short_path(document["bundle"]), "digest": document["digest"], "created": document["created"]}
    )
    console.print()
    console.facts({name: value or "-" for name, value in sorted(document["tags"].items())})
    if document["history"]:
        console.print()
        models_archive.show_entries(console, document["history"], "")
