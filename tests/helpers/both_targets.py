"""A target on this machine and one in a workspace, side by side, for tests that both have to pass."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from flowerops.datasets.raw import NewPhotos
from flowerops.datasets.scan import scan_folder
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.names import Selector
from flowerops.domain.params import Mode, PreprocessParams
from flowerops.domain.progress import SilentProgress
from flowerops.domain.steps import StepContext
from flowerops.services.catalog import show_model
from flowerops.services.pipeline import Caller, begin
from flowerops.services.preprocess import Prepared, PreprocessRequest, preprocess
from flowerops.settings import load_settings
from flowerops.targets import open_target
from flowerops.targets.azureml.target import AzureTarget
from flowerops.targets.protocol import Target

SIZE = 44
"""The smallest that `cnn` takes."""


class Told(SilentProgress):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


@dataclass
class Place:
    """One target under test. variables: what a command in a process of its own needs to work on the same target."""

    name: Literal["local", "azureml"]
    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        self.target = self.opened()

    def opened(self, home: Path | None = None, **options: Any) -> Target:
        """The target, opened anew; a workspace with another home is seen as from another machine."""
        settings = load_settings({"target": self.name, "home": home or self.home}, self.home.parent)
        return open_target(settings, self.told, **options)

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return Caller(BuildInfo(kind="laptop", id="tester@laptop"), CodeInfo(), self.told)

    def fresh(self, what: str) -> str:
        """A name that nobody had before: a workspace is shared by all tests of a process."""
        return f"{what}-{uuid.uuid4().hex[:8]}"

    def take_in(self, folder: Path, dataset: str) -> Path:
        """Photos as a raw version that has no number yet."""
        context = StepContext(build=self.caller.build, code=self.caller.code)
        return self.target.datasets.take_in(NewPhotos(scan_folder(folder), dataset), context, self.told)

    def prepare(self, folder: Path | None, dataset: str, mode: Mode | None = None, **params: Any) -> Prepared:
        """`flowerops preprocess`."""
        wanted = PreprocessParams(**{"image_size": SIZE, "workers": 2, **params})
        request = PreprocessRequest(folder, Selector(dataset), wanted, mode)
        return preprocess(
            self.target,
            request,
            self.caller,
            lambda: begin(self.target, self.caller, f"{dataset}-preprocessing", "preprocess"),
        )


@dataclass
class Registry:
    """A model of two versions, the first of which is the champion."""

    place: Place
    name: str

    def champions(self) -> list[int]:
        return [one.version for one in self.place.target.models.versions(self.name) if one.champion]

    def tags(self, version: int) -> dict[str, str]:
        return dict(show_model(self.place.target, Selector(self.name, version))["tags"])


def overwrite(place: Place, path: Path, data: bytes) -> None:
    """Change a file where the target really keeps it."""
    if isinstance(place.target, AzureTarget):
        there = place.target.mirror.place_of(path)
        assert there is not None
        place.target.mirror.blobs(there.datastore).write(there.path, data)
    else:
        path.write_bytes(data)
