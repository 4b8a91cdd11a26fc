"""What a step looks up in the workspace of its job, when nobody resolved it before the job was submitted."""

from __future__ import annotations

from pathlib import Path

from flowerops.cli.step.surroundings import job_target
from flowerops.errors import UsageError


def latest_version(dataset: str, *, with_photos: bool) -> Path | None:
    """The folder of a dataset's latest version, or None while there is none.

    Args:
        dataset: Its name.
        with_photos: Whether more than its manifest and rows is needed.
    """
    datasets = job_target().datasets
    versions = datasets.all(dataset)
    if not versions:
        return None
    return datasets.open(versions[0]) if with_photos else versions[0].folder


def earlier_versions(dataset: str) -> list[Path]:
    """The folders of a raw dataset's processed versions, newest first.

    All know the splits; the pixels are fetched of the newest only, which has nearly all that a further one could give.
    """
    from flowerops.domain.dataset import PROCESSED_SUFFIX

    datasets = job_target().datasets
    versions = datasets.all(dataset + PROCESSED_SUFFIX)
    return [datasets.open(version) if version is versions[0] else version.folder for version in versions]


def sub_folders(parent: Path | None, names: str | None) -> list[Path]:
    """Folders by their names, with commas between them.

    Raises:
        UsageError: Names without a folder, or one that is a path.
    """
    listed = [name for name in (names or "").split(",") if name]
    if listed and parent is None:
        raise UsageError("--earlier-names needs --earlier-in", "Name the folder above them.")
    for name in listed:
        if name != Path(name).name:
            raise UsageError(f"--earlier-names: {name!r} is no name of a folder", "Write names, with commas.")
    return [parent / name for name in listed] if parent else []


def champion_bundle(model: str) -> Path | None:
    """The bundle of a model's champion, or None while there is none."""
    from flowerops.services.selection import champion_of

    models = job_target().models
    champion = champion_of(models.versions(model))
    return models.open(champion) if champion else None
