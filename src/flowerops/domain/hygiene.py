"""What is odd about a dataset version: the document. Computed in `hygiene_findings`, said in `hygiene_words`."""

from __future__ import annotations

from flowerops.domain.dataset import ProcessedImage, Quarantined, Split
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


def enlargement(photo: ProcessedImage | PhotoRef, size: int, fit: str) -> float:
    """How many times a photo is scaled up for a square of `size` pixels; below 1 it is scaled down."""
    longer, shorter = max(photo.width, photo.height), min(photo.width, photo.height)
    return size / (longer if fit == "pad" else shorter)


def elongation(photo: ProcessedImage | PhotoRef) -> float:
    """The longer side over the shorter one."""
    return max(photo.width, photo.height) / min(photo.width, photo.height)
