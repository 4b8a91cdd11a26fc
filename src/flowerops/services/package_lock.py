"""The part of a lock file that some packages need."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)(?: ; ([^\\]+?))?(?: \\)?$")
_WANTED_BY = re.compile(r"^    # (?:via |  )([a-z0-9][a-z0-9._-]*)(?: |$)")


@dataclass(frozen=True)
class Pinned:
    """A package of a lock: name, version, on which systems (a marker; None means on all), and whose dependency it is.

    text: its lines in the lock, hashes included.
    """

    name: str
    version: str
    marker: str | None
    wanted_by: frozenset[str]
    text: str

    def suits(self, environment: dict[str, str]) -> bool:
        """Whether it is installed where the markers' variables have these values."""
        from packaging.markers import Marker

        variables: dict[str, Any] = {**environment}
        return self.marker is None or bool(Marker(self.marker).evaluate(variables))


def read_lock(text: str) -> list[Pinned]:
    """The packages of a lock that uv wrote, in its order."""
    blocks = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", text, flags=re.MULTILINE)[1:]
    return [_pinned(block) for block in blocks]


def needed_by(roots: Iterable[str], lock: list[Pinned]) -> list[Pinned]:
    """The roots and everything below them, in the order of the lock."""
    kept: set[str] = set(roots)
    while more := {one.name for one in lock if one.wanted_by & kept} - kept:
        kept |= more
    return [one for one in lock if one.name in kept]


def as_requirements(pins: list[Pinned]) -> str:
    """The text of a requirements file with hashes."""
    lines = (line for pin in pins for line in pin.text.splitlines() if not line.lstrip().startswith("#"))
    return "# A part of the lock of flowerops' scoring server.\n" + "\n".join(lines) + "\n"


def _pinned(block: str) -> Pinned:
    first, *rest = block.splitlines()
    found = _PIN.match(first)
    if found is None:  # a lock is a part of the installation
        raise ValueError(f"not a line of a lock: {first}")
    wanted_by = frozenset(found[1] for found in map(_WANTED_BY.match, rest) if found)
    return Pinned(found[1], found[2], found[3], wanted_by, block.rstrip())
