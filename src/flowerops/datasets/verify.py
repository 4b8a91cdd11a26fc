"""Compare a dataset version with what its manifest and its number say, file by file and image by image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.datasets.checks import Check
from flowerops.datasets.hygiene import HYGIENE_FILE
from flowerops.datasets.objects import ObjectStore
from flowerops.datasets.processed import SAMPLES_FILE, SampleSet
from flowerops.datasets.reference import REFERENCE_FILE, read_reference
from flowerops.datasets.rows import read_manifest, read_rows
from flowerops.datasets.shards import DATA_DIR
from flowerops.datasets.verify_shards import keys_of, shard_problems
from flowerops.domain.dataset import (
    MANIFEST_FILE,
    ROWS_FILE,
    SPLITS,
    ProcessedImage,
    RawFile,
    ShardInfo,
    VersionManifest,
    count_classes,
)
from flowerops.domain.verification import MISSING, UNEXPECTED, Problem
from flowerops.errors import StoreIntegrityError
from flowerops.io.hashing import sha256_file


@dataclass(frozen=True)
class Suspect:
    """A version to verify: its name with the number, the digest that the number stands for, and its folder."""

    name: str
    digest: str
    folder: Path


@dataclass(frozen=True)
class Inspection:
    """How a verification of one version begins: what is wrong at first sight, and what is still to be looked at."""

    problems: list[Problem]
    checks: list[Check]


def inspect(suspect: Suspect, objects: Path | None, seen: set[str]) -> Inspection:
    """Look at a version's folder, manifest and rows, and plan the rest.

    Args:
        suspect: The version.
        objects: The content store, or None where raw versions carry their photos.
        seen: Files that another version's checks cover already; grows.
    """
    try:
        manifest = _manifest(suspect)
        if isinstance(manifest, Problem):
            return Inspection([manifest], [])
        if manifest.kind == "raw":
            return _raw(suspect, manifest, read_rows(suspect.folder, RawFile), objects, seen)
        return _processed(suspect, manifest, read_rows(suspect.folder, ProcessedImage))
    except StoreIntegrityError as error:
        return Inspection([_problem(suspect, suspect.folder / ROWS_FILE, "a version's rows", error.message)], [])


def _manifest(suspect: Suspect) -> VersionManifest | Problem:
    """The manifest, once folder, manifest and rows are those that the number stands for."""
    if not suspect.folder.is_dir():
        return _problem(suspect, suspect.folder, suspect.digest, MISSING)
    path = suspect.folder / MANIFEST_FILE
    try:
        manifest = read_manifest(suspect.folder)
    except StoreIntegrityError as error:
        return _problem(suspect, path, "a manifest", error.message if path.exists() else MISSING)
    if manifest.digest != suspect.digest:
        return _problem(suspect, path, suspect.digest, manifest.digest)
    rows_file = suspect.folder / ROWS_FILE
    got = file_digest(rows_file)
    return manifest if got == manifest.digest else _problem(suspect, rows_file, manifest.digest, got)


def file_digest(path: Path) -> str:
    """A file's SHA-256, or why there is none: "missing", or "unreadable: …"."""
    try:
        return sha256_file(path)
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _raw(
    suspect: Suspect, manifest: VersionManifest, rows: list[RawFile], objects: Path | None, seen: set[str]
) -> Inspection:
    expected = {MANIFEST_FILE, ROWS_FILE}
    checks = [Check(2, lambda: [])]  # manifest and rows, which were read above
    facts: dict[str, Any] = {
        "files": len(rows),
        "bytes": sum(row.bytes for row in rows),
        "classes": count_classes(row.label for row in rows),
    }
    if objects is None:
        expected |= {row.path for row in rows}
        checks += [_file_check(suspect, suspect.folder / row.path, row.sha256, row.path) for row in rows]
    else:
        store = ObjectStore(objects)
        places = read_reference(suspect.folder)
        expected |= {REFERENCE_FILE} if places else set()
        for row in rows:
            stored = store.path_of(row.sha256)
            place = stored if row.sha256 not in places or stored.exists() else places[row.sha256]
            if str(place) not in seen:
                seen.add(str(place))
                checks.append(_file_check(suspect, place, row.sha256, row.path))
    return Inspection([*_counted(suspect, manifest, facts), *_strangers(suspect, expected)], checks)


