"""flowerops data import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowerops.cli.commands import preprocess as preprocess_command
from flowerops.cli.options import (
    DatasetName,
    DryRun,
    Extend,
    FitOption,
    GroupBy,
    ImageSize,
    MaxBad,
    ParamsOption,
    Replace,
    Workers,
)
from flowerops.cli.session import Session, with_session

_EXAMPLES = """Examples:

  flowerops data import photos.zip

  flowerops data import labels.csv --dataset garden

  flowerops data import beans/data/ --dataset beans --extend

SOURCE is an archive of class folders (zip, tar, tar.gz), a CSV with the columns path and label (paths relative to it),
or Parquet files in the Hugging Face image layout (image, label). Photos are divided by their content as always; a
division that the source brings is not used.

Exit codes: 0 taken in, 2 usage, 3 the source cannot be used, 5 the store is damaged, 6 a clean-up runs, 9 disk full.
"""


def add_to(group: typer.Typer) -> None:
    """Add the command to the group `data`."""
    group.command("import", epilog=_EXAMPLES)(with_session("data import")(import_))


def import_(
    session: Session,
    source: Annotated[Path, typer.Argument(help="An archive, a CSV, a Parquet file, or a folder of Parquet files.")],
    dataset: DatasetName = None,
    image_size: ImageSize = None,
    fit: FitOption = None,
    max_bad: MaxBad = None,
    group_by: GroupBy = None,
    workers: Workers = None,
    params: ParamsOption = None,
    extend: Extend = False,
    replace: Replace = False,
    dry_run: DryRun = False,
) -> None:
    """Take in photos that are not in class folders: as a raw version, and a processed one made of it."""
    from flowerops.cli.parameters import intake_mode, preprocess_params, read_params
    from flowerops.domain.names import parse_selector
    from flowerops.domain.params import PreprocessParams
    from flowerops.services import bring_in as service
    from flowerops.services.pipeline import begin
    from flowerops.services.preprocess import EXPERIMENT_SUFFIX, PreprocessRequest

    sections = read_params(params)
    asked = preprocess_params(sections, image_size, fit, max_bad, group_by=group_by, workers=workers)
    wanted = asked or PreprocessParams()
    selector = parse_selector(dataset or session.settings.dataset, "dataset")
    request = PreprocessRequest(folder=None, dataset=selector, params=wanted, mode=intake_mode(extend, replace, source))
    target, caller = session.target, session.caller
    if dry_run:
        planned = service.plan_import(target, source, request, caller)
        session.finish({"dry_run": True, **planned}, preprocess_command.show_plan)
        return
    experiment = selector.name + EXPERIMENT_SUFFIX
    prepared, origin = service.bring_in(
        target, source, request, caller, lambda: begin(target, caller, experiment, "preprocess")
    )
    session.finish({"source": origin, **prepared.document()}, preprocess_command.show)
