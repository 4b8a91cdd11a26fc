"""Torture case 9: what was added to, changed in or deleted from a version or a model is listed, every path of it."""

from __future__ import annotations

from pathlib import Path

from helpers.command import flowerops


def alter(folder: Path, changed: str, deleted: str) -> set[str]:
    """Change one file, delete another, add a third; gives their paths."""
    data = bytearray((folder / changed).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / changed).write_bytes(data)
    (folder / deleted).unlink()
    (folder / "added.txt").write_text("x")
    return {str(folder / name) for name in (changed, deleted, "added.txt")}


def paths(problems: list[dict[str, str]]) -> set[str]:
    return {problem["path"] for problem in problems}


def test_verify_exits_with_5_and_lists_every_altered_path_of_versions_and_models(trained: Path) -> None:
    home = trained.resolve() / ".flowerops"
    assert flowerops("register", cwd=trained).code == 0
    (processed,) = (home / "datasets/flowers_processed").iterdir()
    (bundle,) = (home / "bundles").iterdir()
    photos = sorted(home.glob("objects/??/*"))[:2]
    photos[0].write_bytes(photos[0].read_bytes()[:-1] + b"?")
    photos[1].unlink()
    data = {str(path) for path in photos}
    data |= alter(processed, "data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet")
    models = alter(bundle, "model.tflite", "golden/golden.json")
    found = flowerops("data", "verify", "--json", cwd=trained)
    assert found.code == 5
    assert paths(found.document["problems"]) == data
    found = flowerops("verify", "--json", cwd=trained)
    assert found.code == 5
    assert paths(found.document["problems"]) == data | models
    said = flowerops("data", "verify", cwd=trained)
    assert said.code == 5
    assert all(path in said.stdout for path in data)
    assert "Traceback" not in said.stderr


def test_a_version_whose_rows_or_manifest_were_altered_is_named(trained: Path) -> None:
    (raw,) = (trained / ".flowerops/datasets/flowers").iterdir()
    rows = raw / "files.jsonl"
    kept = rows.read_text()
    rows.write_text("".join(kept.splitlines(keepends=True)[1:]))
    for command in (("data", "verify"), ("preprocess", "--image-size", "32"), ("data", "export", "flowers", "out")):
        outcome = flowerops(*command, cwd=trained)
        assert outcome.code == 5, outcome
        assert "files.jsonl" in outcome.stdout + outcome.stderr
        assert "Traceback" not in outcome.stderr
    assert not (trained / "out").exists()
    rows.write_text(kept)
    assert flowerops("data", "verify", cwd=trained).code == 0
