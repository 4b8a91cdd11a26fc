"""What is odd about a dataset version: the document, and how it is computed from rows, manifests and pairs of twins."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from flowerops.domain.dataset import SPLITS, ProcessedImage, Quarantined, Split, VersionManifest
from flowerops.domain.documents import Document

HYGIENE_VERSION = 1
"""Goes up whenever the same version would give another document."""
MAX_LISTED = 500
"""A finding counts all of its photos but lists no more than this many, so that the document stays small."""
TINY_SIDE = 64
"""Photos with a shorter side below this many pixels hold little to learn from."""
MAX_ENLARGEMENT = 2.0
"""Photos scaled up more than this many times are mostly interpolated pixels."""
ELONGATED_RATIO = 3.0
"""Photos with sides in at least this ratio fill little of the square, or lose or distort most of their content."""
FEW_IMAGES = 5
"""Fewer images than this in a class's split say nothing reliable."""

CONFLICT = "same photo under another class"
COPY = "same bytes as"
STRADDLING = "nearly the same as"
_STRADDLING_END = ", which is in another split"
"""How the reasons of `steps.preprocess` begin."""


class PhotoRef(Document):
    """A photo that a finding speaks of; width and height are of the upright original, in pixels."""

    path: str
    label: str
    split: Split
    sha256: str
    width: int
    height: int


class Photos(Document):
    """A finding about single photos: how many, and the worst of them first."""

    count: int
    items: list[PhotoRef]


class PhotoGroups(Document):
    """A finding about groups of photos: how many groups, how many photos in them, and the largest groups first."""

    count: int
    photos: int
    items: list[list[PhotoRef]]


class FileGroups(Document):
    """Groups of files with the same bytes: how many groups, how many files in them, and their paths."""

    count: int
    files: int
    items: list[list[str]]


class LeftOut(Document):
    """Files that are not used: how many, how many for each kind of reason, and which."""

    count: int
    reasons: dict[str, int]
    items: list[Quarantined]


class Imbalance(Document):
    """The largest and the smallest class; ratio: images of the one for each image of the other."""

    largest: str
    smallest: str
    ratio: float


class FewImages(Document):
    """A class with few images in a split."""

    label: str
    split: Split
    images: int


class Hygiene(Document):
    """What is odd about a processed version, and what is in it.

    Findings count everything and list at most MAX_LISTED. near_duplicates: all groups; suspicious_labels: those of
    them with more than one label; across_splits: those with images in more than one split. duplicates: a group's first
    path is the one in use. conflicts: same bytes under different labels, none of them in use. straddling: a file left
    out, and the one in another split that it is nearly the same as. split_classes: images by split, then by label,
    zeros included.
    """

    hygiene_version: int = HYGIENE_VERSION
    images: int
    image_size: int
    fit: str
    classes: dict[str, int]
    split_classes: dict[str, dict[str, int]]
    imbalance: Imbalance | None
    few_images: list[FewImages]
    conflicts: FileGroups
    suspicious_labels: PhotoGroups
    across_splits: PhotoGroups
    near_duplicates: PhotoGroups
    duplicates: FileGroups
    straddling: FileGroups
    quarantined: LeftOut
    skipped: LeftOut
    tiny: Photos
    enlarged: Photos
    elongated: Photos


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
        conflicts=_file_groups(_conflicts(manifest.quarantined)),
        suspicious_labels=_photo_groups(group for group in groups if len({row.label for row in group}) > 1),
        across_splits=_photo_groups(group for group in groups if len({row.split for row in group}) > 1),
        near_duplicates=_photo_groups(groups),
        duplicates=_file_groups(_copies(manifest.duplicates)),
        straddling=_file_groups(_straddling(manifest.quarantined)),
        quarantined=_left_out(manifest.quarantined),
        skipped=_left_out(raw.skipped if raw else []),
        tiny=_photos(rows, lambda row: min(row.width, row.height), lambda side: side < TINY_SIDE),
        enlarged=_photos(rows, lambda row: -enlargement(row, size, fit), lambda less: -less > MAX_ENLARGEMENT),
        elongated=_photos(rows, lambda row: -elongation(row), lambda less: -less >= ELONGATED_RATIO),
    )


