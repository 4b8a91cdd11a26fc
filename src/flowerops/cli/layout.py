"""How text fits on a screen: words that wrap, tables that become records, short sizes, times and paths."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from flowerops.cli.lines import spelled_out

GAP = 2
"""Blanks between two columns."""
HARD_BLANK = "\N{NO-BREAK SPACE}"
"""A blank at which no line is broken; the console shows an ordinary one."""
_COMMAND = re.compile(r"(?<=: )flowerops [^;,]*")
_LEAST_PROSE = 24
"""A column narrower than this is hard to read when its text wraps."""
_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


class Verbatim(str):
    """Text to copy, such as a command: never broken into lines."""

    __slots__ = ()


def flowed(text: str, width: int | None, indent: int = 0) -> list[str]:
    """Lines of at most `width` characters, broken between words; those after the first are indented.

    Args:
        text: What is to be said.
        width: Of the screen; None where there is no screen, and then there is one line.
        indent: Characters that stand before the first line already, and blanks before the others.
    """
    plain = spelled_out(text)
    room = (width or 0) - indent
    if room < _LEAST_PROSE or isinstance(text, Verbatim) or len(plain) <= room:
        return [plain]
    whole = _COMMAND.sub(lambda found: found[0].replace(" ", HARD_BLANK), plain)
    lines = textwrap.wrap(whole, room, break_long_words=False, break_on_hyphens=False)
    return [lines[0], *(" " * indent + line for line in lines[1:])] if lines else [plain]


def columns_that_fit(
    widths: Sequence[int], prose: Sequence[bool], screen: int
) -> list[int] | Literal["natural", "records"]:
    """How wide a table's columns become: each as it is, one of them narrower, or no table at all.

    Args:
        widths: Of each column's widest cell.
        prose: Which columns have words that may wrap.
        screen: Its width.
    """
    left = screen - sum(widths) - GAP * (len(widths) - 1)
    if left >= 0:
        return "natural"
    widest = max(range(len(widths)), key=lambda column: (prose[column], widths[column]))
    room = widths[widest] + left
    if not prose[widest] or room < _LEAST_PROSE:
        return "records"
    return [room if column == widest else width for column, width in enumerate(widths)]


def short_path(path: str | Path) -> Verbatim:
    """A path as somebody in this folder would type it: relative to it where it lies below it."""
    try:
        return Verbatim(Path(path).relative_to(Path.cwd()))
    except (OSError, ValueError):  # elsewhere, or this folder was removed
        return Verbatim(path)


def size(count: float) -> str:
    """A number of bytes for people: 812 bytes, 4.1 kB, 28.2 MB."""
    for unit, factor in _UNITS:
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count:,.0f} bytes"


def minute(moment: str) -> str:
    """An ISO 8601 time in UTC for a column that says so: 2026-11-28 14:16."""
    return moment[:16].replace("T", " ")


def counted(count: int, noun: str) -> str:
    """1 photo, 2 photos."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
