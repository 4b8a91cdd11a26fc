"""Which photos of each class a contact sheet shows."""

from __future__ import annotations

from collections.abc import Sequence

from flowerops.domain.dataset import SPLITS, ProcessedImage

_MOST_PER_CLASS, _LEAST_PER_CLASS, _ABOUT_IN_ALL = 40, 2, 200


def default_per_class(classes: int) -> int:
    """Photos on a contact sheet, so that a page of any number of classes can still be opened."""
    return max(_LEAST_PER_CLASS, min(_MOST_PER_CLASS, _ABOUT_IN_ALL // max(1, classes)))


def contact_sheets(rows: Sequence[ProcessedImage], per_class: int) -> dict[str, list[ProcessedImage]]:
    """Choose the photos of each class: from every split in proportion, by smallest hash, so at random but repeatably.

    Neighbours by hash are neighbours in the shards too, so that few of their row groups have to be read.
    """
    by_class: dict[str, dict[str, list[ProcessedImage]]] = {}
    for row in sorted(rows, key=lambda row: row.sha256):
        by_class.setdefault(row.label, {split: [] for split in SPLITS})[row.split].append(row)
    sheets = {}
    for label, parts in sorted(by_class.items()):
        shares = _shares([len(part) for part in parts.values()], per_class)
        sheets[label] = [row for part, share in zip(parts.values(), shares, strict=True) for row in part[:share]]
    return sheets


def _shares(counts: Sequence[int], wanted: int) -> list[int]:
    """Divide `wanted` in proportion to counts (largest remainders), with one for each that is not empty if it goes."""
    total = sum(counts)
    if total <= wanted:
        return list(counts)
    exact = [wanted * count / total for count in counts]
    least = [1 if count and wanted >= len(counts) else 0 for count in counts]
    shares = [max(int(share), few) for share, few in zip(exact, least, strict=True)]
    places = range(len(counts))
    while sum(shares) < wanted:
        shares[max(places, key=lambda place: exact[place] - shares[place])] += 1
    while sum(shares) > wanted:
        spare = [place for place in places if shares[place] > least[place]]
        shares[max(spare, key=lambda place: shares[place] - exact[place])] -= 1
    return shares
