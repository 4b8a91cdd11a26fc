from __future__ import annotations

from pathlib import Path

from flowerops.io.hashing import seal_folder, verify_seal
from flowerops.targets.local.target import LocalTarget
from helpers.registry import spoil, version


def test_registering_the_same_bundle_again_mends_what_was_damaged_of_it(tmp_path: Path) -> None:
    target, bundle = LocalTarget(tmp_path / "home"), tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "model.txt").write_text("weights")
    seal_folder(bundle)
    first = target.models.register("flowers", bundle, "run-1", {})
    spoil(first.bundle)
    second = target.models.register("flowers", bundle, "run-2", {})
    assert second.bundle == first.bundle
    assert verify_seal(version(target, 1, "flowers").bundle, first.digest) == second.digest
