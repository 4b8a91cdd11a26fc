from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from flowerops.datasets import layout, shards
from flowerops.datasets.layout import plan_layout
from flowerops.datasets.pixels import decode_pixels, stored_size
from flowerops.datasets.shard_reader import ShardReader
from flowerops.datasets.shards import DATA_DIR, split_files, write_shard
from flowerops.datasets.verify_shards import shard_problems
from flowerops.domain.dataset import ProcessedImage, ShardInfo, Split
from flowerops.errors import StoreIntegrityError
from flowerops.images import prepare_image
from flowerops.io.hashing import sha256_bytes
from helpers.photos import encode_pixels, encoded, picture

LABELS = ["daisy", "roses"]
SIZE = 20


def photo(number: int) -> np.ndarray:
    return prepare_image(encoded(picture(number, (31, 24))), SIZE).pixels


def row(number: int, split: Split = "train") -> ProcessedImage:
    pixels = photo(number)
    return ProcessedImage(
        dhash=f"{number:016x}",
        height=24,
        label=LABELS[number % 2],
        mean_rgb="0a0b0c",
        path=f"{LABELS[number % 2]}/{number}.jpg",
        pixels_sha256=sha256_bytes(pixels.tobytes()),
        sha256=sha256_bytes(str(number).encode()),
        split=split,
        width=31,
    )


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(layout, "ROWS_PER_SHARD", 7)
    monkeypatch.setattr(shards, "_ROWS_PER_GROUP", 3)


def write(folder: Path, rows: list[ProcessedImage]) -> dict[str, np.ndarray]:
    """Write all shards; gives the pixels by SHA-256."""
    pixels = {found.sha256: photo(int(Path(found.path).stem)) for found in rows}
    (folder / DATA_DIR).mkdir()

    def read_into(sha256: str, buffer: memoryview) -> None:
        buffer[:] = encode_pixels(pixels[sha256])

    for shard in plan_layout(rows, [], LABELS).new:
        write_shard(folder / DATA_DIR / shard.name, shard.rows, LABELS, SIZE, read_into)
    return pixels


def reader_of(folder: Path, split: Split) -> ShardReader:
    return ShardReader(split_files(folder, split))


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
@settings(max_examples=60)
def test_pixels_are_stored_without_loss(pixels):
    stored = encode_pixels(pixels)
    assert np.array_equal(decode_pixels(stored), pixels)
    assert np.array_equal(np.asarray(Image.open(BytesIO(stored))), pixels)
    if pixels.shape[0] == pixels.shape[1]:
        assert len(stored) == stored_size(pixels.shape[0])


@pytest.mark.parametrize(
    "damage", [b"", b"P6\n2 2\n255\n", b"P6\n2 2\n255\n" + bytes(13), b"P5\n2 2\n255\n" + bytes(12)]
)
def test_what_is_no_stored_picture_is_an_integrity_error(damage):
    with pytest.raises(StoreIntegrityError, match="damaged"):
        decode_pixels(damage)


def test_shards_are_named_as_hugging_face_names_them(tmp_path, small_shards):
    rows = [row(number, ("train", "val", "test")[number % 3]) for number in range(24)]
    write(tmp_path, rows)
    assert sorted(path.name for path in (tmp_path / DATA_DIR).iterdir()) == [
        "test-00000-of-00002.parquet",
        "test-00001-of-00002.parquet",
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
        "validation-00000-of-00002.parquet",
        "validation-00001-of-00002.parquet",
    ]


def test_any_reader_of_parquet_finds_labels_and_pictures(tmp_path):
    rows = [row(number) for number in range(6)]
    pixels = write(tmp_path, rows)
    table = pq.read_table(tmp_path / DATA_DIR)
    assert table.column_names == [
        "image", "label", "sha256", "dhash", "mean_rgb", "pixels_sha256", "split", "width", "height",
    ]  # fmt: skip
    by_sha256 = {found.sha256: found for found in rows}
    assert len(table) == 6
    for record in table.to_pylist():
        expected = by_sha256[record["sha256"]]
        assert LABELS[record["label"]] == expected.label
        image = Image.open(BytesIO(record["image"]["bytes"]))
        assert (image.mode, image.size) == ("RGB", (SIZE, SIZE))
        assert np.array_equal(np.asarray(image), pixels[record["sha256"]])
        assert record["image"]["path"].endswith(".ppm")
        assert {name: record[name] for name in ("dhash", "mean_rgb", "pixels_sha256", "split", "width", "height")} == {
            name: getattr(expected, name) for name in ("dhash", "mean_rgb", "pixels_sha256", "split", "width", "height")
        }


def test_the_hugging_face_features_name_the_image_the_labels_and_every_column(tmp_path):
    write(tmp_path, [row(number) for number in range(3)])
    schema = pq.read_schema(tmp_path / DATA_DIR / "train-00000-of-00001.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": LABELS, "_type": "ClassLabel"}
    assert features["width"] == {"dtype": "int32", "_type": "Value"}
    assert list(features) == schema.names


def test_the_same_rows_give_the_same_files_in_any_order(tmp_path, small_shards):
    rows = [row(number) for number in range(20)]
    for name, order in (("one", rows), ("other", rows[::-1])):
        (tmp_path / name).mkdir()
        write(tmp_path / name, order)
    for path in (tmp_path / "one" / DATA_DIR).iterdir():
        assert path.read_bytes() == (tmp_path / "other" / DATA_DIR / path.name).read_bytes()


