"""flowerops demo."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.commands import lineage as lineage_command
from flowerops.cli.commands import run as run_command
from flowerops.cli.console import Console
from flowerops.cli.options import DryRun, Epochs, PortOption
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops demo

  flowerops demo --per-class 100 --home /tmp/try
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog=_EXAMPLES)(with_session("demo")(demo))


def demo(
    session: Session,
    per_class: Annotated[int, typer.Option(help="Drawings a class.", min=10, max=2000)] = 60,
    epochs: Epochs = None,
    port: PortOption = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the endpoint at the end.")] = False,
    dry_run: DryRun = False,
) -> None:
    """See the whole lifecycle on drawn flowers: no photos, no cloud, no download."""
    from flowerops.cli.parameters import make_params
    from flowerops.domain.names import Selector
    from flowerops.domain.params import PreprocessParams, TrainParams
    from flowerops.services import demo as service
    from flowerops.services.lineage import lineage_of
    from flowerops.services.run import run_all
    from flowerops.services.train import TrainRequest

    if dry_run:
        plan = {"dry_run": True, "drawings": per_class * 5, "dataset": service.DATASET, "model": service.MODEL}
        session.finish(
            plan, lambda console, _: console.heading(f"would draw {per_class * 5} flowers and run", mark="→")
        )
        return
    target = session.target
    folder = service.sample_folder(session.settings.home, per_class, session.console)
    preprocessing = PreprocessParams(max_bad=service.MAX_BAD)
    params = make_params(TrainParams, {}, epochs=epochs)
    training = TrainRequest(folder, Selector(service.DATASET), params, preprocessing)
    request = run_command.full_request(
        session, {}, training, service.MODEL, service.ENDPOINT, port or session.settings.port
    )
    document = run_all(target, request, session.caller, run_command.step_listener(session))
    found = lineage_of(target, Selector(service.MODEL))
    if stop:
        target.endpoints.stop(service.ENDPOINT)

    def show(console: Console, shown: dict[str, Any]) -> None:
        run_command.show_times(console, shown)
        console.heading("where the model comes from", mark="→")
        lineage_command.show(console, found)
        if not stop:
            console.message(
                f"the endpoint goes on serving; stop it with: flowerops deployments stop {service.ENDPOINT}"
            )

    session.finish({**document, "synthetic": True, "lineage": found.document()}, show)
