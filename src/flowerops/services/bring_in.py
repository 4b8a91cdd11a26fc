"""data import: photos in a foreign layout become a raw and a processed version, as those of a plain folder do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowerops.datasets.from_csv import lay_out_csv
from flowerops.datasets.from_parquet import lay_out_parquet
from flowerops.datasets.sources import Kind, class_folders, source_kind
from flowerops.domain.progress import Progress
from flowerops.io.archives import unpack
from flowerops.services.pipeline import Caller
from flowerops.services.preprocess import OpenPipeline, Prepared, PreprocessRequest, plan, preprocess
from flowerops.targets.protocol import Target


def plan_import(target: Target, source: Path, request: PreprocessRequest, caller: Caller) -> dict[str, Any]:
    """What `bring_in` would do; the source is unpacked to know it, and nothing is stored."""
    with laid_out(target, source, caller.progress) as (folder, kind):
        return {"source": _source(source, kind), **plan(target, replace(request, folder=folder), caller)}


def bring_in(
    target: Target, source: Path, request: PreprocessRequest, caller: Caller, open_pipeline: OpenPipeline
) -> tuple[Prepared, dict[str, Any]]:
    """Take in a Parquet file or folder, a CSV, or an archive.

    Args:
        target: Where to.
        source: What to read; nothing in it is changed.
        request: The dataset and the parameters; its folder is not used.
        caller: Who asks.
        open_pipeline: Begins the run, when there is something to compute.

    Returns:
        The versions, and the JSON member `source`.

    Raises:
        BadInputError: The source is none of these, damaged, hostile, or its photos cannot be used.
    """
    with laid_out(target, source, caller.progress) as (folder, kind):
        prepared = preprocess(target, replace(request, folder=folder), caller, open_pipeline)
    return prepared, _source(source, kind)


@contextlib.contextmanager
def laid_out(target: Target, source: Path, progress: Progress) -> Iterator[tuple[Path, Kind]]:
    """The source as class folders, for the time of the block.

    Raises:
        BadInputError: The source cannot be used.
    """
    kind = source_kind(source)
    with target.storage.workspace() as temp:
        folder = temp / (source.resolve().name.lstrip(".") or "source")
        folder.mkdir()
        if kind == "archive":
            unpack(source, folder, progress)
            folder = class_folders(folder)
        else:
            lay_out = lay_out_parquet if kind == "parquet" else lay_out_csv
            lay_out(source, folder, progress)
        yield folder, kind


def _source(source: Path, kind: Kind) -> dict[str, str]:
    return {"path": str(source), "kind": kind}
