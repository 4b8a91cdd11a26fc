from __future__ import annotations

from pathlib import Path

from flowerops.targets.local.models import DIGEST_TAG
from flowerops.targets.local.target import LocalTarget
from helpers.registry import NAME, add_version


def test_a_version_that_is_being_removed_or_is_not_ours_is_left_out(tmp_path: Path) -> None:
    """MLflow reads the versions first and their tags later; somebody may remove a version in between."""
    target = LocalTarget(tmp_path / "home")
    for content in ("one", "two"):
        add_version(target, content)
    target.models._ledger._client.delete_model_version_tag(NAME, "2", DIGEST_TAG)
    assert [one.version for one in target.models.versions(NAME)] == [1]
