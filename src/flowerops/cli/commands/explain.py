"""flowerops explain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import DryRun, ModelOption
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops explain photo.jpg --out overlay.png

  flowerops explain photo.jpg --class roses --model flower_classifier:2

  flowerops explain *.jpg --out explained/ --json
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", epilog=_EXAMPLES)(with_session("explain")(explain))


def explain(
    session: Session,
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    model: ModelOption = None,
    class_: Annotated[
        str | None,
        typer.Option("--class", help="Explain this class. Default: the predicted one.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="A PNG file for one image, or a folder.")] = Path("explained"),
    cells: Annotated[
        int, typer.Option(help="Parts along the longer side; an image costs their square in scorings.", min=2, max=64)
    ] = 11,
    dry_run: DryRun = False,
) -> None:
    """Show which parts of a photo made the model say what it says."""
    from flowerops.domain.names import parse_selector
    from flowerops.services import explain as service

    selector = parse_selector(model or session.settings.model, "model")
    request = service.ExplainRequest(selector, images, out, class_, cells)
    if dry_run:
        files = [{"path": str(image), "out": str(file)} for image, file in service.plan(request)]
        session.finish({"dry_run": True, "explanations": files}, _show_plan)
        return
    session.finish(service.explain(session.target, request, session.console), show)


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    rows = []
    for each in document["explanations"]:
        sure, drop = each["probabilities"][each["explained"]], each["largest_drop"]
        rows.append((each["path"], each["explained"], f"{sure:.1%}", f"{sure - drop:.1%}", each["out"]))
    console.table(("image", "class", "sure", "without its main part", "picture"), rows)
    console.message(f"model {document['model']['name']}:{document['model']['version']}")


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    console.heading(f"would explain {len(document['explanations'])} images", mark="→")
    console.table(("image", "picture"), [(each["path"], each["out"]) for each in document["explanations"]])
