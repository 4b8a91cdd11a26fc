"""flowerops data fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flowerops.cli.commands import preprocess as preprocess_command
from flowerops.cli.console import Console
from flowerops.cli.layout import size
from flowerops.cli.options import DryRun, Extend, FitOption, ImageSize, MaxBad, ParamsOption, Replace, Workers
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops data fetch tf-flowers

  flowerops data fetch tf-flowers --from ~/Downloads/flower_photos.tgz --dataset garden

tf-flowers: 3,670 photos of five flowers (229 MB, CC BY 2.0). A download that is cut off goes on where it stopped.

Exit codes: 0 taken in, 2 usage, 3 FILE is another one, 6 it is being downloaded, 7 the download failed, 9 disk full.
"""


def add_to(group: typer.Typer) -> None:
    """Add the command to the group `data`."""
    group.command("fetch", epilog=_EXAMPLES)(with_session("data fetch")(fetch))


def fetch(
    session: Session,
    name: Annotated[str, typer.Argument(help="The set: tf-flowers.")],
    file: Annotated[
        Path | None, typer.Option("--from", help="The archive, when it is here already.", show_default=False)
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Name of the dataset. Default: flowers.", show_default=False)
    ] = None,
    image_size: ImageSize = None,
    fit: FitOption = None,
    max_bad: MaxBad = None,
    workers: Workers = None,
    params: ParamsOption = None,
    extend: Extend = False,
    replace: Replace = False,
    dry_run: DryRun = False,
    url: Annotated[str | None, typer.Option(hidden=True)] = None,
    sha256: Annotated[str | None, typer.Option(hidden=True)] = None,
    size: Annotated[int | None, typer.Option("--bytes", hidden=True)] = None,
) -> None:
    """Download a public set of photos, check it, and make dataset versions of it."""
    from flowerops.cli.parameters import intake_mode, make_params, parse_share, read_params
    from flowerops.domain.names import parse_selector
    from flowerops.domain.params import PreprocessParams
    from flowerops.services import fetch as service
    from flowerops.services.pipeline import begin
    from flowerops.services.preprocess import EXPERIMENT_SUFFIX, PreprocessRequest
    from flowerops.services.public_sets import find_set

    public = find_set(name, url=url, sha256=sha256, size=size)
    section = read_params(params).get("preprocessing", {})
    share = parse_share(max_bad, "--max-bad")
    wanted = make_params(PreprocessParams, section, image_size=image_size, fit=fit, max_bad=share, workers=workers)
    selector = parse_selector(dataset or public.dataset, "dataset")
    mode = intake_mode(extend, replace, Path(public.file))
    preparation = PreprocessRequest(folder=None, dataset=selector, params=wanted, mode=mode)
    request = service.FetchRequest(public, file, preparation, session.settings.fetch_allow_private)
    target = session.target
    if dry_run:
        session.finish({"dry_run": True, **service.plan(target, request)}, _show_plan)
        return
    caller = session.caller
    experiment = selector.name + EXPERIMENT_SUFFIX
    prepared, source = service.fetch(target, request, caller, lambda: begin(target, caller, experiment, "preprocess"))
    session.finish({"source": source, **prepared.document()}, _show)


def _show(console: Console, document: dict[str, Any]) -> None:
    preprocess_command.show(console, document)
    console.facts({"licence": document["source"]["notices"]})


def _show_plan(console: Console, document: dict[str, Any]) -> None:
    if document["present"]:
        console.heading(f"{document['set']} is {document['present']} already", mark="→")
        return
    console.heading(f"would take {document['set']} in as {document['dataset']}", mark="→")
    left = document["bytes"] - document["resumes_at"]
    how = f"from {document['from']}" if document["from"] else f"download {size(left)} from {document['url']}"
    console.facts({"how": how, "SHA-256": document["sha256"]})
