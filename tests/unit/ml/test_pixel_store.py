"""Pixels in memory or in a file: the same ones, in any order."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import psutil
import pytest

from flowerops.domain.progress import SilentProgress
from flowerops.ml import pixel_store
from flowerops.ml.pixel_store import hold
from helpers.image_source import coloured


@pytest.mark.parametrize("limit", [1 << 30, 0])
def test_rows_come_in_the_order_in_which_they_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(pixel_store, "_IN_MEMORY_BYTES", limit)
    monkeypatch.setattr(pixel_store, "_READ_BYTES", 5000)
    source = coloured(30, 16)
    wanted = np.array([29, 0, 7, 7, 15])
    with hold(source, 16, tmp_path / "work", SilentProgress()) as store:
        assert store.shape == (30, 16, 16, 3)
        np.testing.assert_array_equal(store.rows(wanted), source.images[wanted])
    assert source.reads == 30
    assert not list(tmp_path.glob("work/*"))


def test_images_beyond_the_limit_take_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_store, "_IN_MEMORY_BYTES", 0)

    class Black:
        keys = range(3000)
        labels = np.zeros(3000, np.int64)

        def pixels(self, indices: range) -> np.ndarray:
            return np.zeros((len(indices), 128, 128, 3), np.uint8)

    process = psutil.Process()
    before = process.memory_info().rss
    with hold(Black(), 128, tmp_path, SilentProgress()) as store:  # type: ignore[arg-type]
        for start in range(0, 3000, 32):
            store.rows(np.arange(start, min(start + 32, 3000)))
        assert process.memory_info().rss - before < 70 << 20  # all of them are 147 MB


def test_a_file_that_lost_its_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_store, "_IN_MEMORY_BYTES", 0)
    with hold(coloured(4, 16), 16, tmp_path, SilentProgress()) as store:
        os.ftruncate(store._descriptor, 1000)  # type: ignore[attr-defined]
        with pytest.raises(OSError, match="image 3 is cut off"):
            store.rows(np.array([3]))
