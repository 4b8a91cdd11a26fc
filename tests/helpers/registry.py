"""Homes with registered models, made without training: a bundle is a sealed folder."""

from __future__ import annotations

from pathlib import Path

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.progress import SilentProgress
from flowerops.io.hashing import seal_folder
from flowerops.services.pipeline import Caller
from flowerops.targets.local.target import LocalTarget
from flowerops.targets.protocol import ModelVersion

NAME = "flower_classifier"
CALLER = Caller(BuildInfo(kind="laptop", id="tester@laptop"), CodeInfo(), SilentProgress())


def add_version(target: LocalTarget, content: str, *, name: str = NAME, **tags: str) -> ModelVersion:
    """Register a bundle of one file."""
    folder = target.home.temp / f"bundle of {content}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.txt").write_text(content)
    seal_folder(folder)
    return target.models.register(name, folder, f"run of {content}", tags)


def version(target: LocalTarget, number: int, name: str = NAME) -> ModelVersion:
    """A registered version as it is now."""
    return next(one for one in target.models.versions(name) if one.version == number)


def champion(target: LocalTarget, name: str = NAME) -> int | None:
    """The number of the champion."""
    return next((one.version for one in target.models.versions(name) if one.champion), None)


def spoil(bundle: Path) -> None:
    """Change a bundle behind its seal."""
    (bundle / "model.txt").write_text("changed")
