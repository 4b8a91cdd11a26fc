"""preprocess: a raw version in, a processed version out."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from flowerops.datasets.duplicates import near_duplicates
from flowerops.datasets.hygiene import write_hygiene
from flowerops.datasets.processed import SAMPLES_FILE, Sample, SampleSet
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.rows import rows_bytes, write_version
from flowerops.datasets.shards import DATA_DIR, shard_plan, write_shard
from flowerops.datasets.split import Photo, divide
from flowerops.domain.bundle import VersionRef
from flowerops.domain.dataset import (
    PROCESSED_SUFFIX,
    SPLITS,
    ProcessedImage,
    Provenance,
    Quarantined,
    RawFile,
    VersionManifest,
    count_classes,
)
from flowerops.domain.hygiene_reasons import STRADDLING, STRADDLING_END
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError
from flowerops.images import DECODER_VERSION
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_bytes
from flowerops.steps.decoding import DecodedPhoto, Earlier, PhotoDecoder, Spool

_SAMPLES_PER_CLASS = 2
_PLAIN_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")


@dataclass(frozen=True)
class PreprocessInput:
    """raw: the version's folder. objects: the store its bytes lie in, or None when they lie beside the manifest.

    earlier: folders of processed versions whose pixels and splits carry over. recipe: digest of all that decides.
    """

    raw: Path
    objects: Path | None
    earlier: Sequence[Path]
    recipe: str
    params: PreprocessParams
    provenance: Provenance


def preprocess(work: PreprocessInput, out: Path, progress: Progress) -> VersionManifest:
    """Decode, resize, divide and write; `out` is an empty folder.

    Raises:
        BadInputError: More files than `max_bad` cannot be used, or a class is left with too few photos.
    """
    raw = RawVersion(work.raw, work.objects)
    distinct, duplicates, conflicts = _distinct(raw.rows)
    earlier = Earlier(work.earlier, work.params.image_size, work.params.fit)
    with Spool(out / "spool.tmp") as spool, ThreadPoolExecutor(work.params.workers) as pool:
        decoded, rejected = PhotoDecoder(raw, earlier, work.params, spool).run(distinct, pool, progress)
        quarantined = sorted([*conflicts, *rejected], key=lambda entry: entry.path)
        _check_bad_share(quarantined, len(raw.rows), work.params.max_bad)
        rows, straddling = _divided(decoded, earlier, work.params)
        _check_classes(raw.manifest.classes, rows)
        labels = sorted({row.label for row in rows})
        (out / DATA_DIR).mkdir()
        plan = list(shard_plan(rows))
        with progress.task("writing", len(rows), "image") as task:

            def write(shard: tuple[str, list[ProcessedImage]]) -> int:
                write_shard(out / DATA_DIR / shard[0], shard[1], labels, spool.read)
                return len(shard[1])

            for count in pool.map(write, plan):
                task.advance(count)
    _write_samples(raw, rows, out)
    ordered = sorted(rows, key=lambda row: (row.label, row.path))
    data = rows_bytes(ordered)
    manifest = VersionManifest(
        kind="processed",
        name=raw.manifest.name + PROCESSED_SUFFIX,
        digest=sha256_bytes(data),
        files=len(ordered),
        bytes=sum(file.stat().st_size for file in (out / DATA_DIR).iterdir()),
        classes=count_classes(row.label for row in ordered),
        splits={split: sum(row.split == split for row in ordered) for split in SPLITS},
        split_classes=_split_classes(ordered),
        quarantined=[*quarantined, *straddling],
        duplicates=duplicates,
        params=work.params.model_dump(exclude={"workers"}) | {"decoder_version": DECODER_VERSION},
        parents=[VersionRef(name=raw.manifest.name, digest=raw.manifest.digest)],
        recipe=work.recipe,
        decoded=sum(not photo.carried_over for photo in decoded),
        carried_over=sum(photo.carried_over for photo in decoded),
        synthetic=raw.manifest.synthetic,
        provenance=work.provenance,
    )
    write_version(out, manifest, data)
    write_hygiene(out, ordered, manifest, raw.manifest)
    return manifest


def _distinct(rows: Sequence[RawFile]) -> tuple[list[RawFile], list[Quarantined], list[Quarantined]]:
    """Split rows into one a content, further copies in the same class, and contents found in several classes."""
    by_content: dict[str, list[RawFile]] = defaultdict(list)
    for row in rows:
        by_content[row.sha256].append(row)
    distinct, duplicates, conflicts = [], [], []
    for _, same in sorted(by_content.items()):  # by content: neither names nor order of listing matter
        if len({row.label for row in same}) > 1:
            conflicts += [
                Quarantined(path=row.path, reason=f"same photo under another class: {_others(row, same)}")
                for row in same
            ]
            continue
        distinct.append(same[0])
        duplicates += [Quarantined(path=row.path, reason=f"same bytes as {same[0].path}") for row in same[1:]]
    return distinct, duplicates, conflicts


def _others(row: RawFile, same: list[RawFile]) -> str:
    return ", ".join(other.path for other in same if other.label != row.label)


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
    decoded: list[DecodedPhoto], earlier: Earlier, params: PreprocessParams
) -> tuple[list[ProcessedImage], list[Quarantined]]:
    pattern = re.compile(params.group_by) if params.group_by else None
    photos = [Photo(photo.row.sha256, photo.row.label, _source(photo.row.path, pattern)) for photo in decoded]
    twins = near_duplicates([photo.fingerprint for photo in decoded])
    division = divide(photos, twins, params.val_share, params.test_share, earlier.splits)
    left_out = dict(division.straddling)
    rows = [
        photo.as_row(split)
        for index, (photo, split) in enumerate(zip(decoded, division.splits, strict=True))
        if index not in left_out
    ]
    straddling = [
        Quarantined(
            path=decoded[index].row.path,
            reason=f"{STRADDLING} {decoded[twin].row.path}{STRADDLING_END}",
        )
        for index, twin in left_out.items()
    ]
    return rows, straddling


def _source(path: str, pattern: re.Pattern[str] | None) -> str | None:
    """What the pattern finds in a path: its first group, or all of it; None where it finds nothing."""
    found = pattern.search(path) if pattern else None
    if found is None:
        return None
    return str(found.group(1) if found.re.groups else found.group(0))


def _check_classes(received: dict[str, int], rows: list[ProcessedImage]) -> None:
    empty = sorted(set(received) - {row.label for row in rows})
    if empty:
        raise BadInputError(f"class {empty[0]!r} has no usable photo left", "Add photos to it, or remove the class.")


def _split_classes(rows: list[ProcessedImage]) -> dict[str, dict[str, int]]:
    return {split: count_classes(row.label for row in rows if row.split == split) for split in SPLITS}


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
