"""Find photos that are copies of one another although their bytes differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from flowerops.domain.dataset import PhotoFacts, ProcessedImage

MAX_DISTANCE = 11
"""Two hashes of 128 bits that differ in at most this many bits may be copies. Measured on 400 photos and six copies of
each (re-encoded, halved, enlarged, mirrored and turned by EXIF, PNG): copies differ in 10 bits at most, different
photos in 23 at least."""
MAX_COLOUR_DISTANCE = 12
"""… when their average colours differ by at most this much a channel (0..255); copies by 9 at most."""
_BITS = 128
_BANDS = MAX_DISTANCE + 1
_MIN_DETAIL = 8
"""Hashes with fewer set (or unset) bits than this come from nearly flat images and say nothing."""
_NEIGHBOURS = 256
"""Photos that one is compared with at most in each order. Only sets with long runs of very similar hashes, as of things
on one plain background, have more that share a band; their copies stand side by side all the same."""

Places = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint8]


def near_duplicates(photos: Sequence[PhotoFacts | ProcessedImage]) -> list[tuple[int, int]]:
    """Index pairs (i < j) of near-duplicates, sorted.

    Two hashes within 11 bits agree on at least one of twelve bands of bits (pigeonhole), so the hashes are sorted
    twelve times, each time beginning with another band, and compared with those that follow and share that band: about
    linear in the number of photos rather than all pairs.
    Source: G. Manku, A. Jain and A. Das Sarma, "Detecting Near-Duplicates for Web Crawling" (2007).
    """
    hashes = np.frombuffer(b"".join(int(photo.dhash, 16).to_bytes(_BITS // 8, "big") for photo in photos), np.uint8)
    hashes = hashes.reshape(-1, _BITS // 8)
    colours = np.frombuffer(bytes.fromhex("".join(photo.mean_rgb for photo in photos)), np.uint8).reshape(-1, 3)
    detail = np.bitwise_count(hashes).sum(axis=1, dtype=np.int64)
    telling = np.flatnonzero((detail >= _MIN_DETAIL) & (detail <= _BITS - _MIN_DETAIL))
    bits = np.unpackbits(hashes[telling], axis=1)
    pairs: set[tuple[int, int]] = set()
    for band in np.array_split(np.arange(_BITS), _BANDS):
        for one, other in _sharing(telling, np.roll(bits, -int(band[0]), axis=1), len(band)):
            close = _close(hashes, colours, one, other)
            pairs.update(zip(*(found.tolist() for found in _sorted(one[close], other[close])), strict=True))
    return sorted(pairs)


def _sharing(photos: Places, bits: Bits, width: int) -> Iterator[tuple[Places, Places]]:
    """Pairs of photos whose first `width` bits agree: neighbours in the order of the bits, then those two apart …"""
    words = np.packbits(bits, axis=1).view(">u8").astype(np.uint64)
    order = np.lexsort((words[:, 1], words[:, 0]))
    photos, bands = photos[order], words[order, 0] >> np.uint64(64 - width)
    for apart in range(1, min(len(bands), _NEIGHBOURS + 1)):
        same = bands[apart:] == bands[:-apart]
        if not same.any():
            return
        yield photos[:-apart][same], photos[apart:][same]


def _sorted(one: Places, other: Places) -> tuple[Places, Places]:
    return np.minimum(one, other), np.maximum(one, other)


def _close(hashes: Bits, colours: Bits, one: Places, other: Places) -> npt.NDArray[np.bool_]:
    bits = np.bitwise_count(hashes[one] ^ hashes[other]).sum(axis=1, dtype=np.int64)
    apart = np.abs(colours[one].astype(np.int16) - colours[other].astype(np.int16)).max(axis=1)
    close: npt.NDArray[np.bool_] = (bits <= MAX_DISTANCE) & (apart <= MAX_COLOUR_DISTANCE)
    return close
