"""Which photos make a processed version, and in which split each of them is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from flowerops.datasets.duplicates import near_duplicates
from flowerops.datasets.split import Photo, divide
from flowerops.domain.dataset import PhotoFacts, ProcessedImage, Quarantined, RawFile, Split
from flowerops.domain.hygiene_reasons import STRADDLING, STRADDLING_END
from flowerops.domain.params import PreprocessParams
from flowerops.domain.slices import source_of
from flowerops.errors import BadInputError
from flowerops.steps.collecting import Usable


def check_bad_share(quarantined: Sequence[Quarantined], files: int, max_bad: float) -> None:
    """Refuse a version of which too much cannot be used.

    Args:
        quarantined: Files that cannot be used.
        files: How many there are in all.
        max_bad: The share of them (0..1) that may be quarantined.

    Raises:
        BadInputError: There are more.
    """
    # Rounded up, so that one bad photo in a small folder is no failure; but 0.07 * 100 is a little more than 7.
    allowed = math.ceil(round(files * max_bad, 6))
    if len(quarantined) > allowed:
        first = quarantined[0]
        raise BadInputError(
            f"{len(quarantined)} of {files} files cannot be used (allowed: {allowed}); the first: "
            f"{first.path}: {first.reason}",
            f"Mend or remove them, or allow more, e.g. --max-bad {min(100, -(-100 * len(quarantined) // files))}%.",
            {"quarantined": [entry.model_dump() for entry in quarantined]},
        )


def divided(
    usable: Sequence[Usable], known: Mapping[str, Split], params: PreprocessParams
) -> tuple[list[ProcessedImage], list[Quarantined]]:
    """Give every usable photo its split.

    Args:
        usable: Photos with their facts.
        known: Splits of earlier versions, by SHA-256.
        params: Shares of the splits, and what keeps photos together.

    Returns:
        Rows sorted by class and path, and the photos that are left out because they resemble one of another split.

    Raises:
        BadInputError: A class has too few photos to be in every split.
    """
    pattern = re.compile(params.group_by) if params.group_by else None
    photos = [Photo(row.sha256, row.label, source_of(row.path, pattern)) for row, _ in usable]
    twins = near_duplicates([facts for _, facts in usable])
    division = divide(photos, twins, params.val_share, params.test_share, known)
    left_out = dict(division.straddling)
    rows = [
        _row(*photo, split)
        for index, (photo, split) in enumerate(zip(usable, division.splits, strict=True))
        if index not in left_out
    ]
    straddling = [
        Quarantined(path=usable[index][0].path, reason=f"{STRADDLING} {usable[twin][0].path}{STRADDLING_END}")
        for index, twin in left_out.items()
    ]
    return sorted(rows, key=lambda row: (row.label, row.path)), straddling


def _row(file: RawFile, facts: PhotoFacts, split: Split) -> ProcessedImage:
    return ProcessedImage(
        dhash=facts.dhash,
        height=facts.height,
        label=file.label,
        mean_rgb=facts.mean_rgb,
        path=file.path,
        pixels_sha256=facts.pixels_sha256,
        sha256=file.sha256,
        split=split,
        width=facts.width,
    )


def check_classes(received: Mapping[str, int], rows: Sequence[ProcessedImage]) -> None:
    """Refuse a version that has lost a class: the photos of each as received, and the rows that are left.

    Raises:
        BadInputError: A class has no row.
    """
    empty = sorted(set(received) - {row.label for row in rows})
    if empty:
        raise BadInputError(f"class {empty[0]!r} has no usable photo left", "Add photos to it, or remove the class.")
