"""preprocess: a raw version in, a processed version out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowerops.datasets.duplicates import near_duplicates
from flowerops.datasets.history import History
from flowerops.datasets.hygiene import write_hygiene
from flowerops.datasets.layout import Layout, NewShard, keep, plan_layout
from flowerops.datasets.processed import SAMPLES_FILE, Sample, SampleSet
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.rows import rows_bytes, write_version
from flowerops.datasets.selection import distinct_photos
from flowerops.datasets.shards import DATA_DIR, write_shard
from flowerops.datasets.split import Photo, divide
from flowerops.datasets.squares import Squares
from flowerops.domain.bundle import VersionRef
from flowerops.domain.dataset import (
    PROCESSED_SUFFIX,
    SPLITS,
    PhotoFacts,
    ProcessedImage,
    Provenance,
    Quarantined,
    RawFile,
    ShardInfo,
    Split,
    VersionManifest,
    count_classes,
)
from flowerops.domain.hygiene_reasons import STRADDLING, STRADDLING_END
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import Progress
from flowerops.domain.slices import source_of
from flowerops.errors import BadInputError
from flowerops.images import DECODER_VERSION
from flowerops.io.atomic import atomic_write
from flowerops.io.discard import discard
from flowerops.io.hashing import sha256_bytes, sha256_file
from flowerops.io.parallel import bounded_map
from flowerops.steps.collecting import PixelSource, Usable, collect

_SAMPLES_PER_CLASS = 2
_PLAIN_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
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
    _check_bad_share(quarantined, len(raw.rows), work.params.max_bad)
    rows, straddling = _divided(found.usable, history.splits(), work.params)
    _check_classes(raw.manifest.classes, rows)
    labels = sorted({row.label for row in rows})
    layout = plan_layout(rows, earlier, labels)
    kept = {part.shard.path for part in layout.kept}
    others = [shard.path for shard in earlier if shard.path not in kept]
    pixels = PixelSource(found.squares, others, work.params.workers)
    shards = _write_shards(layout, labels, pixels, work.params, out / DATA_DIR, progress)
    discard(out / _SQUARES_DIR)
    _write_samples(raw, rows, out)
    data = rows_bytes(rows)
    carried_over = sum(row.sha256 in found.carried_over for row, _ in found.usable)
    manifest = VersionManifest(
        kind="processed",
        name=raw.manifest.name + PROCESSED_SUFFIX,
        digest=sha256_bytes(data),
        files=len(rows),
        bytes=sum((out / DATA_DIR / shard.file).stat().st_size for shard in shards),
        classes=count_classes(row.label for row in rows),
        splits={split: sum(row.split == split for row in rows) for split in SPLITS},
        split_classes={split: count_classes(row.label for row in rows if row.split == split) for split in SPLITS},
        quarantined=[*quarantined, *straddling],
        duplicates=chosen.duplicates,
        params=work.params.model_dump(exclude={"workers"}) | {"decoder_version": DECODER_VERSION},
        parents=[VersionRef(name=raw.manifest.name, digest=raw.manifest.digest)],
        recipe=work.recipe,
        shards=shards,
        decoded=len(found.usable) - carried_over,
        carried_over=carried_over,
        synthetic=raw.manifest.synthetic,
        provenance=work.provenance,
    )
    write_version(out, manifest, data)
    write_hygiene(out, rows, manifest, raw.manifest)
    return manifest


def _check_bad_share(quarantined: list[Quarantined], files: int, max_bad: float) -> None:
    allowed = -int(-files * max_bad // 1)  # rounded up, so that one bad photo in a small folder is no failure
    if len(quarantined) > allowed:
        first = quarantined[0]
        raise BadInputError(
            f"{len(quarantined)} of {files} files cannot be used (allowed: {allowed}); the first: "
            f"{first.path}: {first.reason}",
            f"Mend or remove them, or allow more, e.g. --max-bad {min(100, -(-100 * len(quarantined) // files))}%.",
            {"quarantined": [entry.model_dump() for entry in quarantined]},
        )


def _divided(
    usable: Sequence[Usable], known: Mapping[str, Split], params: PreprocessParams
) -> tuple[list[ProcessedImage], list[Quarantined]]:
    """Rows sorted by class and path, and the photos that are left out because they resemble two splits."""
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


def _check_classes(received: dict[str, int], rows: list[ProcessedImage]) -> None:
    empty = sorted(set(received) - {row.label for row in rows})
    if empty:
        raise BadInputError(f"class {empty[0]!r} has no usable photo left", "Add photos to it, or remove the class.")


def _write_shards(
    layout: Layout,
    labels: Sequence[str],
    pixels: PixelSource,
    params: PreprocessParams,
    folder: Path,
    progress: Progress,
) -> list[ShardInfo]:
    folder.mkdir()

    def write(shard: NewShard) -> ShardInfo:
        path = folder / shard.name
        write_shard(path, shard.rows, labels, params.image_size, pixels.read_into)
        return ShardInfo(file=shard.name, images=len(shard.rows), sha256=sha256_file(path))

    shards = []
    for part in layout.kept:
        keep(part.shard.path, folder / part.name)
        shards.append(part.shard.info.model_copy(update={"file": part.name}))
    with progress.task("writing", sum(len(shard.rows) for shard in layout.new), "image") as task:
        for info in bounded_map(write, layout.new, params.workers, batch=1):
            shards.append(info)
            task.advance(info.images)
    return sorted(shards, key=lambda info: info.file)


def _write_samples(raw: RawVersion, rows: list[ProcessedImage], out: Path) -> None:
    by_sha = {row.sha256: row for row in raw.rows}
    taken: Counter[str] = Counter()
    samples = []
    for row in sorted((row for row in rows if row.split == "test"), key=lambda row: row.sha256):
        if taken[row.label] < _SAMPLES_PER_CLASS:
            taken[row.label] += 1
            suffix = Path(row.path).suffix.lower()
            file = row.sha256[:16] + (suffix if _PLAIN_SUFFIX.fullmatch(suffix) else "")
            atomic_write(out / SAMPLES_FILE.partition("/")[0] / file, raw.read(by_sha[row.sha256]), durable=False)
            samples.append(Sample(file=file, label=row.label, path=row.path, sha256=row.sha256))
    ordered = sorted(samples, key=lambda sample: (sample.label, sample.sha256))
    atomic_write(out / SAMPLES_FILE, SampleSet(samples=ordered).to_json())
