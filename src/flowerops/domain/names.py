"""Names and versions as people type them: `flowers`, `flowers:3`, `flower_classifier:latest`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from flowerops.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_ESCAPES = ("..", "%")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Selector:
    """A name with the wanted version number (1, 2, 3 …), or None for the latest."""

    name: str
    version: int | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}:{self.version}"


def valid_name(name: str, what: str) -> str:
    """Give the name back when it may be used for a folder, a tag and a cloud asset.

    Raises:
        UsageError: Anything but letters, digits, `_`, `-`, `.` (63 at most), or a path in disguise.
    """
    if not _NAME.fullmatch(name) or any(escape in name for escape in _ESCAPES):
        raise UsageError(
            f"{what} name {name!r} is not allowed",
            "Use letters, digits, '_', '-' and '.', beginning with a letter or digit.",
        )
    return name


def parse_selector(text: str, what: str) -> Selector:
    """Read `NAME`, `NAME:latest` or `NAME:NUMBER`.

    Raises:
        UsageError: The name or the version is malformed.
    """
    name, colon, version = text.partition(":")
    valid_name(name, what)
    if not colon or version == "latest":
        return Selector(name)
    if not _NUMBER.fullmatch(version) or int(version) < 1:
        raise UsageError(f"{what} version {version!r} is not a number", f"Write {name}:1, or {name} for the latest.")
    return Selector(name, int(version))


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: the nearest one, else all there are, else that there is none."""
    choices = sorted(known)
    near = difflib.get_close_matches(wrong, choices, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {near[0]!r}?"
    verb = "is" if len(choices) == 1 else "are"
    return f"There {verb} {', '.join(choices[:12])}." if choices else "There is none yet."
