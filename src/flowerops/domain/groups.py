"""Groups from pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


def joined(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The connected groups that pairs make, each sorted, in the order of their first members."""
    neighbours: dict[int, list[int]] = defaultdict(list)
    for one, other in pairs:
        neighbours[one].append(other)
        neighbours[other].append(one)
    seen: set[int] = set()
    groups = []
    for start in sorted(neighbours):
        if start not in seen:
            seen.add(start)
            group = [start]
            for member in group:  # grows while it is walked
                fresh = [other for other in neighbours[member] if other not in seen]
                seen.update(fresh)
                group += dict.fromkeys(fresh)
            groups.append(sorted(group))
    return groups
