from __future__ import annotations

from pathlib import Path

from flowerops.io.hashing import seal_folder, verify_seal
from flowerops.targets.local.target import LocalTarget
from flowerops.targets.protocol import DIGEST_TAG
from helpers.registry import NAME, add_version, spoil, version


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


def test_a_version_that_is_being_removed_or_is_not_ours_is_left_out(tmp_path: Path) -> None:
    """MLflow reads the versions first and their tags later; somebody may remove a version in between."""
    target = LocalTarget(tmp_path / "home")
    for content in ("one", "two"):
        add_version(target, content)
    target.models._ledger._client.delete_model_version_tag(NAME, "2", DIGEST_TAG)
    assert [one.version for one in target.models.versions(NAME)] == [1]
