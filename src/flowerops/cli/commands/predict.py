"""flowerops predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.options import ModelOption
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops predict photo.jpg

  flowerops predict *.jpg --model flower_classifier:2

  flowerops predict photo.jpg --endpoint flowers --json
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("predict", epilog=_EXAMPLES)(with_session("predict")(predict))


def predict(
    session: Session,
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    model: ModelOption = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Ask this running endpoint instead of loading a model.", show_default=False)
    ] = None,
    quantized: Annotated[bool, typer.Option("--quantized", help="Take the model's int8 form.")] = False,
) -> None:
    """Say which class each image is of, and how sure the model is."""
    from flowerops.domain.names import parse_selector
    from flowerops.errors import UsageError
    from flowerops.services import predict as service

    if model is not None and endpoint is not None:
        raise UsageError("--model and --endpoint exclude each other", "Name a registered model or a running endpoint.")
    if endpoint is not None and quantized:
        raise UsageError("--quantized is of no use with --endpoint", "The endpoint's server has loaded its model.")
    if endpoint is not None:
        document = service.predict_with_endpoint(session.target, endpoint, images)
    else:
        selector = parse_selector(model or session.settings.model, "model")
        document = service.predict_with_model(session.target, selector, images, quantized=quantized)
    session.finish(document, show)


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    rows = []
    for each in document["predictions"]:
        ranked = sorted(each["probabilities"].items(), key=lambda item: -item[1])
        rest = ", ".join(f"{label} {share:.1%}" for label, share in ranked[1:4])
        rows.append((each["path"], each["label"], f"{ranked[0][1]:.1%}", rest))
    console.table(("image", "class", "sure", "else"), rows)
    if document["model"]:
        console.message(f"model {document['model']['name']}:{document['model']['version']}")
