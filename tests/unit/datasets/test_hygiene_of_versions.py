from __future__ import annotations

import random
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flowerops.datasets.hygiene import HYGIENE_FILE, read_hygiene, write_hygiene
from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.raw import NewPhotos, RawVersion, ingest
from flowerops.datasets.rows import rows_bytes, write_version
from flowerops.datasets.scan import scan_folder
from flowerops.datasets.selected_squares import squares
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.dataset import SPLITS, ProcessedImage, Provenance, VersionManifest
from flowerops.domain.hygiene_words import warnings_about
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import SilentProgress
from flowerops.errors import StoreIntegrityError
from flowerops.images import prepare_image
from flowerops.io.hashing import sha256_bytes
from flowerops.steps.preprocess import PreprocessInput, preprocess
from helpers.photos import make_photos, photo_bytes, picture

PROVENANCE = Provenance(created="2024-05-01T12:00:00+00:00", build=BuildInfo(kind="laptop", id="x"), code=CodeInfo())
SIZE = 32


def put(photos: Path, path: str, data: bytes) -> None:
    (photos / path).write_bytes(data)


def reencoded(data: bytes) -> bytes:
    stream = BytesIO()
    Image.open(BytesIO(data)).save(stream, "JPEG", quality=80)
    return stream.getvalue()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RawVersion, Path]:
    """A version with one of every fault, made by the real step: its folder, its raw version, and the photos."""
    root = tmp_path_factory.mktemp("hygiene")
    photos = root / "photos"
    make_photos(photos, per_class=14, size=(96, 80))
    put(photos, "daisy/cut.jpg", photo_bytes(500, (96, 80))[:-300])
    put(photos, "daisy/page.jpg", b"<html>")
    put(photos, "daisy/both.jpg", photo_bytes(501, (96, 80)))
    put(photos, "roses/both, again.jpg", photo_bytes(501, (96, 80)))
    put(photos, "roses/copy.jpg", (photos / "roses/roses_0001.jpg").read_bytes())
    put(photos, "daisy/resaved.jpg", reencoded((photos / "daisy/daisy_0002.jpg").read_bytes()))
    put(photos, "roses/mislabelled.jpg", reencoded((photos / "daisy/daisy_0003.jpg").read_bytes()))
    picture(502, (12, 14)).save(photos / "daisy/tiny.png")
    picture(503, (90, 20)).save(photos / "daisy/long.png")
    put(photos, "notes.txt", b"hello")
    raw = ingest(NewPhotos(scan_folder(photos), "flowers"), root / "home", PROVENANCE, SilentProgress())
    out = root / "out"
    out.mkdir()
    params = PreprocessParams(image_size=SIZE, workers=2, max_bad=0.5)
    preprocess(PreprocessInput(raw, root / "home/objects", (), "recipe", params, PROVENANCE), out, SilentProgress())
    return out, RawVersion(raw, root / "home/objects"), photos


def test_every_fault_of_a_real_version_is_found(made):
    folder, raw, _ = made
    found = read_hygiene(folder, raw.manifest)
    assert found.conflicts.items == [["daisy/both.jpg", "roses/both, again.jpg"]]
    assert [set(group) for group in found.duplicates.items] == [{"roses/copy.jpg", "roses/roses_0001.jpg"}]
    groups = {tuple(photo.path for photo in group) for group in found.near_duplicates.items}
    assert groups == {("daisy/daisy_0002.jpg", "daisy/resaved.jpg"), ("daisy/daisy_0003.jpg", "roses/mislabelled.jpg")}
    assert [[photo.label for photo in group] for group in found.suspicious_labels.items] == [["daisy", "roses"]]
    assert found.across_splits.count == 0
    assert found.tiny.items[0].path == "daisy/tiny.png"
    assert [photo.path for photo in found.enlarged.items] == ["daisy/tiny.png"]
    assert [photo.path for photo in found.elongated.items] == ["daisy/long.png"]
    assert found.quarantined.reasons["same photo under another class"] == 2
    assert found.quarantined.reasons["truncated"] == 1
    assert found.quarantined.count == 4
    assert [entry.path for entry in found.skipped.items] == ["notes.txt"]
    assert sum(found.classes.values()) == found.images == len(ProcessedVersion(folder).rows)


