"""The steps that make dataset versions: intake and preprocess."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flowerops.cli.console import Console
from flowerops.cli.step.common import AsJson, Context, Log, Out, Params, run_step, tracker


def intake(
    photos: Annotated[Path, typer.Option(help="Folder with one sub-folder a class.")],
    out: Out,
    name: Annotated[str, typer.Option(help="The dataset's name.")] = "flowers",
    mode: Annotated[
        Literal["keep-classes", "extend", "replace"],
        typer.Option(help="The new version: exactly the photos unless classes would go, the base and them, or they."),
    ] = "keep-classes",
    base: Annotated[Path | None, typer.Option(help="Folder of the version before, with its photos.")] = None,
    base_of: Annotated[
        str | None, typer.Option(help="Instead: the dataset whose latest version the workspace has.")
    ] = None,
    context: Context = "",
    log: Log = None,
    json_: AsJson = False,
) -> None:
    """Take a folder of photos in as a raw version that carries its photos."""
    from flowerops.cli.step.lookups import latest_version
    from flowerops.cli.step.surroundings import context_of
    from flowerops.domain.names import valid_name
    from flowerops.io.surroundings import environment_info, now
    from flowerops.steps.intake import IntakeInput
    from flowerops.steps.intake import intake as work

    def go(console: Console) -> dict[str, Any]:
        before = base
        if before is None and base_of is not None:
            before = latest_version(base_of, with_photos=mode == "extend")
        given = IntakeInput(
            photos=photos,
            name=valid_name(name, "dataset"),
            base=before,
            mode=None if mode == "keep-classes" else mode,
            provenance=context_of(context).provenance(now(), environment_info()),
        )
        manifest = work(given, out, console)
        recording = tracker()
        recording.metrics({"photos": manifest.files, "skipped": len(manifest.skipped)})
        return {"digest": manifest.digest, "recorded": recording.recorded.model_dump()}

    run_step("step intake", go, out, log, as_json=json_)


def preprocess(
    raw: Annotated[Path, typer.Option(help="A raw version's folder.")],
    out: Out,
    recipe: Annotated[
        str | None, typer.Option(help="Digest of all that decides about the result. Default: computed.")
    ] = None,
    params: Params = "{}",
    context: Context = "",
    objects: Annotated[Path | None, typer.Option(help="The store of the photos' bytes.")] = None,
    squares: Annotated[Path | None, typer.Option(help="Photos that are decoded already.")] = None,
    earlier: Annotated[list[Path] | None, typer.Option(help="Earlier processed versions, newest first.")] = None,
    earlier_in: Annotated[Path | None, typer.Option(help="Instead: the folder above them …")] = None,
    earlier_names: Annotated[str | None, typer.Option(help="… and their names, newest first, with commas.")] = None,
    earlier_of: Annotated[
        str | None, typer.Option(help="Instead: the dataset whose processed versions the workspace has.")
    ] = None,
    log: Log = None,
    json_: AsJson = False,
) -> None:
    """Decode, resize and split a raw version."""
    from flowerops.cli.step.lookups import earlier_versions, sub_folders
    from flowerops.cli.step.surroundings import context_of
    from flowerops.datasets.recipe import recipe_of
    from flowerops.datasets.rows import read_manifest
    from flowerops.domain.params import PreprocessParams
    from flowerops.io.surroundings import environment_info, now
    from flowerops.steps.preprocess import PreprocessInput
    from flowerops.steps.preprocess import preprocess as work

    def go(console: Console) -> dict[str, Any]:
        wanted = PreprocessParams.model_validate_json(params)
        known = [*(earlier or []), *sub_folders(earlier_in, earlier_names)]
        given = PreprocessInput(
            raw=raw,
            objects=objects,
            earlier=known or (earlier_versions(earlier_of) if earlier_of else []),
            recipe=recipe or recipe_of(read_manifest(raw), wanted),
            params=wanted,
            provenance=context_of(context).provenance(now(), environment_info()),
            squares=squares,
        )
        recording = tracker()
        manifest = work(given, out, console)
        recording.params(manifest.params)
        recording.metrics({"images": manifest.files, "quarantined": len(manifest.quarantined)})
        return {"digest": manifest.digest, "recorded": recording.recorded.model_dump()}

    run_step("step preprocess", go, out, log, as_json=json_)
