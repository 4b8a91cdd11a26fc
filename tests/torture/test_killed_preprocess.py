"""A preprocess that is killed at any change leaves a version absent or whole, and running it again completes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.raw import RawVersion
from flowerops.targets.local.datasets import LocalDatasets
from flowerops.targets.local.home import Home
from helpers.photos import make_photos
from torture.harness import kill_at_each_change, leftovers, watch

_PROGRAM = """
import sys
from pathlib import Path
from flowerops.datasets.raw import NewPhotos
from flowerops.datasets.scan import scan_folder
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import SilentProgress
from flowerops.domain.steps import StepContext
from flowerops.io.atomic import staging_folder
from flowerops.steps.preprocess import PreprocessInput, preprocess
from flowerops.targets.local.datasets import LocalDatasets
from flowerops.targets.local.home import Home

photos, root = map(Path, sys.argv[1:])
home = Home(root)
home.prepare()
store = LocalDatasets(home)
context = StepContext(build=BuildInfo(kind="test", id="test"), code=CodeInfo())
raw = store.take_in(NewPhotos(scan_folder(photos), "flowers"), context, SilentProgress())
with staging_folder(home.runs) as out:
    work = PreprocessInput(
        raw, home.objects, [], "recipe", PreprocessParams(image_size=16, workers=1), context.provenance("then", {})
    )
    preprocess(work, out, SilentProgress())
    store.number(raw)
    store.number(out)
"""


def _check_what_is_listed(root: Path) -> None:
    """Whatever has a number verifies completely."""
    for found in LocalDatasets(Home(root)).all():
        if found.manifest.kind == "raw":
            version = RawVersion(found.folder, root / "objects")
            assert all(version.read(row) for row in version.rows)
        else:
            processed = ProcessedVersion(found.folder)
            for split in ("train", "val", "test"):
                images = processed.split(split)
                assert len(images.pixels(range(len(images)))) == len(images)


@pytest.mark.slow
def test_every_kill_leaves_each_version_absent_or_whole(tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", per_class=4)
    root = tmp_path / "home"
    kills = kill_at_each_change(_PROGRAM, [str(tmp_path / "photos"), str(root)], root)
    count = watch(lambda: _check_what_is_listed(root), kills)
    assert count >= 20
    assert sorted(f"{found.name}:{found.version}" for found in LocalDatasets(Home(root)).all()) == [
        "flowers:1",
        "flowers_processed:1",
    ]
    _check_what_is_listed(root)


def test_a_run_after_kills_gives_the_same_digests_as_one_without(tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", per_class=4)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for root, stride in ((killed, 11), (whole, 10_000)):
        arguments = [str(tmp_path / "photos"), str(root)]
        watch(lambda root=root: _check_what_is_listed(root), kill_at_each_change(_PROGRAM, arguments, root, stride))
    digests = [sorted(found.manifest.digest for found in LocalDatasets(Home(root)).all()) for root in (killed, whole)]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 2
    assert leftovers(whole) == []
