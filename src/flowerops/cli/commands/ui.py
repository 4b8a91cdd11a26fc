"""flowerops ui."""

from __future__ import annotations

import os
import subprocess
from typing import Annotated

import typer

from flowerops.cli.session import Session, with_session


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ui", epilog="Example:\n\n  flowerops ui --port 5000")(with_session("ui")(ui))


def ui(
    session: Session,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 5000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the command, and do nothing.")] = False,
) -> None:
    """Open MLflow's page on the ledger of runs and models; Ctrl-C ends it."""
    command, env = session.target.runs.ui_command(port)
    document = {"url": f"http://127.0.0.1:{port}", "command": command}
    if dry_run:
        session.finish(document, lambda console, _: console.print(" ".join(command)))
        return
    session.finish(
        document, lambda console, _: console.heading(f"MLflow on {document['url']}, Ctrl-C ends it", mark="→")
    )
    raise typer.Exit(_until_ended(command, {**os.environ, **env}))


def _until_ended(command: list[str], env: dict[str, str]) -> int:
    """Run the server in the foreground; Ctrl-C, which it gets as well, is its ordinary end."""
    with subprocess.Popen(command, env=env) as server:
        try:
            return server.wait()
        except KeyboardInterrupt:
            server.wait()
            return 0
