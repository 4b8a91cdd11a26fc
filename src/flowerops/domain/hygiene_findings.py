"""Compute what is odd about a dataset version from its rows, its manifests and the pairs of near-duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from flowerops.domain.dataset import SPLITS, ProcessedImage, Quarantined, VersionManifest
from flowerops.domain.groups import joined
from flowerops.domain.hygiene import (
    ELONGATED_RATIO,
    FEW_IMAGES,
    MAX_ENLARGEMENT,
    MAX_LISTED,
    TINY_SIDE,
    FewImages,
    FileGroups,
    Hygiene,
    Imbalance,
    LeftOut,
    PhotoGroups,
    PhotoRef,
    Photos,
    elongation,
    enlargement,
)
from flowerops.domain.hygiene_reasons import conflicts_of, copies_of, reason_kind, straddling_of


def examine(
    rows: Sequence[ProcessedImage],
    manifest: VersionManifest,
    raw: VersionManifest | None,
    twins: Iterable[tuple[int, int]],
) -> Hygiene:
    """Compute the document of a processed version.

    Args:
        rows: The version's rows.
        manifest: The version's manifest.
        raw: The manifest of the raw version it was made from, when known; it lists the files that were skipped.
        twins: Index pairs of near-duplicates among the rows.
    """
    split_classes = _split_classes(rows)
    classes = {label: sum(part[label] for part in split_classes.values()) for label in split_classes["train"]}
    size, fit = int(manifest.params["image_size"]), str(manifest.params["fit"])
    groups = [[rows[index] for index in group] for group in joined(twins)]
    return Hygiene(
        images=len(rows),
        image_size=size,
        fit=fit,
        classes=classes,
        split_classes=split_classes,
        imbalance=_imbalance(classes),
        few_images=_few_images(split_classes),
        conflicts=_file_groups(conflicts_of(manifest.quarantined)),
        suspicious_labels=_photo_groups(group for group in groups if len({row.label for row in group}) > 1),
        across_splits=_photo_groups(group for group in groups if len({row.split for row in group}) > 1),
        near_duplicates=_photo_groups(groups),
        duplicates=_file_groups(copies_of(manifest.duplicates)),
        straddling=_file_groups(straddling_of(manifest.quarantined)),
        quarantined=_left_out(manifest.quarantined),
        skipped=_left_out(raw.skipped if raw else []),
        tiny=_photos(rows, lambda row: min(row.width, row.height), lambda side: side < TINY_SIDE),
        enlarged=_photos(rows, lambda row: -enlargement(row, size, fit), lambda less: -less > MAX_ENLARGEMENT),
        elongated=_photos(rows, lambda row: -elongation(row), lambda less: -less >= ELONGATED_RATIO),
    )


def _split_classes(rows: Sequence[ProcessedImage]) -> dict[str, dict[str, int]]:
    counted = Counter((row.split, row.label) for row in rows)
    labels = sorted({label for _, label in counted})
    return {split: {label: counted[split, label] for label in labels} for split in SPLITS}


def _imbalance(classes: Mapping[str, int]) -> Imbalance | None:
    if len(classes) < 2:
        return None
    largest, smallest = max(classes, key=lambda label: classes[label]), min(classes, key=lambda label: classes[label])
    return Imbalance(largest=largest, smallest=smallest, ratio=round(classes[largest] / classes[smallest], 2))


def _few_images(split_classes: Mapping[str, Mapping[str, int]]) -> list[FewImages]:
    return [
        FewImages(label=label, split=split, images=count)
        for split in SPLITS
        for label, count in split_classes[split].items()
        if count < FEW_IMAGES
    ]


def _ref(row: ProcessedImage) -> PhotoRef:
    return PhotoRef(
        path=row.path, label=row.label, split=row.split, sha256=row.sha256, width=row.width, height=row.height
    )


def _photos(
    rows: Sequence[ProcessedImage], measure: Callable[[ProcessedImage], float], is_odd: Callable[[float], bool]
) -> Photos:
    """The rows whose measure is odd, the smallest measure first."""
    found = sorted((value, row.path, row) for row in rows if is_odd(value := measure(row)))
    return Photos(count=len(found), items=[_ref(row) for _, _, row in found[:MAX_LISTED]])


def _photo_groups(groups: Iterable[list[ProcessedImage]]) -> PhotoGroups:
    found = sorted(groups, key=lambda group: (-len(group), group[0].path))
    listed = [[_ref(row) for row in _varied(group)[:MAX_LISTED]] for group in found[:MAX_LISTED]]
    return PhotoGroups(count=len(found), photos=sum(map(len, found)), items=listed)


def _varied(group: Sequence[ProcessedImage]) -> list[ProcessedImage]:
    """A group with one photo of each label and split in front, so that whoever reads its beginning sees the quarrel."""
    seen: Counter[tuple[str, str]] = Counter()
    turns = []
    for place, row in enumerate(group):
        turns.append((seen[row.label, row.split], place, row))
        seen[row.label, row.split] += 1
    return [row for _, _, row in sorted(turns, key=lambda turn: turn[:2])]


def _file_groups(groups: list[list[str]]) -> FileGroups:
    found = sorted(groups, key=lambda group: (-len(group), group))
    return FileGroups(count=len(found), files=sum(map(len, found)), items=found[:MAX_LISTED])


def _left_out(entries: Sequence[Quarantined]) -> LeftOut:
    counted = Counter(reason_kind(entry.reason) for entry in entries)
    reasons = dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
    return LeftOut(count=len(entries), reasons=reasons, items=list(entries[:MAX_LISTED]))
