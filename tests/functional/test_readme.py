"""The commands of README, tutorial and Azure page, run in their order in an empty folder, as a newcomer would."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.command import flowerops
from helpers.photos import make_photos

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/tutorial.md", "docs/how-to/ci.md", "docs/how-to/azure.md")
_FENCE = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
_BLOCKS = (
    "flowerops preprocess",
    "flowerops train --data-folder",
    "flowerops train --fine-tune",
    "flowerops data preview",
    "flowerops models list",
    "flowerops run --data-folder",
)


_AZURE_BLOCKS = ("export FLOWEROPS_TARGET", "flowerops pipelines publish")


def _commands(first: str) -> list[str]:
    """The flowerops lines of the block that begins with a command."""
    blocks = [block for page in PAGES for block in _FENCE.findall((ROOT / page).read_text(encoding="utf-8"))]
    block = next(block for block in blocks if block.startswith(first))
    return [line.partition(" #")[0].partition(" > ")[0].strip() for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("newcomer")
    for number, name in enumerate(("photos", "new", "other", "test")):
        make_photos(folder / name, per_class=12, size=(96, 80), seed=number)
    first = next((folder / "photos" / "daisy").iterdir())
    shutil.copyfile(first, folder / "photos" / "daisy" / "1.jpg")
    (folder / "params.json").write_text(json.dumps({"training": {"backbone": "cnn", "batch_size": 16}}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        (folder / ".env").write_text(f"FLOWEROPS_PORT={probe.getsockname()[1]}\n")
    yield folder
    flowerops("deployments", "stop", cwd=folder)


def test_the_tour_of_the_readme_is_a_part_of_the_tutorial() -> None:
    block = next(block for block in _FENCE.findall((ROOT / "README.md").read_text()) if block.startswith(_BLOCKS[0]))
    tour = [line.partition(" #")[0].strip() for line in block.splitlines()]
    assert len(tour) >= 8
    assert [line for line in _commands(_BLOCKS[0]) if line in tour] == tour


@pytest.mark.timeout(1800)
def test_the_tour_can_be_followed_literally(newcomer: Path) -> None:
    for first in _BLOCKS:
        for line in _commands(first):
            words = shlex.split(line)[1:]
            dry = ["--dry-run"] if words[0] == "ui" else []  # it would serve until somebody stops it
            outcome = flowerops(*words, *dry, cwd=newcomer)
            assert outcome.code == 0, f"{line}\n{outcome.stdout}{outcome.stderr}"
            assert "Traceback" not in outcome.stderr


@pytest.mark.timeout(1800)
def test_the_first_azure_run_can_be_followed_literally(tmp_path: Path) -> None:
    from azure_emulator import azurite, running_emulator, serve_python

    azurite.require()
    for number, name in enumerate(("photos", "new")):
        make_photos(tmp_path / name, per_class=12, size=(96, 80), seed=number)
    with running_emulator(tmp_path / "azure", serve_python=serve_python()) as emulator:
        env = emulator.environment() | {"FLOWEROPS_TARGET": "azureml"}
        for first in _AZURE_BLOCKS:
            for line in _commands(first):
                if line.startswith("export"):
                    continue
                outcome = flowerops(*shlex.split(line)[1:], cwd=tmp_path, env=env)
                assert outcome.code == 0, f"{line}\n{outcome.stdout}{outcome.stderr}"
                assert "Traceback" not in outcome.stderr
