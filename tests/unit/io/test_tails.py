from __future__ import annotations

import pytest

from flowerops.io.tails import lines_after


@pytest.mark.parametrize(
    ("seen", "now", "new"),
    [
        ([], ["a", "b"], ["a", "b"]),
        (["a"], [], []),
        (["a", "b"], ["a", "b"], []),
        (["a", "b"], ["a", "b", "c"], ["c"]),
        (["a", "b", "c"], ["b", "c", "d", "e"], ["d", "e"]),
        (["a", "b"], ["x", "y"], ["x", "y"]),
        (["a", "a", "a"], ["a", "a", "a", "a"], ["a"]),
    ],
)
def test_only_what_is_new_comes_back(seen: list[str], now: list[str], new: list[str]) -> None:
    assert lines_after(seen, now) == new
