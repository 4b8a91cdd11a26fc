"""Photos decoded by many processes of many machines give the version that one machine makes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from flowerops.datasets.raw import NewPhotos, RawVersion, ingest
from flowerops.datasets.scan import scan_folder
from flowerops.datasets.squares import Squares
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.dataset import Provenance, VersionManifest
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import SilentProgress
from flowerops.steps import collecting, decode_batch
from flowerops.steps.intake import IntakeInput, intake
from flowerops.steps.preprocess import PreprocessInput, preprocess
from helpers.photos import make_photos

PROVENANCE = Provenance(created="2024-05-01T12:00:00+00:00", build=BuildInfo(kind="laptop", id="x"), code=CodeInfo())
SIZE = 24
# The way a machine of a parallel job does it: the script from its file, and the machinery's own arguments beside ours.
_MACHINE = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("entry", sys.argv.pop(1))
batches = json.loads(sys.argv.pop(1))
entry = importlib.util.module_from_spec(spec)
spec.loader.exec_module(entry)
entry.init()
for batch in batches:
    assert len(entry.run(batch)) == len(batch)
"""


class Lab:
    def __init__(self, root: Path) -> None:
        self.root, self.raw, self.squares = root, root / "raw", root / "squares"
        make_photos(root / "photos", per_class=14)
        (root / "photos" / "daisy" / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
        self.raw.mkdir()
        intake(IntakeInput(root / "photos", "flowers", None, None, PROVENANCE), self.raw, SilentProgress())
        self.files = sorted(str(path) for path in self.raw.rglob("*") if path.is_file())

    def begin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given = ["entry.py", "--out", str(self.squares), "--image-size", str(SIZE), "--fit", "pad", "--node", "3"]
        monkeypatch.setattr(sys, "argv", given)
        decode_batch.init()

    def preprocess(self, squares: Path | None) -> VersionManifest:
        out = self.root / ("with" if squares else "without")
        out.mkdir()
        params = PreprocessParams(image_size=SIZE, workers=2, max_bad=0.5)
        work = PreprocessInput(self.raw, None, [], "recipe", params, PROVENANCE, squares)
        return preprocess(work, out, SilentProgress())


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def batches_of(files: Sequence[str], size: int) -> list[list[str]]:
    return [list(files[start : start + size]) for start in range(0, len(files), size)]


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a photo was decoded again")

    monkeypatch.setattr(collecting, "_decode", fail)


def test_the_version_is_the_one_that_a_single_machine_makes(lab, monkeypatch):
    alone = lab.preprocess(None)
    lab.begin(monkeypatch)
    for batch in batches_of(lab.files, 5):
        decode_batch.run(batch)
    forbid_decoding(monkeypatch)
    together = lab.preprocess(lab.squares)
    assert (together.digest, together.shards) == (alone.digest, alone.shards)
    assert [entry.path for entry in together.quarantined] == ["daisy/broken.jpg"]
    assert together.quarantined == alone.quarantined


def test_machines_do_not_collide(lab, monkeypatch):
    import json

    script = Path(decode_batch.__file__)
    batches = batches_of(lab.files, 4)
    arguments = ["--out", str(lab.squares), "--image-size", str(SIZE), "--fit", "pad"]
    machines = [
        subprocess.Popen([sys.executable, "-c", _MACHINE, str(script), json.dumps(share), *arguments], cwd=lab.root)
        for share in (batches[::2], batches[1::2])
    ]
    assert [machine.wait(60) for machine in machines] == [0, 0]
    alone = lab.preprocess(None)
    forbid_decoding(monkeypatch)
    assert lab.preprocess(lab.squares).digest == alone.digest


def test_a_batch_that_is_tried_again_changes_nothing(lab, monkeypatch):
    alone = lab.preprocess(None)
    lab.begin(monkeypatch)
    for batch in [*batches_of(lab.files, 8), lab.files[:8]]:
        decode_batch.run(batch)
    assert lab.preprocess(lab.squares).digest == alone.digest


def test_what_a_killed_process_left_is_passed_over(lab, monkeypatch):
    alone = lab.preprocess(None)
    lab.begin(monkeypatch)
    decode_batch.run(lab.files[:10])
    left = lab.squares / "host-1-dead"
    left.mkdir()
    (left / "pixels.bin").write_bytes(b"half a square")
    squares = Squares(SIZE)
    squares.include(lab.squares)
    assert len(squares.facts) + len(squares.rejected) == 10
    assert lab.preprocess(lab.squares).digest == alone.digest


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not say which files are open")
def test_there_may_be_more_batches_than_files_that_a_process_may_keep_open(lab, monkeypatch):
    import resource

    alone = lab.preprocess(None)
    lab.begin(monkeypatch)
    for batch in batches_of(lab.files, 1):
        decode_batch.run(batch)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 20, hard))
    try:
        assert lab.preprocess(lab.squares).digest == alone.digest
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_every_file_of_a_batch_counts_as_done(lab, monkeypatch):
    lab.begin(monkeypatch)
    names = decode_batch.run(lab.files)
    assert "manifest.json" in names
    assert "broken.jpg" in names
    assert len(names) == len(lab.files)
    assert len(decode_batch.run([str(lab.raw / "manifest.json")])) == 1


def test_the_raw_version_is_that_of_the_local_target(lab):
    local = ingest(NewPhotos(scan_folder(lab.root / "photos"), "flowers"), lab.root / "h", PROVENANCE, SilentProgress())
    assert RawVersion(lab.raw).manifest.digest == RawVersion(local).manifest.digest
