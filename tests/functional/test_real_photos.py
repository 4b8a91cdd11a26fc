"""What the product promises on real photographs; skipped where they are not at hand."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from helpers.command import flowerops

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.photos,
    pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photographs are not beside the project"),
]


@pytest.mark.timeout(600)
def test_two_thousand_flowers_reach_the_promised_accuracy_and_serve(tmp_path: Path) -> None:
    outcome = flowerops("run", "--data-folder", PHOTOS / "flowers", "--json", cwd=tmp_path)
    try:
        assert outcome.code == 0, outcome.stdout + outcome.stderr
        steps = outcome.document["steps"]
        assert steps["evaluate"]["metrics"]["accuracy"] >= 0.88
        assert steps["smoketest"]["passed"] is True
        conflict = "15922772266_1167a06620.jpg"
        assert [entry["path"] for entry in steps["preprocess"]["quarantined"]] == [
            f"roses/{conflict}",
            f"tulips/{conflict}",
        ]
    finally:
        flowerops("deployments", "stop", "flowers", cwd=tmp_path)


def test_odd_files_are_decoded_or_quarantined_with_a_reason(tmp_path: Path) -> None:
    shutil.copytree(PHOTOS / "sample_224", tmp_path / "photos")
    odd = tmp_path / "photos" / "daisy"
    odd.chmod(0o755)
    for path in (PHOTOS / "odd").iterdir():
        shutil.copyfile(path, odd / path.name)
    arguments = ("preprocess", "--data-folder", "photos", "--max-bad", "10%", "--json")
    document = flowerops(*arguments, cwd=tmp_path).document
    assert document["ok"] is True
    told = {
        Path(entry["path"]).name: entry["reason"]
        for kind in ("quarantined", "skipped", "duplicates")
        for entry in document[kind]
    }
    with (PHOTOS / "odd" / "NOTES.csv").open(encoding="utf-8") as stream:
        names = [row["file"] for row in csv.DictReader(stream)]
    broken = {"truncated_half.jpg", "truncated_tail.jpg", "zero_bytes.jpg", "html_error.jpg"}
    broken |= {"decompression_bomb_20000x20000.png", ".hidden.jpg", "Thumbs.db", ".DS_Store", ".amlignore"}
    assert broken <= set(told)
    good = [name for name in names if name not in told]
    assert document["processed"]["classes"]["daisy"] == 40 + len(good)
    assert all(told.values())
