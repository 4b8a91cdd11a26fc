"""What the tests over the emulated Azure share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.command import Outcome, flowerops

if TYPE_CHECKING:
    from azure_emulator import Emulator

    Command = Callable[..., Outcome]


@pytest.fixture(scope="module")
def workspace_command(
    azure: Emulator, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Command:
    """The real command line with the emulated workspace as its target, from a folder of its own.

    Several files of tests share a workspace: each has its own dataset and its own model, both named `subject`.
    """
    folder: Path = tmp_path_factory.mktemp("commands")
    name = request.getfixturevalue("subject")
    settings = {"FLOWEROPS_COMPUTE": "serverless", "FLOWEROPS_DATASET": name, "FLOWEROPS_MODEL": name}

    def run(*arguments: str | Path) -> Outcome:
        return flowerops(
            *arguments, "--target", "azureml", "--json", cwd=folder, env={**azure.environment(), **settings}
        )

    return run


@pytest.fixture(scope="module")
def subject(request: pytest.FixtureRequest) -> str:
    """Name of the dataset and of the model that a file of tests works on."""
    return str(request.module.__name__).rpartition(".")[2].removeprefix("test_")
