"""preprocess: a raw version in, a processed version out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowerops.datasets.history import History
from flowerops.datasets.hygiene import write_hygiene
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.rows import rows_bytes, write_version
from flowerops.datasets.selection import distinct_photos
from flowerops.datasets.shards import DATA_DIR
from flowerops.datasets.squares import Squares
from flowerops.domain.bundle import VersionRef
from flowerops.domain.dataset import (
    PROCESSED_SUFFIX,
    SPLITS,
    ProcessedImage,
    Provenance,
    Quarantined,
    ShardInfo,
    VersionManifest,
    count_classes,
)
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import Progress
from flowerops.images import DECODER_VERSION
from flowerops.io.discard import discard
from flowerops.io.hashing import sha256_bytes
from flowerops.steps.collecting import collect
from flowerops.steps.dividing import check_bad_share, check_classes, divided
from flowerops.steps.writing import write_samples, write_shards

_SQUARES_DIR = ".tmp-squares"


@dataclass(frozen=True)
class PreprocessInput:
    """raw: the version's folder. objects: the store its bytes lie in, or None when they lie beside the manifest.

    earlier: folders of processed versions, newest first, whose pixels and splits carry over. recipe: digest of all that
    decides. squares: folder with the photos that were decoded while they were taken in.
    """

    raw: Path
    objects: Path | None
    earlier: Sequence[Path]
    recipe: str
    params: PreprocessParams
    provenance: Provenance
    squares: Path | None = None


def preprocess(work: PreprocessInput, out: Path, progress: Progress) -> VersionManifest:
    """Decode, resize, divide and write; `out` is an empty folder.

    Raises:
        BadInputError: More files than `max_bad` cannot be used, or a class is left with too few photos.
        StoreIntegrityError: A photo, or the rows of an earlier version, are damaged.
    """
    raw = RawVersion(work.raw, work.objects)
    chosen = distinct_photos(raw.rows)
    history = History(work.earlier, work.params.image_size, work.params.fit)
    earlier = list(history.shards({row.sha256 for row in chosen.photos}))
    squares = Squares(work.params.image_size)
    if work.squares is not None:
        squares.include(work.squares)
    found = collect(raw, chosen.photos, earlier, squares, work.params, out / _SQUARES_DIR, progress)
    quarantined = sorted([*chosen.conflicts, *found.rejected], key=lambda entry: entry.path)
    check_bad_share(quarantined, len(raw.rows), work.params.max_bad)
    rows, straddling = divided(found.usable, history.splits(), work.params)
    check_classes(raw.manifest.classes, rows)
    shards = write_shards(rows, earlier, squares, work.params, out / DATA_DIR, progress)
    discard(out / _SQUARES_DIR)
    write_samples(raw, rows, out)
    carried_over = sum(row.sha256 in found.carried_over for row, _ in found.usable)
    made = _Made(
        rows=rows,
        shards=shards,
        shard_bytes=sum((out / DATA_DIR / shard.file).stat().st_size for shard in shards),
        quarantined=[*quarantined, *straddling],
        duplicates=chosen.duplicates,
        decoded=len(found.usable) - carried_over,
        carried_over=carried_over,
    )
    data = rows_bytes(rows)
    manifest = _manifest(work, raw.manifest, made, sha256_bytes(data))
    write_version(out, manifest, data)
    write_hygiene(out, rows, manifest, raw.manifest)
    return manifest


@dataclass(frozen=True)
class _Made:
    """What became of the photos; members as in `VersionManifest`."""

    rows: Sequence[ProcessedImage]
    shards: list[ShardInfo]
    shard_bytes: int
    quarantined: list[Quarantined]
    duplicates: list[Quarantined]
    decoded: int
    carried_over: int


def _manifest(work: PreprocessInput, raw: VersionManifest, made: _Made, digest: str) -> VersionManifest:
    rows = made.rows
    return VersionManifest(
        kind="processed",
        name=raw.name + PROCESSED_SUFFIX,
        digest=digest,
        files=len(rows),
        bytes=made.shard_bytes,
        classes=count_classes(row.label for row in rows),
        splits={split: sum(row.split == split for row in rows) for split in SPLITS},
        split_classes={split: count_classes(row.label for row in rows if row.split == split) for split in SPLITS},
        quarantined=made.quarantined,
        duplicates=made.duplicates,
        params=work.params.model_dump(exclude={"workers"}) | {"decoder_version": DECODER_VERSION},
        parents=[VersionRef(name=raw.name, digest=raw.digest)],
        recipe=work.recipe,
        shards=made.shards,
        decoded=made.decoded,
        carried_over=made.carried_over,
        synthetic=raw.synthetic,
        provenance=work.provenance,
    )
