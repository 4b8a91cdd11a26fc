"""The conda files are what the locks say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _generator() -> Any:
    spec = importlib.util.spec_from_file_location("locks_conda", ROOT / "locks/conda.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_conda_files_are_what_the_locks_say() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "conda").glob("*.yml")}
    assert written == _generator().conda_files(), "run: make conda"


@pytest.mark.parametrize("name", ["train", "train-gpu", "serve"])
def test_an_environment_of_the_cloud_pins_every_package_once(name: str) -> None:
    text = (ROOT / f"conda/{name}.yml").read_text(encoding="utf-8")
    pins = re.findall(r"^      - ([^=\[]+)(?:\[[^\]]+\])?==", text, re.MULTILINE)
    assert len(pins) == len(set(pins)) > 30
    assert len(pins) == len(re.findall(r"^      - ", text, re.MULTILINE))


def test_serving_needs_no_tensorflow_and_decodes_as_training_does() -> None:
    serve, train = ((ROOT / f"conda/{name}.yml").read_text(encoding="utf-8") for name in ("serve", "train"))
    assert "tensorflow" not in serve
    for package in ("ai-edge-litert", "numpy", "pillow"):
        pin = re.search(rf"- ({package}==.*)", serve)
        assert pin is not None
        assert pin[1] in train


def test_the_training_environment_is_the_one_that_the_tests_use() -> None:
    pins = [re.findall(r"^[a-z0-9][a-z0-9._-]*==[^ ;\\]+", (ROOT / f"locks/{name}.txt").read_text(), re.MULTILINE)
            for name in ("azure-train", "dev")]  # fmt: skip
    assert set(pins[0]) <= set(pins[1])
