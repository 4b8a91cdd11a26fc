"""`flowerops step …`: folders in, one folder out. What runs inside a pipeline step, here and in a cloud job."""

from __future__ import annotations

import typer

from flowerops.cli.step import data, model

app = typer.Typer(name="step", help="Run one step of a pipeline: folders in, one folder out.")


def add_to(root: typer.Typer) -> None:
    """Add the hidden group."""
    root.add_typer(app, name="step", hidden=True)


for _function in (data.intake, data.preprocess, model.train, model.evaluate, model.register):
    app.command()(_function)
