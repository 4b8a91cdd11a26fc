"""flowerops data preview."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.layout import short_path, size
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops data preview flowers

  flowerops data preview flowers_processed:2 --out page.html --per-class 100
"""


def add_preview(app: typer.Typer) -> None:
    """Add the command to the group `data`."""
    app.command("preview", epilog=_EXAMPLES)(with_session("data preview")(preview))


def preview(
    session: Session,
    name: Annotated[str, typer.Argument(help="NAME, or NAME:VERSION; of a raw version its latest processed one.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The page's file. Default: NAME-VERSION-preview.html, here.", show_default=False),
    ] = None,
    per_class: Annotated[
        int | None,
        typer.Option(
            help="Photos on each class's contact sheet. Default: 40, fewer from 6 classes on.",
            min=1,
            max=10_000,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write one HTML page that shows a dataset: its photos by class, its counts, and what is odd about it."""
    from flowerops.domain.names import parse_selector
    from flowerops.services.preview import preview as write

    session.finish(write(session.target, parse_selector(name, "dataset"), out, per_class).document(), show)


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    from flowerops.cli.commands.hygiene_view import show_warnings

    console.heading(f"preview of {document['name']}:{document['version']}")
    facts = {
        "page": f"{short_path(document['page'])} ({size(document['bytes'])})",
        "shows": f"{document['shown']:,} of {document['images']:,} images",
    }
    if document["synthetic"]:
        facts["note"] = "synthetic drawings, not photographs"
    console.facts(facts)
    show_warnings(console, document["warnings"])
