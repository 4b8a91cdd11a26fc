"""flowerops drift."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.console import Console
from flowerops.cli.layout import short_path
from flowerops.cli.options import ModelOption
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops drift new-photos/

  flowerops drift new-photos/ --reference flowers:1 --html drift.html

  flowerops drift new-photos/ --model flower_classifier:2 --p-value 0.05 --json

Two tests: the features by which the model decides (maximum mean discrepancy), and the classes that it predicts
(population stability index), each with random splits of all photos. flowerops.toml has a [drift] section for p_value,
psi, sample, permutations and seed.

Exit codes: 0 no drift found, 2 a threshold out of range, 3 no such folder, model or version, or too few photos, 4 the
photos drifted, 5 model or reference are damaged.
"""
_SHOWN = 5


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("drift", epilog=_EXAMPLES)(with_session("drift")(drift))


def drift(
    session: Session,
    folder: Annotated[Path, typer.Argument(help="Folder of new photos, in sub-folders or not; no labels are needed.")],
    reference: Annotated[
        str | None,
        typer.Option(
            help="Dataset to compare with, as NAME or NAME:VERSION. Default: what the model was trained on.",
            show_default=False,
        ),
    ] = None,
    model: ModelOption = None,
    p_value: Annotated[
        float | None,
        typer.Option("--p-value", help="Chance of a false alarm. Default: 0.01.", show_default=False),
    ] = None,
    psi: Annotated[
        float | None,
        typer.Option(
            "--psi", "--threshold", help="Index of the classes that counts as much. Default: 0.25.", show_default=False
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="Most photos of each side. Default: 1000.", show_default=False)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of sample and random splits. Default: 42.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the report as a page to this file.", show_default=False)
    ] = None,
) -> None:
    """Say whether new photos are like those that a model was made for."""
    from flowerops.cli.parameters import make_params
    from flowerops.domain.drift import DriftParams
    from flowerops.domain.names import parse_selector
    from flowerops.errors import DriftFoundError
    from flowerops.services import drift as service

    params = make_params(DriftParams, session.settings.drift, p_value=p_value, psi=psi, sample=sample, seed=seed)
    request = service.DriftRequest(
        folder,
        parse_selector(reference, "dataset") if reference else None,
        parse_selector(model or session.settings.model, "model"),
        params,
        html,
    )
    found = service.drift(session.target, request, session.console)
    try:
        service.refuse_drift(found.report)
    except DriftFoundError as error:
        session.fail(found.document(), error, _show_facts)
    session.finish(found.document(), _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    reference = document["reference"]
    console.heading(f"no drift from {reference['name']}:{reference['version']} found")
    _show_facts(console, document)


def _show_facts(console: Console, document: dict[str, Any]) -> None:
    compared = (
        f"{document['compared']:,} photos with {document['reference_compared']:,} of {document['reference']['name']}"
    )
    facts = {
        "compared": f"{compared}:{document['reference']['version']} ({', '.join(document['splits'])})",
        "features": document["reasons"][0],
        "classes": document["reasons"][1],
    }
    if document["known"]:
        facts["known"] = f"{document['known']:,} of them are in the reference version itself"
    if document["rejected"] or document["skipped"]:
        facts["left out"] = f"{len(document['rejected']) + len(document['skipped']):,} files; --json names them"
    if document["report"]:
        facts["report"] = short_path(document["report"])
    console.facts(facts)
    rows = [
        (one["label"], f"{one['reference_share']:.1%}", f"{one['share']:.1%}", f"{one['psi']:.3f}")
        for one in sorted(document["classes"], key=lambda one: -one["psi"])
    ]
    console.table(("class", "reference", "new photos", "PSI"), rows)
    for photo in document["unlike"][:_SHOWN] if document["outcome"] == "drift" else []:
        console.print(f"  unlike: {photo['path']} (stranger than {photo['unusual']:.0%} of the reference)")
