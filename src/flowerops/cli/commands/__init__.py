"""One thin file a verb: parse, call a service, render the result."""

from __future__ import annotations

import typer


def register_commands(app: typer.Typer) -> None:
    """Put every command on the app, in the order of the lifecycle."""
    from flowerops.cli import step
    from flowerops.cli.commands import (
        data,
        demo,
        deploy,
        deployments,
        evaluate,
        lineage,
        models,
        predict,
        preprocess,
        register,
        run,
        smoketest,
        train,
        ui,
    )

    for module in (demo, run, preprocess, train, evaluate, register, deploy, smoketest, predict, lineage):
        module.add_to(app)
    for module in (data, models, deployments):
        module.add_to(app)
    ui.add_to(app)
    step.add_to(app)
