"""Find photos that are copies of one another although their bytes differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from flowerops.domain.dataset import PhotoFacts, ProcessedImage

MAX_DISTANCE = 3
"""Two hashes of 64 bits that differ in at most this many bits may be copies."""
MAX_COLOUR_DISTANCE = 8
"""… when their average colours differ by at most this much a channel (0..255)."""
_BANDS = 4
_BAND_BITS = 16
_MIN_DETAIL = 4
"""Hashes with fewer set (or unset) bits than this come from nearly flat images and say nothing."""

Places = npt.NDArray[np.int64]


def near_duplicates(photos: Sequence[PhotoFacts | ProcessedImage]) -> list[tuple[int, int]]:
    """Index pairs (i < j) of near-duplicates, sorted.

    Two 64-bit hashes within 3 bits agree on at least one of four 16-bit bands (pigeonhole), so only hashes that share
    a band are compared: about linear in the number of photos rather than all pairs.
    """
    hashes = np.array([int(photo.dhash, 16) for photo in photos], np.uint64)
    colours = np.frombuffer(bytes.fromhex("".join(photo.mean_rgb for photo in photos)), np.uint8).reshape(-1, 3)
    detail = np.bitwise_count(hashes)
    telling = np.flatnonzero((detail >= _MIN_DETAIL) & (detail <= 64 - _MIN_DETAIL))
    found = [np.empty((0, 2), np.int64)]
    for band in range(_BANDS):
        values = (hashes[telling] >> np.uint64(band * _BAND_BITS)) & np.uint64(0xFFFF)
        for one, other in _sharing(telling, values):
            close = _close(hashes, colours, one, other)
            found.append(np.sort(np.stack([one[close], other[close]], axis=1), axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return [(one, other) for one, other in pairs.tolist()]


def _sharing(photos: Places, values: npt.NDArray[np.uint64]) -> Iterator[tuple[Places, Places]]:
    """All pairs of photos with equal values: neighbours in the sorted order, then those two apart, and so on."""
    order = np.argsort(values, kind="stable")
    photos, values = photos[order], values[order]
    for apart in range(1, len(values)):
        same = values[apart:] == values[:-apart]
        if not same.any():
            return
        yield photos[:-apart][same], photos[apart:][same]


def _close(
    hashes: npt.NDArray[np.uint64], colours: npt.NDArray[np.uint8], one: Places, other: Places
) -> npt.NDArray[np.bool_]:
    bits = np.bitwise_count(hashes[one] ^ hashes[other])
    apart = np.abs(colours[one].astype(np.int16) - colours[other].astype(np.int16)).max(axis=1)
    close: npt.NDArray[np.bool_] = (bits <= MAX_DISTANCE) & (apart <= MAX_COLOUR_DISTANCE)
    return close
