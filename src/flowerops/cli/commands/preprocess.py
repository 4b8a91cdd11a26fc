"""flowerops preprocess."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flowerops.cli.commands.hygiene_view import show_warnings
from flowerops.cli.console import Console
from flowerops.cli.options import (
    DataFolder,
    DatasetName,
    DryRun,
    Explain,
    Extend,
    FitOption,
    GroupBy,
    ImageSize,
    MaxBad,
    ParamsOption,
    Replace,
    Workers,
)
from flowerops.cli.plans import show_pipeline
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops preprocess --data-folder photos/

  flowerops preprocess --data-folder more/ --extend

  flowerops preprocess --dataset flowers:2 --image-size 160 --fit crop
"""
_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("preprocess", epilog=_EXAMPLES)(with_session("preprocess", jobs=True)(preprocess))


def preprocess(
    session: Session,
    data_folder: DataFolder = None,
    dataset: DatasetName = None,
    image_size: ImageSize = None,
    fit: FitOption = None,
    max_bad: MaxBad = None,
    group_by: GroupBy = None,
    workers: Workers = None,
    params: ParamsOption = None,
    extend: Extend = False,
    replace: Replace = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Copy no photo: record hashes and places, and check at every read.")
    ] = False,
    explain: Explain = False,
    dry_run: DryRun = False,
) -> None:
    """Turn photos into a numbered dataset version that is decoded, resized and split."""
    from flowerops.cli.parameters import intake_mode, preprocess_params, read_params
    from flowerops.domain.names import parse_selector
    from flowerops.domain.params import PreprocessParams
    from flowerops.errors import UsageError
    from flowerops.services import preprocess as service
    from flowerops.services.pipeline import begin
    from flowerops.services.preview_job import plan_or_guess, with_pipeline

    sections = read_params(params)
    asked = preprocess_params(sections, image_size, fit, max_bad, group_by=group_by, workers=workers)
    wanted = asked or PreprocessParams()
    selector = parse_selector(dataset or session.settings.dataset, "dataset")
    mode = intake_mode(extend, replace, data_folder)
    if reference and data_folder is None:
        raise UsageError("--reference needs --data-folder", "Name the folder of new photos.")
    request = service.PreprocessRequest(data_folder, selector, wanted, mode, reference)
    experiment = selector.name + service.EXPERIMENT_SUFFIX
    if dry_run:
        plan = plan_or_guess(lambda: service.plan(session.target, request, session.caller), data_folder, selector)
        made = with_pipeline(session.target, plan, "preprocess", experiment, session.caller, texts={"params": wanted})
        session.finish({"dry_run": True, **made}, show_plan)
        return
    prepared = service.preprocess(
        session.target,
        request,
        session.caller,
        lambda: begin(session.target, session.caller, experiment, "preprocess"),
    )
    session.finish(prepared.document(), show)
    if explain and not session.as_json:
        session.console.print(f"  {'reused' if prepared.reused else 'ran'}: {prepared.reason}")
    session.next("train" if selector.name == session.settings.dataset else f"train --dataset {selector.name}")


def show(console: Console, document: dict[str, Any]) -> None:
    """Render the result for people."""
    raw, processed = document["raw"], document["processed"]
    console.heading(f"{processed['name']}:{processed['version']} from {raw['name']}:{raw['version']}")
    splits = ", ".join(f"{name} {count:,}" for name, count in processed["splits"].items())
    how = "made before, nothing to do" if document["reused"] else f"{document['seconds']:.1f} s"
    facts = {
        "images": f"{processed['files']:,} ({splits})",
        "classes": ", ".join(f"{label} {count:,}" for label, count in processed["classes"].items()),
        "decoded": f"{document['decoded']:,}, carried over {document['carried_over']:,} ({how})",
        "digest": processed["digest"][:16],
    }
    if document["synthetic"]:
        facts["note"] = "synthetic drawings, not photographs"
    console.facts(facts)
    show_warnings(console, document["warnings"])
    show_left_out(console, document)


def show_left_out(console: Console, document: dict[str, Any]) -> None:
    """The files that are not used, with reasons."""
    for title, entries in (
        ("quarantined", document["quarantined"]),
        ("duplicates", document["duplicates"]),
        ("skipped", document["skipped"]),
    ):
        if entries:
            console.print(f"  {title}: {len(entries)}")
            console.items([f"{entry['path']}: {entry['reason']}" for entry in entries], _SHOWN, indent=4)


def show_plan(console: Console, document: dict[str, Any]) -> None:
    """Render a plan for people."""
    console.heading(f"{document['dataset']}: {document['summary']}", mark="→")
    if document["classes"]:
        console.facts({"classes": ", ".join(f"{label} {count:,}" for label, count in document["classes"].items())})
    show_pipeline(console, document)
