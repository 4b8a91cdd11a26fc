"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from azure_emulator import Emulator

settings.register_profile("busy", deadline=None)  # a busy machine is no fault
settings.load_profile("busy")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed bundle with a real model of two classes (daisy, roses), made once; copy it before changing it."""
    from helpers.tiny_bundle import make_bundle

    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    make_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Azure on loopback, one for each pytest process; `azure.here()` shows it to this process itself."""
    from azure_emulator import azurite, running_emulator, serve_python

    azurite.require()
    with running_emulator(tmp_path_factory.mktemp("azure"), serve_python=serve_python()) as emulator:
        yield emulator