def test_the_words_of_the_step_are_the_words_that_are_looked_for(made):
    said = " ".join(warnings_about(read_hygiene(made[0])))
    assert "1 photo lies under more than one label (daisy/both.jpg, roses/both, again.jpg)" in said
    assert "1 file is an exact copy" in said
    assert "2 of 37 files cannot be used" in said


def test_a_stored_document_is_read_instead_of_computed_again(made, tmp_path):
    folder, raw, _ = made
    rows = ProcessedVersion(folder).rows
    write_hygiene(tmp_path, rows, ProcessedVersion(folder).manifest, raw.manifest)
    assert read_hygiene(tmp_path) == read_hygiene(folder, raw.manifest)  # there are no rows in tmp_path to compute from


@pytest.mark.parametrize("stored", [b"", b"{}", b'{"hygiene_version": 0}', b"\xff"])
def test_a_stored_document_of_another_version_or_damaged_is_computed_again(made, stored):
    folder, raw, _ = made
    path = folder / HYGIENE_FILE
    before = read_hygiene(folder, raw.manifest)
    path.write_bytes(stored)
    try:
        assert read_hygiene(folder, raw.manifest) == before
    finally:
        path.unlink()


def test_squares_are_those_of_the_photos_asked_for(made):
    folder, _, photos = made
    version = ProcessedVersion(folder)
    wanted = {row.sha256 for row in version.rows[::5]}
    shown = list(squares(version, wanted))
    assert {row.sha256 for row, _ in shown} == wanted
    for row, pixels in shown:
        assert np.array_equal(pixels, prepare_image((photos / row.path).read_bytes(), SIZE).pixels)


def test_a_square_that_is_not_the_one_written_is_refused(made):
    version = ProcessedVersion(made[0])
    row = version.rows[0]
    version.rows[0] = replace(row, pixels_sha256="0" * 64)
    with pytest.raises(StoreIntegrityError, match=row.path):
        list(squares(version, {row.sha256}))


def test_rows_without_their_images_are_refused(made):
    version = ProcessedVersion(made[0])
    version.rows.pop()
    with pytest.raises(StoreIntegrityError, match=r"which are not the .. of the manifest"):
        list(squares(version, set()))


def test_the_twins_among_a_hundred_thousand_rows_are_found(tmp_path):
    rows = generated(100_000)
    data = rows_bytes(rows)
    manifest = VersionManifest(
        kind="processed",
        name="many_processed",
        digest=sha256_bytes(data),
        files=len(rows),
        bytes=1,
        classes={},
        params={"image_size": 224, "fit": "pad"},
        provenance=PROVENANCE,
    )
    write_version(tmp_path, manifest, data)
    found = read_hygiene(tmp_path)
    assert found.near_duplicates.count == len(rows) // 50
    assert found.tiny.count == sum(min(row.width, row.height) < 64 for row in rows)
    assert len(found.to_json()) < 3_000_000


def generated(count: int) -> list[ProcessedImage]:
    """Rows with random hashes, every fiftieth nearly the same as the one before."""
    rng = random.Random(1)
    rows: list[ProcessedImage] = []
    for number in range(count):
        twin = number % 50 == 49
        dhash = int(rows[-1].dhash, 16) ^ 1 if twin else rng.getrandbits(128)
        row = ProcessedImage(
            dhash=f"{dhash:032x}",
            height=rng.randint(40, 900),
            label=f"class {number // 1000:03d}",
            mean_rgb=rows[-1].mean_rgb if twin else f"{rng.getrandbits(24):06x}",
            path=f"class {number // 1000:03d}/{number:06d}.jpg",
            pixels_sha256=f"{number:064x}",
            sha256=f"{number:064x}",
            split=rng.choices(SPLITS, (70, 10, 20))[0],
            width=rng.randint(300, 900),
        )
        rows.append(row)
    return rows
