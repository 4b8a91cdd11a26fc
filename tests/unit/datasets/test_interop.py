"""Other tools open a processed version as it lies in the store."""

from __future__ import annotations

import shutil
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flowerops.datasets.processed import ProcessedVersion
from helpers.tiny_store import SIZE, TinyStore

HF_SPLITS = {"train": "train", "validation": "val", "test": "test"}


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> ProcessedVersion:
    store = TinyStore(tmp_path_factory.mktemp("store"))
    return ProcessedVersion(store.add(store.photos(per_class=20))[1].folder)


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The library `datasets`, offline, with its caches in a temporary folder."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("hf")
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
            patch.setenv(name, "1")
        patch.setenv("HF_HOME", str(home))
        patch.setenv("HF_DATASETS_CACHE", str(home / "cache"))
        import datasets

        datasets.disable_progress_bars()
        yield datasets


def test_hugging_face_datasets_finds_splits_images_and_label_names(version, hugging_face, tmp_path):
    loaded = hugging_face.load_dataset("parquet", data_dir=str(version.folder / "data"), cache_dir=str(tmp_path))
    assert set(loaded) == set(HF_SPLITS)
    for name, split in HF_SPLITS.items():
        images = version.split(split)
        part = loaded[name]
        assert part.features["label"].names == ["daisy", "roses"]
        assert isinstance(part.features["image"], hugging_face.Image)
        assert len(part) == len(images)
        for index, example in enumerate(part):
            row = images.rows[index]
            assert part.features["label"].int2str(example["label"]) == row.label
            assert (example["sha256"], example["split"]) == (row.sha256, split)
            assert example["image"].size == (SIZE, SIZE)
            assert np.array_equal(np.asarray(example["image"].convert("RGB")), images.pixels([index])[0])


def test_hugging_face_datasets_streams_a_copy_from_anywhere(version, hugging_face, tmp_path):
    shutil.copytree(version.folder / "data", tmp_path / "elsewhere")
    loaded = hugging_face.load_dataset("parquet", data_dir=str(tmp_path / "elsewhere"), streaming=True)
    first = next(iter(loaded["test"]))
    assert first["sha256"] == version.split("test").rows[0].sha256


def test_duckdb_counts_and_finds_photos(version):
    import duckdb

    shards = str(version.folder / "data" / "*.parquet")
    with duckdb.connect() as database:
        counted = database.execute(
            "SELECT split, label, count(*) FROM read_parquet(?) GROUP BY ALL ORDER BY ALL", [shards]
        ).fetchall()
        expected = {
            (split, version.labels.index(label), count)
            for split, classes in version.manifest.split_classes.items()
            for label, count in classes.items()
        }
        assert set(counted) == expected
        row = version.rows[5]
        (data,) = database.execute(
            "SELECT image.bytes FROM read_parquet(?) WHERE sha256 = ?", [shards, row.sha256]
        ).fetchone()
    with Image.open(BytesIO(data)) as image:
        assert image.size == (SIZE, SIZE)


def test_pandas_reads_the_whole_folder_as_one_table(version):
    import pandas

    table = pandas.read_parquet(version.folder / "data")
    assert len(table) == len(version.rows)
    assert set(table["sha256"]) == {row.sha256 for row in version.rows}
    sizes = {row.sha256: (row.width, row.height) for row in version.rows}
    assert all(sizes[line.sha256] == (line.width, line.height) for line in table.itertuples())
    with Image.open(BytesIO(table["image"][0]["bytes"])) as image:
        assert image.mode == "RGB"
