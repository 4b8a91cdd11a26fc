"""Features, and what computes them, that no processed version in a home can use any more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from flowerops.images import DECODER_VERSION
from flowerops.io.discard import size_of
from flowerops.ml.engines import converted_folder
from flowerops.ml.feature_segments import KEY, Keys, Segment, open_segment, segment_paths, write_segment
from flowerops.ml.feature_space import FeatureSpace, spaces_in
from flowerops.targets.protocol import Garbage

_FORMER = re.compile(r"[0-9a-f]{64}\.npy")
"""Segments of version 0.1, which nobody reads any more."""

_REWRITTEN_FROM = 0.5
"""From this share of needless images on a segment is written again without them."""


@dataclass
class Wanted:
    """What the processed versions have. keys: SHA-256 of images. geometries: image_size and fit."""

    keys: set[str] = field(default_factory=set)
    geometries: set[tuple[int, str]] = field(default_factory=set)


def unused_features(cache: Path, wanted: Wanted) -> Iterator[Garbage]:
    """Everything of the cache that is of no use; ask only while nobody writes.

    Files of another kind are none of our business.
    """
    keys = np.sort(np.array([key.encode() for key in wanted.keys], KEY))
    backbones: set[str] = set()
    undescribed = False
    for folder, space in spaces_in(cache):
        if space is not None and not _is_wanted(space, wanted):
            yield _garbage(folder, f"features of squares ({space.image_size} px, {space.fit}) that no version has")
            continue
        undescribed |= space is None
        backbones |= {space.backbone[:32]} if space else set()
        yield from _of_space(folder, keys)
    if not undescribed:
        yield from _converted(cache, backbones)


def _is_wanted(space: FeatureSpace, wanted: Wanted) -> bool:
    return (space.image_size, space.fit) in wanted.geometries and space.decoder == DECODER_VERSION


def _of_space(folder: Path, keys: Keys) -> Iterator[Garbage]:
    for path in sorted(folder.glob("*.npy")):
        if _FORMER.fullmatch(path.name):
            yield _garbage(path, "features in a form that is not read any more")
    for path in segment_paths(folder):
        segment = open_segment(path)
        if segment is None:
            yield _garbage(path, "features that are damaged")
            continue
        used = np.isin(segment.keys, keys, assume_unique=True)
        if not used.any():
            yield _garbage(path, "features of images that no version has")
        elif used.mean() <= 1 - _REWRITTEN_FROM:
            size = round(path.stat().st_size * (1 - used.mean()))
            why = f"features of {int((~used).sum()):,} images that no version has, among {int(used.sum()):,} others"
            yield Garbage("cache", path, size, why, partial(_write_rest, segment, used))


def _write_rest(segment: Segment, used: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> None:
    """Publish the images that are still wanted, and whole, as a segment of their own."""
    rows = [int(row) for row in np.flatnonzero(used) if segment.is_whole(int(row))]
    if rows:
        write_segment(segment.path.parent, segment.keys[rows], segment.features[rows])


def _converted(cache: Path, backbones: set[str]) -> Iterator[Garbage]:
    for folder in sorted(converted_folder(cache).glob("*")):
        if folder.is_dir() and len(folder.name) == 32 and folder.name not in backbones:
            yield _garbage(folder, "a converted backbone without features")


def _garbage(path: Path, why: str) -> Garbage:
    return Garbage("cache", path, size_of(path), why)
