"""Both targets, for the one suite that each of them has to pass."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from helpers.both_targets import LIVE, Place, live

NAMES = ("local", "azureml")


@pytest.fixture(scope="session")
def places(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Place]]:
    """Both targets; the workspace is emulated, or the real one that the variables name."""
    folder = tmp_path_factory.mktemp("contract")
    with contextlib.ExitStack() as stack:
        variables: dict[str, str] = {}
        if live():
            os.environ.pop(LIVE)  # it is a word to the tests, and no setting
        else:
            azure = request.getfixturevalue("azure")
            stack.enter_context(azure.here())
            variables = azure.environment()
            # Emulated jobs end in seconds.
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setattr("flowerops.targets.azureml.watch._LONGEST_PAUSE_S", 0.5)
            patch.setattr("flowerops.targets.azureml.operations._FIRST_POLL_S", 0.1)
        local = Place("local", folder / "local")
        yield {"local": local, "azureml": Place("azureml", folder / "azure", variables)}


@pytest.fixture(scope="module", params=NAMES)
def place(request: pytest.FixtureRequest, places: dict[str, Place]) -> Place:
    """The target under test."""
    return places[request.param]


@pytest.fixture(scope="module")
def other(place: Place, places: dict[str, Place]) -> Place:
    """The one that is not under test."""
    return places[next(name for name in NAMES if name != place.name)]
