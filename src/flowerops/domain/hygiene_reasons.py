"""What the reasons for leaving photos out say: their kinds, and the groups of files that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowerops.domain.dataset import Quarantined
from flowerops.domain.groups import joined

CONFLICT = "same photo under another class"
COPY = "same bytes as"
STRADDLING = "nearly the same as"
STRADDLING_END = ", which is in another split"
"""How reasons begin, and how the last one ends; written by `datasets.selection` and `steps.dividing`."""


def reason_kind(reason: str) -> str:
    """What a reason says without the file's particulars, so that reasons can be counted."""
    if reason.startswith(STRADDLING):
        return "nearly the same as a photo in another split"
    if "pixels exceed the limit" in reason:
        return "too many pixels"
    return reason.partition(":")[0]


def copies_of(duplicates: Sequence[Quarantined]) -> list[list[str]]:
    """Each file in use with its copies, from reasons that read "same bytes as PATH"."""
    groups: dict[str, list[str]] = {}
    for entry in duplicates:
        kept = entry.reason.removeprefix(COPY).strip()
        groups.setdefault(kept, [kept]).append(entry.path)
    return list(groups.values())


def conflicts_of(quarantined: Sequence[Quarantined]) -> list[list[str]]:
    """Files with the same bytes and different labels, from reasons that read "… under another class: PATH, PATH"."""
    others = {
        entry.path: entry.reason.removeprefix(CONFLICT).removeprefix(": ")
        for entry in quarantined
        if entry.reason.startswith(CONFLICT)
    }
    paths = sorted(others)
    number = {path: index for index, path in enumerate(paths)}
    pairs = [(number[path], number[other]) for path in paths for other in _known_paths(others[path], number)]
    return [[paths[index] for index in group] for group in joined(pairs)]


def straddling_of(quarantined: Sequence[Quarantined]) -> list[list[str]]:
    """Each file left out with its twin, from reasons that read "nearly the same as PATH, which is in another split"."""
    return [
        [entry.path, entry.reason.removeprefix(STRADDLING).removesuffix(STRADDLING_END).strip()]
        for entry in quarantined
        if entry.reason.startswith(STRADDLING)
    ]


def _known_paths(listed: str, known: Mapping[str, int]) -> list[str]:
    """Take "PATH, PATH" apart; a path may itself hold ", "."""
    found, waiting = [], ""
    for piece in listed.split(", "):
        waiting = f"{waiting}, {piece}" if waiting else piece
        if waiting in known:
            found.append(waiting)
            waiting = ""
    return found
