"""flowerops doctor, as a user runs it; and training that must not fall back to the CPU in silence."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.command import flowerops
from helpers.photos import make_photos


def test_it_looks_at_this_machine(tmp_path: Path) -> None:
    done = flowerops("doctor", "--json", cwd=tmp_path)
    assert done.code == 0, done.stderr
    checks = {finding["check"] for finding in done.document["findings"]}
    assert {"Python", "installed parts", "packages", "weights", "disk", "permissions", "home"} <= checks
    assert list(tmp_path.iterdir()) == []


def test_a_problem_is_exit_code_2_until_it_is_mended(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FLOWEROPS_API_KEY=tell-nobody\n")
    (tmp_path / ".env").chmod(0o644)
    seen = flowerops("doctor", cwd=tmp_path)
    assert seen.code == 2
    assert "✗ permissions: .env holds a secret" in seen.stdout
    assert "tell-nobody" not in seen.stdout + seen.stderr
    dry = flowerops("doctor", "--fix", "--dry-run", cwd=tmp_path)
    assert dry.code == 2
    assert "would: chmod 600 .env" in dry.stdout
    mended = flowerops("doctor", "--fix", cwd=tmp_path)
    assert mended.code == 0, mended.stdout
    assert "✓ permissions: set the permissions of .env to 600" in mended.stdout
    assert (tmp_path / ".flowerops" / "home.json").exists()
    assert flowerops("doctor", cwd=tmp_path).code == 0


def test_dry_run_alone_is_refused(tmp_path: Path) -> None:
    assert flowerops("doctor", "--dry-run", cwd=tmp_path).code == 2


def test_it_says_what_tensorflow_sees_and_why_not(tmp_path: Path) -> None:
    done = flowerops("doctor", "--gpu", "--json", cwd=tmp_path, env={"CUDA_VISIBLE_DEVICES": ""})
    assert done.code == 2, done.stderr
    found = {finding["check"]: finding for finding in done.document["findings"]}
    assert found["TensorFlow"]["facts"]["tensorflow"]
    assert found["GPUs"]["found"].startswith("TensorFlow sees none")
    assert found["CUDA_VISIBLE_DEVICES"]["verdict"] == "problem"


def test_training_that_requires_a_gpu_never_falls_back(tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", per_class=14)
    params = json.dumps({"preprocessing": {"image_size": 44}})
    done = flowerops(
        *("train", "--data-folder", tmp_path / "photos", "--require-gpu", "--params", params, "--json"),
        cwd=tmp_path,
        env={"CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.code == 2, done.stderr
    assert "TensorFlow sees none" in done.document["error"]["message"]
    assert "doctor --gpu" in done.document["error"]["hint"]
