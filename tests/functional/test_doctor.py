"""flowerops doctor, as a user runs it; and training that must not fall back to the CPU in silence."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.command import flowerops
from helpers.photos import make_photos


def test_it_looks_at_this_machine(tmp_path: Path) -> None:
    done = flowerops("doctor", "--json", cwd=tmp_path)
    assert done.code == 0, done.stderr
    assert {"Python", "installed parts", "disk"} <= {finding["check"] for finding in done.document["findings"]}


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
