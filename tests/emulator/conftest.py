"""The real client of Azure ML, at the emulated Azure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from azure_emulator import Emulator


@pytest.fixture(scope="module")
def ml(azure: Emulator) -> Iterator[Any]:
    from helpers.azure_toys import client

    with azure.here():
        yield client(azure)


@pytest.fixture(scope="module")
def call(ml: Any) -> Any:
    from helpers.azure_recordings import Caller

    return Caller(ml)


@pytest.fixture(autouse=True)
def no_faults(azure: Emulator) -> Iterator[None]:
    yield
    azure.switch_off()
