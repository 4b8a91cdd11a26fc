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
def workspace_command(azure: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The real command line with the emulated workspace as its target, from a folder of its own."""
    folder: Path = tmp_path_factory.mktemp("commands")

    def run(*arguments: str | Path) -> Outcome:
        return flowerops(
            *arguments, "--target", "azureml", "--json", cwd=folder, env={**azure.environment(), **SERVERLESS}
        )

    return run


SERVERLESS = {"FLOWEROPS_COMPUTE": "serverless"}
