"""Divide photos into train, val and test by their content, the same way for ever."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowerops.domain.dataset import SPLITS, Split
from flowerops.errors import BadInputError
from flowerops.io.hashing import sha256_bytes

SPLITTER_VERSION = 2
"""Goes up whenever the same photos would be divided otherwise."""


@dataclass(frozen=True)
class Photo:
    """What decides about a photo's split: its bytes' SHA-256, its class, and where it came from, if that counts.

    source: photos with the same one (a photographer, a part number, a day) stay together.
    """

    sha256: str
    label: str
    source: str | None = None

    @property
    def key(self) -> str:
        """64 hex digits that decide about a group's split: of the source when there is one, else of the bytes."""
        return self.sha256 if self.source is None else sha256_bytes(self.source.encode())


@dataclass(frozen=True)
class Division:
    """splits: one a photo, in their order. straddling: photos to leave out, as (photo, its twin in another split)."""

    splits: list[Split]
    straddling: list[tuple[int, int]]


def divide(
    photos: Sequence[Photo],
    twins: Iterable[tuple[int, int]],
    val_share: float,
    test_share: float,
    known: Mapping[str, Split],
) -> Division:
    """Give every photo a split.

    Photos joined by `twins` (near-duplicates) or of one source form a group and stay together. A group keeps the split
    that one of its photos had in an earlier version; else its smallest key decides: the key's SHA-256, read as a number
    in 0..1, means test below `test_share`, val below `test_share + val_share`, else train. A class that would lack a
    split gets the new group nearest to it. So neither order nor growth moves a photo.

    Args:
        photos: Distinct photos.
        twins: Index pairs of near-duplicates.
        val_share: Share of val, 0..1.
        test_share: Share of test, 0..1.
        known: Splits of earlier versions, by SHA-256.

    Raises:
        BadInputError: A class has too few distinct photos to be in every split.
    """
    together = [*twins, *_same_source(photos)]
    pairs = sorted({_by_sha256(pair, photos) for pair in together}, key=lambda pair: [photos[i].sha256 for i in pair])
    groups = _Groups(photos, known)
    for one, other in pairs:
        groups.join(one, other)
    splits = {
        root: groups.known.get(root) or _by_content(groups.key[root], val_share, test_share) for root in groups.roots()
    }
    straddling = _straddling(photos, pairs, [splits[groups.root(index)] for index in range(len(photos))], known)
    _fill_gaps(photos, set(range(len(photos))) - set(straddling), groups, splits)
    return Division([splits[groups.root(index)] for index in range(len(photos))], sorted(straddling.items()))


def _same_source(photos: Sequence[Photo]) -> Iterator[tuple[int, int]]:
    """Each photo with the one before it of the same source."""
    last: dict[str, int] = {}
    for index in sorted(range(len(photos)), key=lambda index: photos[index].sha256):
        source = photos[index].source
        if source is not None:
            if source in last:
                yield last[source], index
            last[source] = index


def _by_sha256(pair: tuple[int, int], photos: Sequence[Photo]) -> tuple[int, int]:
    one, other = pair
    return pair if photos[one].sha256 < photos[other].sha256 else (other, one)


def _place(key: str) -> float:
    """Where a group lies in 0..1. The smallest key of a large group is a small number, so it is hashed once more."""
    return int(sha256_bytes(key.encode())[:13], 16) / 16**13


def _by_content(key: str, val_share: float, test_share: float) -> Split:
    place = _place(key)
    if place < test_share:
        return "test"
    return "val" if place < test_share + val_share else "train"


class _Groups:
    """Union-find over photos; `key` and `known` are kept at each group's root."""

    def __init__(self, photos: Sequence[Photo], known: Mapping[str, Split]) -> None:
        self._parent = list(range(len(photos)))
        self.key = {index: photo.key for index, photo in enumerate(photos)}
        self.known = {index: known[photo.sha256] for index, photo in enumerate(photos) if photo.sha256 in known}

    def root(self, index: int) -> int:
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index

    def roots(self) -> list[int]:
        return [index for index, parent in enumerate(self._parent) if index == parent]

    def join(self, one: int, other: int) -> None:
        """Unite two groups, unless earlier versions put them into different splits."""
        first, second = sorted((self.root(one), self.root(other)))
        splits = {self.known[root] for root in (first, second) if root in self.known}
        if first == second or len(splits) > 1:
            return
        self._parent[second] = first
        self.key[first] = min(self.key[first], self.key[second])
        if splits:
            self.known[first] = splits.pop()


def _fill_gaps(photos: Sequence[Photo], kept: set[int], groups: _Groups, splits: dict[int, Split]) -> None:
    """Move new groups until every class is in every split; no move takes the last group of a class out of a split."""
    classes = _Classes(photos, kept, groups, splits)
    for label, roots in sorted(classes.roots.items()):
        if len(roots) < len(SPLITS):
            raise BadInputError(
                f"class {label!r} has {len(roots)} distinct photo{'s' * (len(roots) != 1)}; "
                "train, val and test need one each",
                "Add photos to the class, or leave it out.",
            )
        movable = sorted(
            (root for root in roots if root not in groups.known), key=lambda root: _place(groups.key[root])
        )
        for wanted in ("test", "val", "train"):
            if not classes.count[label, wanted]:
                _fill_gap(label, wanted, movable if wanted != "train" else movable[::-1], classes, splits)


def _fill_gap(label: str, wanted: Split, movable: list[int], classes: _Classes, splits: dict[int, Split]) -> None:
    for root in movable:
        if classes.can_spare(root, splits[root]):
            classes.move(root, splits[root], wanted)
            splits[root] = wanted
            return
    raise BadInputError(
        f"class {label!r} has no photo for the {wanted} split: those it could spare are fixed by earlier versions "
        "or near-duplicates of other classes' photos",
        "Add new photos to the class, or begin anew under another name: --dataset NAME.",
    )


class _Classes:
    """roots: the groups of each class. count: groups by class and split. Near-duplicates may join classes."""

    def __init__(self, photos: Sequence[Photo], kept: set[int], groups: _Groups, splits: Mapping[int, Split]) -> None:
        self.roots: dict[str, set[int]] = {photo.label: set() for photo in photos}
        self._labels: dict[int, set[str]] = defaultdict(set)
        for index in kept:
            root = groups.root(index)
            self.roots[photos[index].label].add(root)
            self._labels[root].add(photos[index].label)
        self.count = Counter((label, splits[root]) for label, roots in self.roots.items() for root in roots)

    def can_spare(self, root: int, split: Split) -> bool:
        """Whether each class of a group has another one in its split."""
        return all(self.count[label, split] > 1 for label in self._labels[root])

    def move(self, root: int, old: Split, new: Split) -> None:
        """Count a group in its new split."""
        for label in self._labels[root]:
            self.count[label, old] -= 1
            self.count[label, new] += 1


def _straddling(
    photos: Sequence[Photo], pairs: list[tuple[int, int]], splits: list[Split], known: Mapping[str, Split]
) -> dict[int, int]:
    """Who is left out for which twin: of two in different splits the new one, else the one with the larger SHA-256."""
    found: dict[int, int] = {}
    for pair in pairs:
        older, newer = sorted(pair, key=lambda index: (photos[index].sha256 not in known, photos[index].sha256))
        if splits[older] != splits[newer] and older not in found:
            found.setdefault(newer, older)
    return found