def _processed(suspect: Suspect, manifest: VersionManifest, rows: list[ProcessedImage]) -> Inspection:
    labels = sorted({row.label for row in rows})
    by_sha = {row.sha256: row for row in rows}
    facts: dict[str, Any] = {
        "files": len(rows),
        "classes": count_classes(row.label for row in rows),
        "splits": {split: sum(row.split == split for row in rows) for split in SPLITS},
    }
    checks = [Check(2, lambda: [])]
    expected = {MANIFEST_FILE, ROWS_FILE, SAMPLES_FILE, HYGIENE_FILE}
    for info in manifest.shards:
        expected.add(f"{DATA_DIR}/{info.file}")
        checks.append(_shard_check(suspect, suspect.folder / DATA_DIR / info.file, info, by_sha, labels))
    problems = [*_counted(suspect, manifest, facts), *_lost(suspect, manifest, rows)]
    try:
        samples = SampleSet.from_json((suspect.folder / SAMPLES_FILE).read_bytes(), SAMPLES_FILE).samples
    except OSError:
        samples = []  # a missing list is found by its name, like every other file
    except StoreIntegrityError as error:
        samples = []
        problems.append(_problem(suspect, suspect.folder / SAMPLES_FILE, "a list of samples", error.message))
    folder = Path(SAMPLES_FILE).parent.as_posix()
    for sample in samples:
        name = f"{folder}/{sample.file}"
        expected.add(name)
        checks.append(_file_check(suspect, suspect.folder / name, sample.sha256, sample.path))
    return Inspection([*problems, *_strangers(suspect, expected, absent=frozenset({SAMPLES_FILE}))], checks)


def _shard_check(
    suspect: Suspect, path: Path, info: ShardInfo, rows: Mapping[str, ProcessedImage], labels: list[str]
) -> Check:
    return Check(info.images, lambda: shard_problems(path, info, rows, labels, suspect.name))


def _lost(suspect: Suspect, manifest: VersionManifest, rows: list[ProcessedImage]) -> list[Problem]:
    """Images that no shard has; what a shard that cannot be read had is said by its own check."""
    keys = [keys_of(suspect.folder / DATA_DIR / info.file) for info in manifest.shards]
    if None in keys:
        return []
    found = {key for part in keys if part for key in part}
    data = suspect.folder / DATA_DIR
    return [_problem(suspect, data, row.pixels_sha256, MISSING, row.path) for row in rows if row.sha256 not in found]


def _file_check(suspect: Suspect, path: Path, digest: str, photo: str) -> Check:
    def run() -> Iterator[Problem]:
        got = file_digest(path)
        if got != digest:
            yield _problem(suspect, path, digest, got, photo)

    return Check(1, run)


def _counted(suspect: Suspect, manifest: VersionManifest, facts: dict[str, Any]) -> list[Problem]:
    """The manifest's own counts are outside of the digest, so they are counted again."""
    path = suspect.folder / MANIFEST_FILE
    return [
        _problem(suspect, path, f"{name} {value}", f"{name} {getattr(manifest, name)}")
        for name, value in facts.items()
        if getattr(manifest, name) != value
    ]


def _strangers(suspect: Suspect, expected: set[str], absent: frozenset[str] = frozenset()) -> list[Problem]:
    """Files that do not belong to the version; and those of `absent`, which no other check reads, that are missing."""
    folder = suspect.folder
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or path.is_file()}
    added = [_problem(suspect, folder / name, "no file", UNEXPECTED) for name in sorted(found - expected)]
    return added + [_problem(suspect, folder / name, "a file", MISSING) for name in sorted(absent - found)]


def _problem(suspect: Suspect, path: Path, expected: str, got: str, part: str = "") -> Problem:
    return Problem(path=str(path), expected=expected, got=got, of=f"{suspect.name} {part}".rstrip())