def enlargement(photo: ProcessedImage | PhotoRef, size: int, fit: str) -> float:
    """How many times a photo is scaled up for a square of `size` pixels; below 1 it is scaled down."""
    longer, shorter = max(photo.width, photo.height), min(photo.width, photo.height)
    return size / (longer if fit == "pad" else shorter)


def elongation(photo: ProcessedImage | PhotoRef) -> float:
    """The longer side over the shorter one."""
    return max(photo.width, photo.height) / min(photo.width, photo.height)


def joined(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The connected groups that pairs make, each sorted, in the order of their first members."""
    neighbours: dict[int, list[int]] = defaultdict(list)
    for one, other in pairs:
        neighbours[one].append(other)
        neighbours[other].append(one)
    seen: set[int] = set()
    groups = []
    for start in sorted(neighbours):
        if start not in seen:
            seen.add(start)
            group = [start]
            for member in group:  # grows while it is walked
                fresh = [other for other in neighbours[member] if other not in seen]
                seen.update(fresh)
                group += dict.fromkeys(fresh)
            groups.append(sorted(group))
    return groups


def reason_kind(reason: str) -> str:
    """What a reason says without the file's particulars, so that reasons can be counted."""
    if reason.startswith(STRADDLING):
        return "nearly the same as a photo in another split"
    if "pixels exceed the limit" in reason:
        return "too many pixels"
    return reason.partition(":")[0]


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
    listed = [[_ref(row) for row in group[:MAX_LISTED]] for group in found[:MAX_LISTED]]
    return PhotoGroups(count=len(found), photos=sum(map(len, found)), items=listed)


def _file_groups(groups: list[list[str]]) -> FileGroups:
    found = sorted(groups, key=lambda group: (-len(group), group))
    return FileGroups(count=len(found), files=sum(map(len, found)), items=found[:MAX_LISTED])


def _left_out(entries: Sequence[Quarantined]) -> LeftOut:
    counted = Counter(reason_kind(entry.reason) for entry in entries)
    reasons = dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
    return LeftOut(count=len(entries), reasons=reasons, items=list(entries[:MAX_LISTED]))


def _copies(duplicates: Sequence[Quarantined]) -> list[list[str]]:
    """Each file in use with its copies, from reasons that read "same bytes as PATH"."""
    groups: dict[str, list[str]] = {}
    for entry in duplicates:
        kept = entry.reason.removeprefix(COPY).strip()
        groups.setdefault(kept, [kept]).append(entry.path)
    return list(groups.values())


def _conflicts(quarantined: Sequence[Quarantined]) -> list[list[str]]:
    """Files with the same bytes and different labels, from reasons that read "… under another class: PATH, PATH"."""
    others = {
        entry.path: entry.reason.removeprefix(CONFLICT).removeprefix(": ")
        for entry in quarantined
        if entry.reason.startswith(CONFLICT)
    }
    paths = sorted(others)
    number = {path: index for index, path in enumerate(paths)}
    pairs = [(number[path], number[other]) for path in paths for other in _known_paths(others[path], number)]
    return [[paths[index] for index in group] for group in joined(pairs)]


def _straddling(quarantined: Sequence[Quarantined]) -> list[list[str]]:
    """Each file left out with its twin, from reasons that read "nearly the same as PATH, which is in another split"."""
    return [
        [entry.path, entry.reason.removeprefix(STRADDLING).removesuffix(_STRADDLING_END).strip()]
        for entry in quarantined
        if entry.reason.startswith(STRADDLING)
    ]


def _known_paths(listed: str, known: Mapping[str, int]) -> list[str]:
    """Take "PATH, PATH" apart; a path may itself hold ", "."""
    found, waiting = [], ""
    for piece in listed.split(", "):
        waiting = f"{waiting}, {piece}" if waiting else piece
        if waiting in known:
            found.append(waiting)
            waiting = ""
    return found
