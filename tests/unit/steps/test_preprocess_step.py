from __future__ import annotations

import random
import shutil
from collections import Counter, defaultdict
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from flowerops.datasets import layout, photo_job
from flowerops.datasets.history import History
from flowerops.datasets.photo_job import Decode
from flowerops.datasets.processed import SAMPLES_DIR, ProcessedVersion
from flowerops.datasets.raw import NewPhotos, ingest
from flowerops.datasets.scan import scan_folder
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.dataset import SPLITS, Provenance, VersionManifest
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.images import prepare_image
from flowerops.io import crew
from flowerops.io.hashing import sha256_bytes
from flowerops.steps.preprocess import PreprocessInput, preprocess
from helpers.photos import encoded, make_photos, photo_bytes, picture

PROVENANCE = Provenance(created="2024-05-01T12:00:00+00:00", build=BuildInfo(kind="laptop", id="x"), code=CodeInfo())
SIZE = 24


class Lab:
    """A folder of photos, a home, and the step run on them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.photos = root / "photos"
        self.home = root / "home"
        self._runs = 0
        make_photos(self.photos, per_class=14)

    def add(self, path: str, data: bytes) -> None:
        (self.photos / path).parent.mkdir(parents=True, exist_ok=True)
        (self.photos / path).write_bytes(data)

    def take_in(self, decode: Decode | None = None, workers: int = 2) -> Path:
        new = NewPhotos(scan_folder(self.photos), "flowers", decode=decode, workers=workers)
        return ingest(new, self.home, PROVENANCE, SilentProgress())

    def run(self, *earlier: Path, **params: object) -> tuple[Path, VersionManifest]:
        return self.step(self.take_in(), *earlier, **params)

    def run_decoding_on_the_way_in(self, *earlier: Path) -> tuple[Path, VersionManifest]:
        squares = self.root / f"squares{self._runs}"
        known = frozenset(History(earlier, SIZE, "pad").known())
        raw = self.take_in(Decode(SIZE, "pad", squares, known))
        return self.step(raw, *earlier, squares=squares)

    def step(
        self, raw: Path, *earlier: Path, squares: Path | None = None, **params: object
    ) -> tuple[Path, VersionManifest]:
        self._runs += 1
        out = self.root / f"out{self._runs}"
        out.mkdir()
        asked = PreprocessParams.model_validate({"image_size": SIZE, "workers": 2, "max_bad": 0.5} | params)
        work = PreprocessInput(raw, self.home / "objects", earlier, "recipe", asked, PROVENANCE, squares)
        return out, preprocess(work, out, SilentProgress())


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def splits_of(folder: Path) -> dict[str, str]:
    return {row.sha256: row.split for row in ProcessedVersion(folder).rows}


def reasons(manifest: VersionManifest) -> dict[str, str]:
    return {entry.path: entry.reason for entry in manifest.quarantined}


# --- what comes out -------------------------------------------------------------------------------------------------


def test_every_stored_pixel_is_what_serving_computes_from_the_original(lab):
    for fit in ("pad", "crop", "stretch"):
        out, _ = lab.run(fit=fit)
        version = ProcessedVersion(out)
        seen = 0
        for split in SPLITS:
            images = version.split(split)
            for row, pixels in zip(images.rows, images.pixels(range(len(images))), strict=True):
                original = prepare_image((lab.photos / row.path).read_bytes(), SIZE, fit)
                assert np.array_equal(pixels, original.pixels)
                assert (row.width, row.height) == (original.width, original.height)
                assert row.sha256 == sha256_bytes((lab.photos / row.path).read_bytes())
                seen += 1
            assert [version.labels[index] for index in images.labels] == [row.label for row in images.rows]
        assert seen == 28


def test_the_manifest_counts_what_is_there(lab):
    out, manifest = lab.run()
    assert (manifest.kind, manifest.name, manifest.files, manifest.recipe) == (
        "processed",
        "flowers_processed",
        28,
        "recipe",
    )
    assert manifest.classes == {"daisy": 14, "roses": 14}
    assert sum(manifest.splits.values()) == 28
    assert set(manifest.splits) == set(SPLITS)
    table = pq.read_table(out / "data")
    counted = Counter(zip(table["split"].to_pylist(), table["label"].to_pylist(), strict=True))
    assert {
        (split, index): n for split, part in manifest.split_classes.items() for index, n in enumerate(part.values())
    } == counted
    assert (manifest.decoded, manifest.carried_over) == (28, 0)
    assert manifest.params["image_size"] == SIZE
    assert "workers" not in manifest.params
    assert manifest.digest == sha256_bytes((out / "files.jsonl").read_bytes())


def test_nothing_else_is_left_in_the_folder(lab):
    out, _ = lab.run()
    assert sorted(path.name for path in out.iterdir()) == [
        "data",
        "files.jsonl",
        "hygiene.json",
        "manifest.json",
        "samples",
    ]


def test_neither_workers_nor_names_of_the_machine_change_the_digest(lab):
    digests = {lab.run(workers=workers)[1].digest for workers in (1, 2, 7, None)}
    assert len(digests) == 1


def test_many_photos_are_spread_over_processes_with_the_same_result(lab, monkeypatch):
    monkeypatch.setattr(crew, "_ENOUGH", 20)
    monkeypatch.setattr(crew, "_BATCH", 1)  # else the first thread may have done all before the others begin
    lab.add("daisy/copy.jpg", (lab.photos / "daisy/daisy_0001.jpg").read_bytes())
    lab.add("daisy/broken.jpg", b"no image")
    alone = lab.run(workers=1)[1]
    together = lab.run(workers=3)[1]
    squares = lab.root / "by-several"
    raw = lab.take_in(Decode(SIZE, "pad", squares), workers=3)
    assert len(list(squares.iterdir())) >= 2
    on_the_way_in = lab.step(raw, squares=squares)[1]
    assert alone.digest == together.digest == on_the_way_in.digest
    assert alone.quarantined == together.quarantined == on_the_way_in.quarantined


def test_a_few_test_photos_travel_along_as_received(lab):
    make_photos(lab.photos, per_class=30)
    out, _ = lab.run()
    version = ProcessedVersion(out)
    samples = version.samples()
    assert Counter(sample.label for sample in samples) == {"daisy": 2, "roses": 2}
    in_test = {row.sha256 for row in version.rows if row.split == "test"}
    for sample in samples:
        data = (out / SAMPLES_DIR / sample.file).read_bytes()
        assert data == (lab.photos / sample.path).read_bytes()
        assert sample.sha256 == sha256_bytes(data)
        assert sample.sha256 in in_test


# --- duplicates and conflicts ---------------------------------------------------------------------------------------


def test_further_copies_in_a_class_are_counted_once_and_reported(lab):
    lab.add("daisy/zz copy.jpg", (lab.photos / "daisy/daisy_0003.jpg").read_bytes())
    _, manifest = lab.run()
    assert manifest.files == 28
    assert [(entry.path, entry.reason) for entry in manifest.duplicates] == [
        ("daisy/zz copy.jpg", "same bytes as daisy/daisy_0003.jpg")
    ]
    assert manifest.quarantined == []


def test_the_same_photo_under_two_labels_is_quarantined_with_both_paths(lab):
    lab.add("roses/wrong.jpg", (lab.photos / "daisy/daisy_0003.jpg").read_bytes())
    _, manifest = lab.run()
    assert reasons(manifest) == {
        "daisy/daisy_0003.jpg": "same photo under another class: roses/wrong.jpg",
        "roses/wrong.jpg": "same photo under another class: daisy/daisy_0003.jpg",
    }
    assert manifest.classes == {"daisy": 13, "roses": 14}


def copies_of(original: Image.Image) -> dict[str, bytes]:
    """A picture as people pass it on: re-encoded, resized, mirrored or turned with a tag that says so."""
    mirrored, turned = Image.Exif(), Image.Exif()
    mirrored[0x0112], turned[0x0112] = 2, 6
    return {
        "original.png": encoded(original, "PNG"),
        "small.jpg": encoded(original.resize((150, 120)), quality=60),
        "large.webp": encoded(original.resize((320, 256)), "WEBP"),
        "mirrored.jpg": encoded(ImageOps.mirror(original), quality=85, exif=mirrored),
        "turned.jpg": encoded(original.transpose(Image.Transpose.ROTATE_90), quality=85, exif=turned),
    }


def test_no_two_copies_of_a_photo_are_in_different_splits(lab):
    for number in range(24):
        for name, data in copies_of(picture(1000 + number, (200, 160))).items():
            lab.add(f"daisy/{number}-{name}", data)
    out, manifest = lab.run()
    splits: dict[str, set[str]] = defaultdict(set)
    for row in ProcessedVersion(out).rows:
        if "-" in row.path:
            splits[row.path.partition("-")[0]].add(row.split)
    assert manifest.files == 28 + 24 * 5
    assert [len(found) for found in splits.values()] == [1] * 24
    assert len({split for found in splits.values() for split in found}) == 3


# --- unusable files -------------------------------------------------------------------------------------------------


def test_unusable_files_are_quarantined_with_the_reason(lab):
    whole = photo_bytes(1, (300, 200))
    lab.add("daisy/truncated.jpg", whole[: len(whole) // 2])
    lab.add("daisy/empty.jpg", b"")
    lab.add("roses/page.jpg", b"<html>404</html>")
    _, manifest = lab.run()
    found = reasons(manifest)
    assert found.pop("daisy/truncated.jpg").startswith("truncated")
    assert found == {"daisy/empty.jpg": "empty file", "roses/page.jpg": "not a JPEG, PNG, WebP, GIF or BMP image"}
    assert manifest.files == 28


def test_too_many_unusable_files_are_refused_and_all_listed(lab):
    for number in range(3):
        lab.add(f"roses/bad{number}.jpg", b"bad %d" % number)
    with pytest.raises(BadInputError) as caught:
        lab.run(max_bad=0.05)
    error = caught.value
    assert error.exit_code == 3
    assert error.message.startswith("3 of 31 files cannot be used (allowed: 2); the first: roses/bad0.jpg: not a JPEG")
    assert "--max-bad 10%" in (error.hint or "")
    assert [entry["path"] for entry in error.details["quarantined"]] == [f"roses/bad{n}.jpg" for n in range(3)]
    assert lab.run(max_bad=0.10)[1].files == 28


def test_one_bad_photo_in_a_small_folder_is_no_failure_unless_none_is_allowed(lab):
    lab.add("roses/bad.jpg", b"bad")
    assert lab.run(max_bad=0.01)[1].files == 28
    with pytest.raises(BadInputError, match="1 of 29 files"):
        lab.run(max_bad=0)


def test_a_class_left_without_photos_is_named(lab):
    for number in range(3):
        lab.add(f"tulips/{number}.jpg", b"bad %d" % number)
    with pytest.raises(BadInputError, match="'tulips'"):
        lab.run()


def test_a_class_with_too_few_photos_is_named(lab):
    for number in range(2):
        lab.add(f"tulips/{number}.jpg", photo_bytes(700 + number))
    with pytest.raises(BadInputError, match="class 'tulips' has 2 distinct photos"):
        lab.run()


def stored_photo(lab: Lab) -> Path:
    return next(path for path in (lab.home / "objects").rglob("*") if path.is_file())


def test_a_corrupt_stored_photo_stops_the_step(lab):
    raw = lab.take_in()
    victim = stored_photo(lab)
    victim.write_bytes(b"x" * victim.stat().st_size)
    with pytest.raises(StoreIntegrityError, match="is corrupt"):
        lab.step(raw)


def test_taking_the_photos_in_again_mends_the_store(lab):
    lab.run()
    victim = stored_photo(lab)
    whole = victim.read_bytes()
    victim.write_bytes(b"x" * len(whole))
    assert lab.run()[1].files == 28
    assert victim.read_bytes() == whole


def test_odd_names_come_through(lab):
    names = ["line\nfeed.a\nb", "-rf", "🌼.JPG", "a'b\"c.jp\\eg", "sep\u2028.x\u2028y", "dots...", "trailing. "]
    shutil.rmtree(lab.photos)
    for label in ("🌼 class\n", "-roses"):
        for number, name in enumerate(names):
            lab.add(f"{label}/{name}", photo_bytes(number, hue=len(label)))
    out, manifest = lab.run()
    assert manifest.files == 14
    version = ProcessedVersion(out)
    assert {row.path for row in version.rows} == {
        f"{label}/{name}" for label in ("🌼 class\n", "-roses") for name in names
    }
    for sample in version.samples():
        assert sample.file.isascii()
        assert sample.file.isprintable()
        assert (out / SAMPLES_DIR / sample.file).is_file()


# --- growing --------------------------------------------------------------------------------------------------------


def decode_calls(monkeypatch) -> list[int]:
    calls: list[int] = []
    real = photo_job.prepare_image
    monkeypatch.setattr(photo_job, "prepare_image", lambda *given: (calls.append(1), real(*given))[1])
    return calls


def test_carrying_over_decodes_nothing_and_gives_the_same_version(lab, monkeypatch):
    first, before = lab.run()
    calls = decode_calls(monkeypatch)
    second, after = lab.run(first)
    assert calls == []
    assert (after.decoded, after.carried_over) == (0, 28)
    assert after.digest == before.digest
    for path in (first / "data").iterdir():
        assert path.read_bytes() == (second / "data" / path.name).read_bytes()


def inodes(folder: Path) -> set[int]:
    return {path.stat().st_ino for path in (folder / "data").iterdir()}


def test_the_shards_of_an_earlier_version_stay_as_they_are(lab):
    first, before = lab.run()
    lab.add("daisy/new.jpg", photo_bytes(600))
    second, after = lab.run(first)
    assert inodes(first) < inodes(second)
    assert len(after.shards) == len(before.shards) + 1
    assert {shard.sha256 for shard in before.shards} < {shard.sha256 for shard in after.shards}
    assert sorted(shard.file for shard in after.shards) == sorted(path.name for path in (second / "data").iterdir())
    assert len(ProcessedVersion(second).split("train").pixels(range(3))) == 3


def test_a_shard_with_a_photo_that_is_gone_is_written_anew(lab):
    first, before = lab.run()
    gone = next(row for row in ProcessedVersion(first).rows if row.split == "train")
    (lab.photos / gone.path).unlink()
    second, after = lab.run(first)
    kept = {shard.file[:4] for shard in after.shards if shard.sha256 in {old.sha256 for old in before.shards}}
    assert kept == {"vali", "test"}
    assert (after.files, after.decoded) == (27, 0)
    assert gone.sha256 not in pq.read_table(second / "data", columns=["sha256"])["sha256"].to_pylist()


def test_a_new_class_changes_what_the_shards_say_of_the_classes(lab):
    first, _ = lab.run()
    for number in range(5):
        lab.add(f"asters/{number}.jpg", photo_bytes(700 + number))
    second, manifest = lab.run(first)
    assert (manifest.decoded, manifest.carried_over) == (5, 28)
    assert not inodes(first) & inodes(second)
    labels = sorted(manifest.classes)
    table = pq.read_table(second / "data", columns=["label", "sha256"]).to_pydict()
    said = {sha256: labels[label] for sha256, label in zip(table["sha256"], table["label"], strict=True)}
    assert said == {row.sha256: row.label for row in ProcessedVersion(second).rows}


def test_many_small_steps_do_not_leave_many_small_files(lab, monkeypatch):
    monkeypatch.setattr(layout, "_MOST_SMALL", 2)
    folders = [lab.run()[0]]
    for number in range(7):
        for copy in range(6):
            lab.add(f"daisy/{number}-{copy}.jpg", photo_bytes(1000 + 10 * number + copy))
        out, manifest = lab.run(*folders[::-1])
        folders.append(out)
        per_split = Counter(shard.file.partition("-")[0] for shard in manifest.shards)
        assert max(per_split.values()) <= 3
        assert manifest.decoded == 6
    assert manifest.files == 28 + 42


def test_decoding_on_the_way_in_gives_the_same_version_and_decodes_nothing_twice(lab, monkeypatch):
    lab.add("daisy/copy.jpg", (lab.photos / "daisy/daisy_0001.jpg").read_bytes())
    lab.add("daisy/broken.jpg", b"no image")
    expected_folder, expected = lab.run()
    calls = decode_calls(monkeypatch)
    out, manifest = lab.run_decoding_on_the_way_in()
    assert len(calls) == 29  # 28 photos and the broken one; the copy is known by its bytes
    assert manifest.digest == expected.digest
    assert manifest.quarantined == expected.quarantined
    for path in (expected_folder / "data").iterdir():
        assert path.read_bytes() == (out / "data" / path.name).read_bytes()
    lab.add("daisy/new.jpg", photo_bytes(600))
    calls.clear()
    grown, more = lab.run_decoding_on_the_way_in(out)
    assert len(calls) == 2  # the new photo, and the broken one, which no version has
    assert (more.decoded, more.carried_over) == (1, 28)
    assert inodes(out) < inodes(grown)


def test_only_new_photos_are_decoded_and_no_old_one_moves(lab, monkeypatch):
    first, _ = lab.run()
    make_photos(lab.photos, per_class=8, seed=5)  # overwrites eight of each class
    for number in range(6):
        lab.add(f"daisy/new{number}.jpg", photo_bytes(600 + number))
    calls = decode_calls(monkeypatch)
    second, manifest = lab.run(first)
    assert len(calls) == manifest.decoded == 22
    assert manifest.carried_over == 12
    before, after = splits_of(first), splits_of(second)
    assert {sha256: split for sha256, split in after.items() if sha256 in before} == {
        sha256: split for sha256, split in before.items() if sha256 in after
    }
    assert splits_of(lab.run(first, workers=1)[0]) == after


def test_another_geometry_is_decoded_again_with_the_same_splits(lab):
    first, _ = lab.run()
    second, manifest = lab.run(first, image_size=SIZE * 2)
    assert (manifest.decoded, manifest.carried_over) == (28, 0)
    assert splits_of(second) == splits_of(first)
    assert lab.run(first, fit="crop")[1].carried_over == 0


def test_a_photo_that_changed_its_class_is_carried_over_under_the_new_one(lab):
    first, _ = lab.run()
    (lab.photos / "daisy/daisy_0000.jpg").rename(lab.photos / "roses/moved.jpg")
    second, manifest = lab.run(first)
    assert manifest.carried_over == 28
    moved = next(row for row in ProcessedVersion(second).rows if row.path == "roses/moved.jpg")
    assert moved.label == "roses"


def test_a_new_near_duplicate_follows_the_old_photo(lab):
    first, _ = lab.run()
    before = {row.path: row.split for row in ProcessedVersion(first).rows}
    for path in list(before):
        with Image.open(lab.photos / path) as image:
            image.load()
            lab.add(path.replace(".jpg", "_again.png"), encoded(image, "PNG"))
    second, manifest = lab.run(first)
    after = {row.path: row.split for row in ProcessedVersion(second).rows}
    assert manifest.files == 56
    assert all(after[path] == after[path.replace(".jpg", "_again.png")] == split for path, split in before.items())


@pytest.mark.parametrize("damage", ["pixels", "pages", "footer", "gone"])
def test_photos_of_a_damaged_earlier_version_are_decoded_again(lab, damage):
    first, before = lab.run()
    for path in sorted((first / "data").iterdir()):
        data = bytearray(path.read_bytes())
        if damage == "gone":
            path.unlink()
            continue
        if damage == "footer":
            data = data[:-30]
        elif damage == "pages":
            data[100 : len(data) // 2] = bytes(len(data) // 2 - 100)
        else:
            table = pq.read_table(path)
            images = [
                {"bytes": flipped(record["bytes"]), "path": record["path"]} for record in table["image"].to_pylist()
            ]
            column = pa.array(images, type=table.schema.field("image").type)
            pq.write_table(table.set_column(0, table.schema.field("image"), column), path)
            continue
        path.write_bytes(data)
    second, after = lab.run(first)
    assert after.digest == before.digest
    assert after.decoded > 0
    images = ProcessedVersion(second).split("train")
    assert len(images.pixels(range(len(images)))) == before.splits["train"]


def flipped(stored: bytes) -> bytes:
    """The picture with its last byte changed, or its header destroyed for every other picture."""
    return b"XX" + stored[2:] if random.Random(stored).random() < 0.5 else stored[:-1] + bytes([stored[-1] ^ 1])


def test_damaged_rows_of_an_earlier_version_are_an_integrity_error(lab):
    """Without the rows the splits are unknown, and photos would move."""
    first, _ = lab.run()
    (first / "files.jsonl").write_bytes(b"{}\n")
    with pytest.raises(StoreIntegrityError, match="does not match its digest"):
        lab.run(first)


# --- reading it -----------------------------------------------------------------------------------------------------


def test_a_changed_pixel_is_noticed_when_it_is_read(lab):
    out, _ = lab.run()
    path = out / "data" / "test-00000-of-00001.parquet"
    table = pq.read_table(path)
    images = [{"bytes": record["bytes"][:-1] + b"\x01", "path": ""} for record in table["image"].to_pylist()]
    column = pa.array(images, type=table.schema.field("image").type)
    pq.write_table(table.set_column(0, table.schema.field("image"), column), path)
    images = ProcessedVersion(out).split("test")
    with pytest.raises(StoreIntegrityError, match="of the test split is corrupt"):
        images.pixels(range(len(images)))


def test_a_missing_shard_is_noticed_when_the_split_is_opened(lab):
    out, _ = lab.run()
    (out / "data" / "validation-00000-of-00001.parquet").unlink()
    with pytest.raises(StoreIntegrityError, match="val shards hold 0 images"):
        ProcessedVersion(out).split("val")


@pytest.mark.parametrize("content", [None, b"{"])
def test_missing_or_damaged_samples_are_an_integrity_error(lab, content):
    out, _ = lab.run()
    if content is None:
        (out / SAMPLES_DIR / "samples.json").unlink()
    else:
        (out / SAMPLES_DIR / "samples.json").write_bytes(content)
    with pytest.raises(StoreIntegrityError, match=r"samples\.json"):
        ProcessedVersion(out).samples()


def test_the_pictures_in_the_shards_open_in_any_viewer(lab):
    out, _ = lab.run()
    record = pq.read_table(out / "data" / "train-00000-of-00001.parquet")["image"][0].as_py()
    assert Image.open(BytesIO(record["bytes"])).size == (SIZE, SIZE)
