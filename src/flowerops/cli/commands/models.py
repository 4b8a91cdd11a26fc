"""flowerops models: list and show; the other commands of the group have files of their own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.commands import models_champion, models_transfer
from flowerops.cli.console import Console
from flowerops.cli.session import Session, with_session

app = typer.Typer(name="models", help="Registered model versions.", no_args_is_help=True)


def add_to(root: typer.Typer) -> None:
    """Add the group."""
    app.command("list", epilog="Example:\n\n  flowerops models list")(with_session("models list")(list_))
    epilog = "Example:\n\n  flowerops models show flower_classifier:2"
    app.command("show", epilog=epilog)(with_session("models show")(show))
    models_champion.add_to(app)
    models_transfer.add_to(app)
    root.add_typer(app)


def list_(session: Session) -> None:
    """List every model version, newest first."""
    from flowerops.services.catalog import list_models

    session.finish({"items": list_models(session.target)}, _show_list)


def show(
    session: Session, name: Annotated[str, typer.Argument(help="NAME for the champion, or NAME:VERSION.")]
) -> None:
    """Show one model version: its numbers, its tags and where its bundle lies."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.catalog import show_model

    session.finish(show_model(session.target, parse_selector(name, "model")), _show_one)


def _show_list(console: Console, document: dict[str, Any]) -> None:
    rows = [
        (
            f"{item['name']}:{item['version']}",
            "champion" if item["champion"] else "",
            f"{item['accuracy']:.3f}" if item["accuracy"] is not None else "-",
            item["dataset"] or "-",
            item["build_id"] or "-",
            item["created"],
        )
        for item in document["items"]
    ]
    empty = "There is no model yet. Make one with: flowerops run --data-folder DIR"
    console.table(("model", "", "accuracy", "dataset", "build", "created"), rows, empty)


def _show_one(console: Console, document: dict[str, Any]) -> None:
    champion = ", the champion" if document["champion"] else ""
    console.heading(f"{document['name']}:{document['version']}{champion}", mark="•")
    console.facts({"bundle": document["bundle"], "digest": document["digest"], "created": document["created"]})
    console.print()
    console.facts(dict(sorted(document["tags"].items())))
