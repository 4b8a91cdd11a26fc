"""The ends of growing texts."""

from __future__ import annotations

from collections.abc import Sequence


def lines_after(seen: Sequence[str], now: Sequence[str]) -> list[str]:
    """What is new at the end of a text of which only the last lines can be had.

    Args:
        seen: The last lines as they were.
        now: The last lines as they are; all of them are new when nothing of them was seen.
    """
    for size in range(min(len(seen), len(now)), 0, -1):
        if now[size - 1] == seen[-1] and list(now[:size]) == list(seen[len(seen) - size :]):
            return list(now[size:])
    return list(now)
