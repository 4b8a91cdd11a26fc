"""Find photos that are copies of one another although their bytes differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from flowerops.images import Fingerprint

MAX_DISTANCE = 3
"""Two hashes of 64 bits that differ in at most this many bits may be copies."""
MAX_COLOUR_DISTANCE = 8
"""… when their average colours differ by at most this much a channel (0..255)."""
_BAND_BITS = 16
_BANDS = 64 // _BAND_BITS
_MIN_DETAIL = 4
"""Hashes with fewer set (or unset) bits than this come from nearly flat images and say nothing."""


def near_duplicates(prints: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """Index pairs (i < j) of near-duplicates, sorted.

    Two 64-bit hashes within 3 bits agree on at least one of four 16-bit bands (pigeonhole), so only hashes that share
    a band are compared: about linear in the number of photos rather than all pairs.
    """
    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, print_ in enumerate(prints):
        if _MIN_DETAIL <= print_.dhash.bit_count() <= 64 - _MIN_DETAIL:
            for band in range(_BANDS):
                buckets[band, print_.dhash >> (band * _BAND_BITS) & 0xFFFF].append(index)
    return sorted({pair for bucket in buckets.values() for pair in _close_pairs(bucket, prints)})


def _close_pairs(bucket: list[int], prints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    for one, other in combinations(bucket, 2):
        if (prints[one].dhash ^ prints[other].dhash).bit_count() <= MAX_DISTANCE and _same_colour(
            prints[one].mean_rgb, prints[other].mean_rgb
        ):
            yield one, other


def _same_colour(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return all(abs(a - b) <= MAX_COLOUR_DISTANCE for a, b in zip(one, other, strict=True))
