"""The documents of dataset versions: what a manifest says, row by row and in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import RunRef, VersionRef
from flowerops.domain.documents import Document

MANIFEST_FILE = "manifest.json"
ROWS_FILE = "files.jsonl"
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
PROCESSED_SUFFIX = "_processed"


_ROW = ConfigDict(extra="forbid")
"""Rows are slotted records rather than documents: a version may have a hundred thousand of them."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_ROW)
class RawFile:
    """One photo as received: class, path below the folder (with `/`), size in bytes, SHA-256."""

    bytes: int
    label: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True, config=_ROW)
class PhotoFacts:
    """What decoding found out about a photo, whatever its class and split; members as in `ProcessedImage`."""

    dhash: str
    height: int
    mean_rgb: str
    pixels_sha256: str
    sha256: str
    width: int


@dataclass(frozen=True, slots=True, kw_only=True, config=_ROW)
class ProcessedImage:
    """One usable photo: where it came from, its split, the upright original's size in pixels, its hashes.

    dhash: 32 hex digits. mean_rgb: 6 hex digits. pixels_sha256: of the uint8 RGB square, row by row.
    """

    dhash: str
    height: int
    label: str
    mean_rgb: str
    path: str
    pixels_sha256: str
    sha256: str
    split: Split
    width: int


class Quarantined(Document):
    """A file that is not used, and why."""

    path: str
    reason: str


class Provenance(Document):
    """Who made an output folder: run, build, code and environment."""

    created: str
    run: RunRef | None = None
    build: BuildInfo
    code: CodeInfo
    environment: dict[str, str] = {}


class ShardInfo(Document):
    """One Parquet file of a processed version: its name below `data/`, its number of images, its SHA-256."""

    file: str
    images: int
    sha256: str


class VersionManifest(Document):
    """`manifest.json` of a dataset version.

    digest: SHA-256 of `files.jsonl`; it is the version's identity. files: number of rows. skipped: files that were
    not taken in at all (hidden, junk, links). quarantined: files taken in that cannot be used. duplicates: further
    copies of the same bytes in the same class. recipe: digest of everything a processed version was computed from.
    shards: the files with the pixels; how the images are spread over them is no part of the version's identity.
    """

    schema_version: int = 1
    kind: Literal["raw", "processed"]
    name: str
    digest: str
    files: int
    bytes: int
    classes: dict[str, int]
    splits: dict[str, int] = {}
    split_classes: dict[str, dict[str, int]] = {}
    skipped: list[Quarantined] = []
    quarantined: list[Quarantined] = []
    duplicates: list[Quarantined] = []
    params: dict[str, Any] = {}
    parents: list[VersionRef] = []
    recipe: str | None = None
    shards: list[ShardInfo] = []
    decoded: int = 0
    carried_over: int = 0
    synthetic: bool = False
    provenance: Provenance


def count_classes(labels: Iterable[str]) -> dict[str, int]:
    """Rows per class, by name."""
    return dict(sorted(Counter(labels).items()))
