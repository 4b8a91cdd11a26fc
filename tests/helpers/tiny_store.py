"""A home with real dataset versions, made in this process in a fraction of a second."""

from __future__ import annotations

from pathlib import Path

from flowerops.datasets.raw import NewPhotos
from flowerops.datasets.scan import scan_folder
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.documents import digest_of
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import SilentProgress
from flowerops.domain.steps import StepContext
from flowerops.steps.preprocess import PreprocessInput, preprocess
from flowerops.targets.local.target import LocalTarget
from flowerops.targets.protocol import DatasetVersion
from helpers.photos import make_photos

CONTEXT = StepContext(build=BuildInfo(kind="laptop", id="tester"), code=CodeInfo())
SIZE = 24


class TinyStore:
    """A home under `root`, and the local target on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.target = LocalTarget(root / "home")
        self.home = self.target.home

    def photos(self, name: str = "photos", seed: int = 0, per_class: int = 12) -> Path:
        """A folder of two classes."""
        make_photos(self.root / name, per_class=per_class, seed=seed)
        return self.root / name

    def unnumbered(self, photos: Path, name: str = "flowers") -> Path:
        """Take photos in as a raw version that has no number yet."""
        return self.target.datasets.take_in(NewPhotos(scan_folder(photos), name), CONTEXT, SilentProgress())

    def add(self, photos: Path, name: str = "flowers") -> tuple[DatasetVersion, DatasetVersion]:
        """A raw version of the photos and the processed version made of it."""
        folder = self.unnumbered(photos, name)
        out = self.root / "home/runs/somewhere" / digest_of(str(photos))[:8]
        out.mkdir(parents=True)
        params = PreprocessParams(image_size=SIZE, workers=2, max_bad=0.5)
        earlier = [found.folder for found in self.target.datasets.all(name + "_processed")]
        provenance = CONTEXT.provenance("2024-05-01T12:00:00+00:00", {})
        work = PreprocessInput(folder, self.home.objects, earlier, f"recipe of {photos}", params, provenance)
        preprocess(work, out, SilentProgress())
        return self.target.datasets.number(folder), self.target.datasets.number(out)
