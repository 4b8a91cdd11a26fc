from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from flowerops.datasets import shards
from flowerops.datasets.shards import DATA_DIR, ShardReader, decode_pixels, encode_pixels, shard_plan, write_shard
from flowerops.domain.dataset import ProcessedImage, Split
from flowerops.errors import StoreIntegrityError
from flowerops.images import prepare_image
from flowerops.io.hashing import sha256_bytes
from helpers.photos import encoded, picture

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
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 7)
    monkeypatch.setattr(shards, "ROWS_PER_GROUP", 3)


def write(folder: Path, rows: list[ProcessedImage]) -> dict[str, np.ndarray]:
    """Write all shards; gives the pixels by SHA-256."""
    pixels = {found.sha256: photo(int(Path(found.path).stem)) for found in rows}
    (folder / DATA_DIR).mkdir()
    for name, part in shard_plan(rows):
        write_shard(folder / DATA_DIR / name, part, LABELS, lambda sha256: encode_pixels(pixels[sha256]))
    return pixels


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
@settings(max_examples=60)
def test_pixels_are_stored_without_loss(pixels):
    assert np.array_equal(decode_pixels(encode_pixels(pixels)), pixels)


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
        assert record["image"]["path"].endswith(".bmp")
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
    for cached in (1, 2, 100):
        reader = ShardReader(tmp_path, "train", cached_groups=cached)
        order = [found.sha256 for _, part in shard_plan(rows) for found in part]
        assert len(reader) == 24
        assert reader.sha256s() == order
        indices = [*np.random.default_rng(cached).permutation(24), 0, 0, 23]
        found = reader.pixels(indices)
        assert found.shape == (27, SIZE, SIZE, 3)
        for index, image in zip(indices, found, strict=True):
            assert np.array_equal(image, pixels[order[index]])


def test_a_split_without_rows_is_empty(tmp_path):
    write(tmp_path, [row(1)])
    assert len(ShardReader(tmp_path, "test")) == 0
    assert ShardReader(tmp_path, "test").sha256s() == []


@pytest.mark.parametrize("damage", ["end", "middle", "empty", "all"])
def test_a_damaged_shard_is_an_integrity_error(tmp_path, damage):
    write(tmp_path, [row(number) for number in range(12)])
    path = tmp_path / DATA_DIR / "train-00000-of-00001.parquet"
    data = path.read_bytes()
    middle = data[:200] + bytes(len(data) // 2) + data[200 + len(data) // 2 :]
    path.write_bytes({"end": data[:-100], "middle": middle, "empty": b"", "all": b"\0" * len(data)}[damage])
    with pytest.raises(StoreIntegrityError, match="is damaged") as caught:
        ShardReader(tmp_path, "train").pixels(range(12))
    assert str(path) in caught.value.message
