"""flowerops reproduce."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.commands import train_view
from flowerops.cli.console import Console
from flowerops.cli.options import DryRun
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops reproduce flower_classifier

  flowerops reproduce flower_classifier:2 --tolerance 0.001

  flowerops reproduce flower_classifier:2 --dry-run --json

The model is trained again from the dataset version and the parameters that its bundle names, in a run of its own;
nothing is registered. Identical: the same model digest, so the same weights bit for bit. Equal: no probability of a
golden image or of the test split, nor the accuracy, differs by more than the tolerance.

Exit codes: 0 identical or equal, 3 no such model or its data is gone, 5 different, or the model or its data is damaged.
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reproduce", epilog=_EXAMPLES)(with_session("reproduce")(reproduce))


def reproduce(
    session: Session,
    model: Annotated[
        str | None, typer.Argument(help="Model, as NAME or NAME:VERSION. Default: the champion.", show_default=False)
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Largest difference of a probability, and of the accuracy, that counts as equal. Default: 0.01.",
            min=0,
            max=1,
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Train a model again from its lineage, and say whether it comes out the same, and if not, why."""
    from flowerops.domain.names import parse_selector
    from flowerops.domain.reproduction import TOLERANCE
    from flowerops.services import reproduce as service

    selector = parse_selector(model or session.settings.model, "model")
    if dry_run:
        session.finish({"dry_run": True, **service.plan(session.target, selector)}, _show_plan)
        return
    allowed = TOLERANCE if tolerance is None else tolerance
    made = service.reproduce(session.target, selector, session.caller, allowed)
    document = made.document()
    if not session.as_json:
        show(session.console, document)
    service.refuse_difference(made)
    if session.as_json:
        session.console.document(document)


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    model, verdict = document["model"], document["verdict"]
    console.heading(f"{model['name']}:{model['version']}: {verdict}", mark="✗" if verdict == "different" else "✓")
    golden, test = document["golden"], document["test"]
    facts = {
        "model digest": f"{document['model_digest_then'][:16]} then, {document['model_digest_now'][:16]} now",
        "golden images": f"{golden['images']}, probabilities differ by up to {_number(golden['max_difference'])}",
        "test split": "not compared"
        if test is None
        else f"{test['images']:,} images, probabilities differ by up to {_number(test['max_difference'])}, "
        f"{test['changed']:,} labels changed, "
        f"accuracy {test['accuracy_then']:.3f} then, {test['accuracy_now']:.3f} now",
        "run": document["run_id"],
    }
    console.facts(facts)
    _show_causes(console, document["causes"])


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    model, dataset = document["model"], document["dataset"]
    data = f"{dataset['name']}:{dataset['version']}"
    console.heading(f"would train {model['name']}:{model['version']} again on {data}", mark="→")
    console.facts(train_view.parameters(document["params"]))
    _show_causes(console, document["causes"])


def _show_causes(console: Console, causes: list[dict[str, Any]]) -> None:
    if causes:
        console.table(
            ("not the same", "then", "now"), [(one["what"], one["then"] or "-", one["now"] or "-") for one in causes]
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"
