"""How a model does on parts of the test images: small photos, one source folder, one group."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from flowerops.domain.evaluation import SliceScores
from flowerops.domain.significance import wilson_interval

_BANDS = 4
_MOST_NAMES = 40
"""Of a kind: the slices with the most images are kept; a group an image would be no slice."""
By = Literal["size", "folder", "group"]


@dataclass(frozen=True)
class Answer:
    """One test image: its path in the dataset, the upright original's size in pixels, what it is and was called."""

    path: str
    width: int
    height: int
    true: str
    predicted: str


def slice_scores(answers: Sequence[Answer], side: int, group_by: str | None = None) -> list[SliceScores]:
    """Score the parts; a way of dividing that puts all images into one part is left out.

    Args:
        answers: All test images.
        side: Of the model's input in pixels: photos fall into bands by how much they were enlarged or shrunk for it.
        group_by: Regular expression over paths; images for which it finds the same text are a group.
    """
    pattern = re.compile(group_by) if group_by else None
    ways: list[tuple[By, Callable[[Answer], str | None]]] = [
        ("size", lambda answer: size_band(answer.width, answer.height, side)),
        ("folder", lambda answer: _folder(answer) or "."),
        ("group", lambda answer: source_of(answer.path, pattern)),
    ]
    return [found for by, name_of in ways for found in _divide(answers, by, name_of)]


def size_band(width: int, height: int, side: int) -> str:
    """The band of a photo by its longer side: below the model's input, and twice as large each."""
    edges = [side * 2**power for power in range(_BANDS - 1)]
    longer = max(width, height)
    for lower, upper in zip([0, *edges], edges, strict=False):
        if longer < upper:
            return f"{lower} to {upper - 1} px" if lower else f"below {upper} px"
    return f"{edges[-1]} px and more"


def source_of(path: str, pattern: re.Pattern[str] | None) -> str | None:
    """What the pattern finds in a path: its first group, or all of it; None where it finds nothing."""
    found = pattern.search(path) if pattern else None
    if found is None:
        return None
    return str(found.group(1) if found.re.groups else found.group(0))


def _folder(answer: Answer) -> str:
    """The folder a photo lay in, below its class folder."""
    parts = PurePosixPath(answer.path).parts[:-1]
    return "/".join(parts[1:] if parts[:1] == (answer.true,) else parts)


def _divide(answers: Sequence[Answer], by: By, name_of: Callable[[Answer], str | None]) -> Iterator[SliceScores]:
    parts: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        name = name_of(answer)
        if name is not None:
            parts[name].append(answer)
    if len(parts) < 2 and (not parts or len(next(iter(parts.values()))) == len(answers)):
        return
    most = sorted(parts, key=lambda name: (-len(parts[name]), name))[:_MOST_NAMES]
    right = sum(answer.true == answer.predicted for answer in answers)
    for name in sorted(most, key=_natural):
        yield _scored(by, name, parts[name], len(answers), right)


def _scored(by: By, name: str, part: Sequence[Answer], n: int, right: int) -> SliceScores:
    mine = sum(answer.true == answer.predicted for answer in part)
    interval = wilson_interval(mine, len(part))
    return SliceScores(
        by=by,
        name=name,
        n=len(part),
        accuracy=mine / len(part),
        ci95=interval,
        macro_f1=_macro_f1(part),
        weak=interval[1] < wilson_interval(right - mine, n - len(part))[0],
    )


def _macro_f1(part: Sequence[Answer]) -> float:
    support = Counter(answer.true for answer in part)
    said = Counter(answer.predicted for answer in part)
    hits = Counter(answer.true for answer in part if answer.true == answer.predicted)
    return sum(2 * hits[label] / (support[label] + said[label]) for label in support) / len(support)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts "9 px" before "10 px", and "below" before both."""
    pieces = re.split(r"(\d+)", name.replace("below ", "0 "))
    return [(0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces if piece]
