"""Which shards a version gets: those of earlier versions that can stay as they are, and new ones for the rest.

A version grows by files, as a log-structured table does: nothing that is there already is written again. So that
many small steps do not leave many small files, only the largest few of them stay.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowerops.datasets.history import EarlierShard
from flowerops.datasets.shards import ROWS_PER_SHARD, shard_name
from flowerops.domain.dataset import SPLITS, ProcessedImage, Split

_SMALL = ROWS_PER_SHARD // 2
_MOST_SMALL = 8


@dataclass(frozen=True)
class KeptShard:
    """A shard that stays: where it lies, and its name in the new version."""

    name: str
    shard: EarlierShard


@dataclass(frozen=True)
class NewShard:
    """A shard to write: its name, and its rows sorted by SHA-256."""

    name: str
    rows: list[ProcessedImage]


@dataclass(frozen=True)
class Layout:
    """Every row of a version is in one of these."""

    kept: list[KeptShard]
    new: list[NewShard]


def plan_layout(rows: Sequence[ProcessedImage], earlier: Sequence[EarlierShard], labels: Sequence[str]) -> Layout:
    """Plan the files of a version.

    Args:
        rows: All its rows.
        earlier: Shards of earlier versions with squares of the same kind.
        labels: Its classes, sorted.
    """
    left = {row.sha256: row for row in rows}
    staying: dict[Split, list[EarlierShard]] = defaultdict(list)
    small: dict[Split, int] = defaultdict(int)
    for shard in sorted(earlier, key=lambda shard: -shard.info.images):
        is_small = shard.info.images < _SMALL
        if not _stays(shard, left, labels) or (is_small and small[shard.split] == _MOST_SMALL):
            continue
        small[shard.split] += is_small
        staying[shard.split].append(shard)
        for sha256 in shard.facts:
            del left[sha256]
    layout = Layout([], [])
    for split in SPLITS:
        rest = sorted((row for row in left.values() if row.split == split), key=lambda row: row.sha256)
        parts = [rest[start : start + ROWS_PER_SHARD] for start in range(0, len(rest), ROWS_PER_SHARD)]
        count = len(staying[split]) + len(parts)
        layout.kept.extend(
            KeptShard(shard_name(split, number, count), shard) for number, shard in enumerate(staying[split])
        )
        layout.new.extend(
            NewShard(shard_name(split, number, count), part) for number, part in enumerate(parts, len(staying[split]))
        )
    return layout


def _stays(shard: EarlierShard, rows: Mapping[str, ProcessedImage], labels: Sequence[str]) -> bool:
    """Whether every row of a shard is still wanted just so; the file says which classes there are, too."""
    if shard.labels != list(labels):
        return False
    found = ((rows.get(sha256), label) for sha256, label in shard.label_of.items())
    return all(row is not None and (row.split, row.label) == (shard.split, label) for row, label in found)


def keep(shard: Path, target: Path) -> None:
    """Give a shard of the store a second name, or copy it where the file system cannot; shards never change."""
    with contextlib.suppress(OSError):
        os.link(shard, target)
        return
    shutil.copyfile(shard, target)
