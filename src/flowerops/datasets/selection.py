"""Which of the files received are used: one of each content, and none whose bytes lie under several classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from flowerops.domain.dataset import Quarantined, RawFile
from flowerops.domain.hygiene_reasons import CONFLICT, COPY


@dataclass(frozen=True)
class Selection:
    """photos: one a content, in the order of their SHA-256, so that neither names nor listing matter.

    duplicates: further copies in the same class. conflicts: files of contents that lie under several classes.
    """

    photos: list[RawFile]
    duplicates: list[Quarantined]
    conflicts: list[Quarantined]


def distinct_photos(rows: Sequence[RawFile]) -> Selection:
    """Choose from a raw version's rows, which are sorted by class and path."""
    by_content: dict[str, list[RawFile]] = defaultdict(list)
    for row in rows:
        by_content[row.sha256].append(row)
    chosen = Selection([], [], [])
    for _, same in sorted(by_content.items()):
        if len(same) > 1 and len({row.label for row in same}) > 1:
            chosen.conflicts.extend(
                Quarantined(path=row.path, reason=f"{CONFLICT}: {_others(row, same)}") for row in same
            )
            continue
        chosen.photos.append(same[0])
        chosen.duplicates.extend(Quarantined(path=row.path, reason=f"{COPY} {same[0].path}") for row in same[1:])
    return chosen


def _others(row: RawFile, same: Sequence[RawFile]) -> str:
    return ", ".join(other.path for other in same if other.label != row.label)
