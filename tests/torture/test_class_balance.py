"""Torture case 19: too few photos are refused before any training; a lopsided set is taken, with a warning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.command import flowerops
from helpers.photos import encoded, make_photos, photo_bytes


def noise(number: int) -> bytes:
    """A tiny picture that is like no other."""
    pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), "PNG")


def test_a_class_of_one_photo_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", classes=("daisy",), per_class=8, size=(24, 20))
    make_photos(tmp_path / "photos", classes=("roses",), per_class=1, size=(24, 20), seed=5)
    outcome = flowerops("train", "--data-folder", "photos", "--image-size", "44", cwd=tmp_path)
    assert outcome.code == 3, outcome
    assert "class 'roses'" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert list((tmp_path / ".flowerops/runs").glob("*/train-*")) == []
    assert flowerops("data", "list", "--json", cwd=tmp_path).document["items"] == []


@pytest.mark.slow
def test_a_thousand_to_one_is_taken_with_a_warning_and_is_in_every_split(tmp_path: Path) -> None:
    for label, count in (("daisy", 3000), ("roses", 3)):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(count):
            data = noise(number) if label == "daisy" else photo_bytes(number, (24, 20), hue=1)
            (tmp_path / "photos" / label / f"{number}.png").write_bytes(data)
    outcome = flowerops("preprocess", "--data-folder", "photos", "--image-size", "16", "--json", cwd=tmp_path)
    assert outcome.code == 0, outcome
    document = outcome.document
    assert any("1,000 to 1 out of balance" in line for line in document["warnings"]), document["warnings"]
    assert all(counts["roses"] == 1 for counts in document["processed"]["split_classes"].values())
