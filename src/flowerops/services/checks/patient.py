"""What the checks are told of this machine and of what was asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from flowerops.domain.doctor import Diagnosis
from flowerops.settings import Settings

if TYPE_CHECKING:  # at run time it needs packages that doctor has to do without
    from flowerops.targets.protocol import Target


@dataclass(frozen=True)
class Patient:
    """env: the variables of this process. open_target: opens the target of the settings. folder: the project's."""

    env: Mapping[str, str]
    settings: Settings
    open_target: Callable[[], Target]
    folder: Path = Path()


Check = Callable[[Patient], list[Diagnosis]]


def version_of(package: str) -> str | None:
    """The version of an installed package."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return None
