"""data preview: one page that shows a dataset version."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.datasets.hygiene import read_hygiene
from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.selected_squares import squares
from flowerops.domain.bundle import VersionRef
from flowerops.domain.contact_sheet import contact_sheets, default_per_class
from flowerops.domain.dataset import ProcessedImage, RawFile
from flowerops.domain.hygiene import Hygiene
from flowerops.domain.hygiene_words import warnings_about
from flowerops.domain.names import Selector
from flowerops.errors import StoreIntegrityError, UsageError
from flowerops.images import ImageRejectedError, prepare_image
from flowerops.io.atomic import atomic_write
from flowerops.reports.preview import render_preview
from flowerops.reports.preview_facts import PreviewFacts, PreviewPhoto
from flowerops.reports.preview_findings import wanted_files, wanted_photos
from flowerops.reports.thumbnails import thumbnail
from flowerops.services.hygiene import raw_version_of
from flowerops.services.versions import processed_versions
from flowerops.targets.protocol import DatasetVersion, Target

_SIDE, _SMALL_SIDE, _MANY = 160, 128, 300
"""Thumbnails in pixels: smaller ones on a page with many, so that it stays below 3 MB unless asked for more."""
_NARROWEST, _WIDEST = 0.4, 3.0
"""Shapes beyond these would tear a row of photos apart."""


@dataclass(frozen=True)
class Preview:
    """A written page: of which version, where, and what it shows."""

    version: DatasetVersion
    path: Path
    hygiene: Hygiene
    shown: int

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        return {
            "name": self.version.name,
            "version": self.version.version,
            "page": str(self.path),
            "bytes": self.path.stat().st_size,
            "shown": self.shown,
            "images": self.hygiene.images,
            "synthetic": self.version.manifest.synthetic,
            "warnings": warnings_about(self.hygiene),
        }


def preview(target: Target, selector: Selector, out: Path | None, per_class: int | None) -> Preview:
    """Write the page of a processed version, or of the latest one made from a raw version.

    Args:
        target: Where the versions are.
        selector: Which one; either kind.
        out: The page's file. Default: NAME-VERSION-preview.html in the current folder.
        per_class: Photos on each contact sheet. Default: fewer when there are many classes.

    Raises:
        BadInputError: There is no such version, or nothing was made from the raw version yet.
        UsageError: `out` is a folder.
        StoreIntegrityError: The version is damaged.
    """
    version = processed_versions(target, selector)[0]
    path = out or Path(f"{version.name}-{version.version}-preview.html")
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder", f"Name a file: --out {path / 'preview.html'}")
    facts = _facts(target, version, per_class)
    atomic_write(path, render_preview(facts))
    return Preview(version, path.resolve(), facts.hygiene, sum(map(len, facts.sheets.values())))


def _facts(target: Target, version: DatasetVersion, per_class: int | None) -> PreviewFacts:
    opened = ProcessedVersion(target.datasets.open(version))
    raw = raw_version_of(target, version)
    hygiene = read_hygiene(version.folder, raw.manifest if raw else None)
    sheets = contact_sheets(opened.rows, per_class or default_per_class(len(opened.labels)))
    files = set(wanted_files(hygiene))
    shown = sum(map(len, sheets.values())) + len(wanted_photos(hygiene)) + len(files)
    side = _SIDE if shown <= _MANY else _SMALL_SIDE
    wanted = {row.sha256 for rows in sheets.values() for row in rows}
    wanted |= {photo.sha256 for photo in wanted_photos(hygiene)}
    wanted |= {row.sha256 for row in opened.rows if row.path in files}
    photos = {row.path: _in_use(row, thumbnail(pixels, side), hygiene.fit) for row, pixels in squares(opened, wanted)}
    photos |= _left_out(target, raw, files - set(photos), hygiene.image_size, side)
    manifest = version.manifest
    return PreviewFacts(
        title=f"{version.name}, version {version.version}",
        created=manifest.provenance.created[:16].replace("T", " ") + " UTC",
        hygiene=hygiene,
        sheets={label: [photos[row.path] for row in rows] for label, rows in sheets.items()},
        photos=photos,
        identity=[
            ("Made from", ", ".join(_named(parent, raw) for parent in manifest.parents) or "-"),
            ("Digest", manifest.digest),
            ("Build", manifest.provenance.build.uri or manifest.provenance.build.id),
            ("Git commit", manifest.provenance.code.commit or "-"),
        ],
        synthetic=manifest.synthetic,
    )


def _in_use(row: ProcessedImage, jpeg: bytes, fit: str) -> PreviewPhoto:
    aspect = row.width / row.height if fit == "pad" else 1.0
    return PreviewPhoto(row.path, row.label, row.split, row.width, row.height, _shown_aspect(aspect), jpeg)


def _shown_aspect(aspect: float) -> float:
    return min(_WIDEST, max(_NARROWEST, aspect))


def _left_out(
    target: Target, raw: DatasetVersion | None, paths: Collection[str], size: int, side: int
) -> dict[str, PreviewPhoto]:
    """Files that are not used, as far as they can be shown, from the photos as received."""
    if raw is None or not paths:
        return {}
    opened = RawVersion(target.datasets.open(raw), target.datasets.objects())
    rows = [row for row in opened.rows if row.path in paths]
    return {row.path: photo for row, photo in _decoded(opened, rows, size, side)}


def _decoded(raw: RawVersion, rows: Sequence[RawFile], size: int, side: int) -> Iterator[tuple[RawFile, PreviewPhoto]]:
    for row in rows:
        try:
            image = prepare_image(raw.read(row), size)
        except (ImageRejectedError, StoreIntegrityError):
            continue  # the page names the file all the same
        aspect = _shown_aspect(image.width / image.height)
        jpeg = thumbnail(image.pixels, side)
        yield row, PreviewPhoto(row.path, row.label, "left out", image.width, image.height, aspect, jpeg)


def _named(parent: VersionRef, raw: DatasetVersion | None) -> str:
    if raw is not None and raw.manifest.digest == parent.digest:
        return f"{raw} ({parent.digest})"
    return f"{parent.name} ({parent.digest})"
