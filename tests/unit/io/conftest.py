from __future__ import annotations

import pytest

from flowerops.io import fetch as fetching


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once, and no server can ask for a long pause."""
    monkeypatch.setattr(fetching, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(fetching, "_LONGEST_PAUSE_S", 0.05)
