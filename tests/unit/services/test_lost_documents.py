"""What was recorded and is not there any more: damage of the store (exit 5), no fault of the program (exit 1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowerops.errors import StoreIntegrityError
from flowerops.services.bundles import read_bundle
from flowerops.services.candidates import read_evaluation
from flowerops.targets.protocol import StepOutput


def test_a_bundle_without_its_facts(tmp_path: Path) -> None:
    with pytest.raises(StoreIntegrityError, match=r"bundle\.json cannot be read: No such file"):
        read_bundle(tmp_path)
    (tmp_path / "bundle.json").write_text("{")
    with pytest.raises(StoreIntegrityError):
        read_bundle(tmp_path)


def test_an_evaluation_whose_folder_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StoreIntegrityError) as caught:
        read_evaluation(StepOutput("step-1", tmp_path / "gone"))
    assert (caught.value.exit_code, caught.value.hint) == (5, "Evaluate the run again.")
