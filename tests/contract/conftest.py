"""Both targets, for the one suite that each of them has to pass."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.both_targets import Place, Registry
from helpers.tiny_bundle import reseal

LIVE = os.environ.pop("FLOWEROPS_LIVE_AZURE", None) or os.environ.get("LIVE_AZURE")
"""Under another name from now on, for the processes that share the tests: flowerops refuses unknown settings."""
if LIVE:
    os.environ["LIVE_AZURE"] = LIVE
FIXTURES = {"local": "local_place", "azureml": "azure_place"}


@pytest.fixture(scope="session")
def local_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """This machine."""
    return Place("local", tmp_path_factory.mktemp("local") / "home")


@pytest.fixture(scope="session")
def azure_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all modules, so that what was downloaded once is there."""
    return tmp_path_factory.mktemp("azure") / "home"


@pytest.fixture(scope="module")
def azure_place(request: pytest.FixtureRequest, azure_home: Path) -> Iterator[Place]:
    """An emulated workspace; with FLOWEROPS_LIVE_AZURE=1 the real one that the usual variables name.

    No longer than a module: later tests in this process must not see the emulator's variables.
    """
    if LIVE:
        yield Place("azureml", azure_home)
        return
    azure = request.getfixturevalue("azure")
    with contextlib.ExitStack() as stack:
        stack.enter_context(azure.here())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("flowerops.targets.azureml.watch._LONGEST_PAUSE_S", 0.5)  # emulated jobs end in seconds
        patch.setattr("flowerops.targets.azureml.operations._FIRST_POLL_S", 0.1)
        yield Place("azureml", azure_home, azure.environment())


@pytest.fixture(scope="module", params=FIXTURES)
def place(request: pytest.FixtureRequest) -> Place:
    """The target under test."""
    found: Place = request.getfixturevalue(FIXTURES[request.param])
    return found


@pytest.fixture(scope="module")
def other(request: pytest.FixtureRequest, place: Place) -> Place:
    """The one that is not under test."""
    found: Place = request.getfixturevalue(next(name for key, name in FIXTURES.items() if key != place.name))
    return found


@pytest.fixture(scope="session")
def second_bundle(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model with another card."""
    folder = tmp_path_factory.mktemp("second") / "bundle"
    shutil.copytree(tiny_bundle, folder)
    (folder / "MODEL_CARD.md").write_text("# Another one\n")
    reseal(folder)
    return folder


@pytest.fixture
def registry(place: Place, tiny_bundle: Path, second_bundle: Path) -> Registry:
    """A model under a new name."""
    name, models = place.fresh("model"), place.target.models
    models.register(name, tiny_bundle, "run-1", {"BuildId": "4711", "test_accuracy": "0.9"})
    models.register(name, second_bundle, "run-2", {"BuildId": "4712"})
    models.set_champion(name, 1)
    return Registry(place, name)
