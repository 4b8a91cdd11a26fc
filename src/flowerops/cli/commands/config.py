"""flowerops config show."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops config show

  flowerops config show --origin

  flowerops config show workspace_name AML_COMPUTE_CLUSTER_NAME

  flowerops config show --origin --json

A setting is a flag, a variable FLOWEROPS_NAME (or the name that the predecessor had for it), a line in .env, a key in
flowerops.toml, or its default; the first of these wins. Secrets are not shown.

Exit codes: 0 shown, 2 an unknown or wrong setting.
"""

app = typer.Typer(name="config", help="Settings, and where they come from.", no_args_is_help=True)


def add_to(root: typer.Typer) -> None:
    """Add the group."""
    app.command("show", epilog=_EXAMPLES)(with_session("config show")(show))
    root.add_typer(app)


def show(
    session: Session,
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these: names of settings or of variables.", show_default=False)
    ] = None,
    origin: Annotated[
        bool, typer.Option("--origin", help="Say where each value comes from, and what else could set it.")
    ] = False,
) -> None:
    """Show every setting with its value."""
    from flowerops.services.configuration import Sources, show_settings

    sources = Sources(session.flags, os.environ, Path())
    document = {"settings": show_settings(session.settings, sources, names or ())}
    session.finish(document, _show_origins if origin else _show_values)


def _show_values(console: Console, document: dict[str, Any]) -> None:
    rows = [(one["name"], _text(one["value"]), "" if one["origin"] == "default" else "set") for one in _lines(document)]
    console.table(("setting", "value", ""), rows)


def _show_origins(console: Console, document: dict[str, Any]) -> None:
    rows = [(one["name"], _text(one["value"]), _origin(one), ", ".join(one["variables"])) for one in _lines(document)]
    console.table(("setting", "value", "from", "variables"), rows)


def _lines(document: dict[str, Any]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = document["settings"]
    return lines


def _origin(line: dict[str, Any]) -> str:
    return f"{line['origin']}: {line['given_as']}" if line["given_as"] else str(line["origin"])


def _text(value: object) -> str:
    if value is None or value == "":
        return "-"
    return value if isinstance(value, str) else json.dumps(value)