def test_a_reader_finds_every_row_across_groups_and_shards(tmp_path, small_shards):
    rows = [row(number) for number in range(24)]
    pixels = write(tmp_path, rows)
    assert len(list((tmp_path / DATA_DIR).iterdir())) == 4
    reader = reader_of(tmp_path, "train")
    order = sorted(found.sha256 for found in rows)
    assert len(reader) == 24
    assert reader.sha256s() == order
    assert [reader.find(sha256) for sha256 in order] == list(range(24))
    assert reader.find("0" * 64) is None
    indices = [*np.random.default_rng(1).permutation(24), 0, 0, 23]
    found = reader.pixels(indices)
    assert found.shape == (27, SIZE, SIZE, 3)
    for index, image in zip(indices, found, strict=True):
        assert np.array_equal(image, pixels[order[index]])


def test_the_order_is_that_of_the_hashes_however_the_rows_are_spread(tmp_path, small_shards):
    rows = [row(number) for number in range(20)]
    pixels = write(tmp_path, rows)
    (tmp_path / "scattered").mkdir()
    paths = []
    for number in range(3):
        part = sorted(rows[number::3], key=lambda found: found.sha256)
        paths.append(tmp_path / "scattered" / f"{number}.parquet")

        def read_into(sha256: str, buffer: memoryview) -> None:
            buffer[:] = encode_pixels(pixels[sha256])

        write_shard(paths[-1], part, LABELS, SIZE, read_into)
    scattered, plain = ShardReader(paths), reader_of(tmp_path, "train")
    assert scattered.sha256s() == plain.sha256s()
    assert np.array_equal(scattered.pixels(range(20)), plain.pixels(range(20)))


def test_a_walk_in_order_reads_each_row_group_once(tmp_path, small_shards, monkeypatch):
    write(tmp_path, [row(number) for number in range(40)])
    reader = reader_of(tmp_path, "train")
    read = []
    real = pq.ParquetFile.read_row_group
    counted = lambda self, *given, **more: (read.append(1), real(self, *given, **more))[1]  # noqa: E731
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    for place in range(40):
        reader.image(place)
    assert len(read) == sum(-(-size // 3) for size in (7, 7, 7, 7, 7, 5))


def test_large_squares_get_small_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_BYTES_PER_GROUP", 2 * stored_size(SIZE))
    write(tmp_path, [row(number) for number in range(5)])
    assert pq.ParquetFile(tmp_path / DATA_DIR / "train-00000-of-00001.parquet").num_row_groups == 3


def test_a_reader_says_what_the_rows_say(tmp_path):
    rows = [row(number) for number in range(5)]
    write(tmp_path, rows)
    by_sha256 = {found.sha256: found for found in rows}
    for facts, split, label in reader_of(tmp_path, "train").rows():
        expected = by_sha256[facts.sha256]
        assert (split, LABELS[label]) == ("train", expected.label)
        assert (facts.dhash, facts.pixels_sha256, facts.width) == (
            expected.dhash,
            expected.pixels_sha256,
            expected.width,
        )


def test_a_split_without_rows_is_empty(tmp_path):
    write(tmp_path, [row(1)])
    assert len(reader_of(tmp_path, "test")) == 0
    assert reader_of(tmp_path, "test").sha256s() == []


@pytest.mark.parametrize("damage", ["end", "middle", "empty", "all"])
def test_a_damaged_shard_is_an_integrity_error(tmp_path, damage):
    write(tmp_path, [row(number) for number in range(12)])
    path = tmp_path / DATA_DIR / "train-00000-of-00001.parquet"
    data = path.read_bytes()
    middle = data[:200] + bytes(len(data) // 2) + data[200 + len(data) // 2 :]
    path.write_bytes({"end": data[:-100], "middle": middle, "empty": b"", "all": b"\0" * len(data)}[damage])
    with pytest.raises(StoreIntegrityError, match="is damaged") as caught:
        reader_of(tmp_path, "train").pixels(range(12))
    assert str(path) in caught.value.message


def test_a_row_without_its_image_is_damage(tmp_path):
    rows = sorted((row(number) for number in range(3)), key=lambda found: found.sha256)
    write(tmp_path, rows)
    (path,) = split_files(tmp_path, "train")
    table = pq.read_table(path)
    bare = pa.array([None, *table["image"].to_pylist()[1:]], table.schema.field("image").type)
    pq.write_table(table.set_column(0, table.schema.field(0), bare), path)
    with pytest.raises(StoreIntegrityError, match="without its image"):
        ShardReader([path]).pixels([0])


@pytest.mark.parametrize("damaged", [b"pixels_sha256", b"ClassLabel"])
def test_a_shard_whose_columns_or_key_are_no_text_is_a_problem_like_any_other(tmp_path, damaged):
    rows = [row(1)]
    write(tmp_path, rows)
    (path,) = split_files(tmp_path, "train")
    info = ShardInfo(file=path.name, images=1, sha256=sha256_bytes(path.read_bytes()))
    path.write_bytes(path.read_bytes().replace(damaged, b"\xff" * len(damaged)))
    assert shard_problems(path, info, {rows[0].sha256: rows[0]}, LABELS, "flowers:1")


def test_a_key_that_is_no_text_is_damage(tmp_path):
    rows = [row(1)]
    write(tmp_path, rows)
    (path,) = split_files(tmp_path, "train")
    pq.write_table(pq.read_table(path), path, compression="none", use_dictionary=False, write_statistics=False)
    path.write_bytes(path.read_bytes().replace(rows[0].sha256.encode(), b"\xff" * 64))
    with pytest.raises(StoreIntegrityError, match="is damaged"):
        ShardReader([path])
