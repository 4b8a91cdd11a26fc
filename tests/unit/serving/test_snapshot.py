from __future__ import annotations

from pathlib import Path

from flowerops.io.hashing import sha256_file
from flowerops.serving.snapshot import serving_snapshot


def content(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in folder.rglob("*") if path.is_file()}


def test_a_snapshot_holds_the_rooms_of_serving_and_the_scoring_script_only(tmp_path: Path) -> None:
    files = content(serving_snapshot(tmp_path / "code"))
    assert {"score.py", "flowerops/__init__.py", "flowerops/errors.py"} <= set(files)
    rooms = {name.split("/")[1] for name in files if name.count("/") > 1}
    assert rooms == {"domain", "images", "io", "serving"}
    assert {name for name in files if not name.endswith(".py")} == {"flowerops/serving/page.html"}


def test_the_same_package_gives_the_same_snapshot(tmp_path: Path) -> None:
    assert content(serving_snapshot(tmp_path / "a")) == content(serving_snapshot(tmp_path / "b"))
