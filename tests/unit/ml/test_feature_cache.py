"""Features on disk survive crashes, damage and company."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerops.io.hashing import sha256_bytes
from flowerops.ml import feature_cache
from flowerops.ml.feature_cache import FeatureCache, Features

WIDTH = 3


def keys_of(numbers: list[int]) -> list[str]:
    return [sha256_bytes(str(number).encode()) for number in numbers]


def features_of(numbers: list[int]) -> Features:
    return np.array([[number, number + 0.5, -number] for number in numbers], np.float32).reshape(-1, WIDTH)


def store(folder: Path, numbers: list[int]) -> FeatureCache:
    cache = FeatureCache(folder, WIDTH)
    with cache.writer() as writer:
        writer.add(keys_of(numbers), features_of(numbers))
    return cache


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=5), st.lists(st.integers(0, 40), max_size=12))
def test_what_was_added_in_any_order_is_found_and_nothing_else(added: list[list[int]], wanted: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for numbers in added:
            store(Path(folder), numbers)
        features, found = FeatureCache(Path(folder), WIDTH).load(keys_of(wanted))
    known = {number for numbers in added for number in numbers}
    assert found.tolist() == [number in known for number in wanted]
    np.testing.assert_array_equal(features[found], features_of([number for number in wanted if number in known]))


def test_a_damaged_segment_counts_as_absent_and_is_healed_by_computing_again(tmp_path: Path) -> None:
    store(tmp_path, [1, 2])
    store(tmp_path, [3])
    damaged = max(tmp_path.glob("*.npy"), key=lambda path: path.stat().st_size)
    data = bytearray(damaged.read_bytes())
    data[-5] ^= 0xFF
    damaged.write_bytes(data)
    _, found = FeatureCache(tmp_path, WIDTH).load(keys_of([1, 2, 3]))
    assert found.tolist() == [False, False, True]
    _, found = store(tmp_path, [1, 2]).load(keys_of([1, 2, 3]))
    assert found.all()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"anything else"])
def test_a_file_that_is_no_segment_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / f"{sha256_bytes(content)}.npy").write_bytes(content)
    _, found = store(tmp_path, [1]).load(keys_of([1]))
    assert found.all()


def test_what_was_done_before_a_crash_is_kept(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, WIDTH)
    with pytest.raises(KeyboardInterrupt), cache.writer() as writer:
        writer.add(keys_of([1, 2]), features_of([1, 2]))
        raise KeyboardInterrupt
    assert cache.load(keys_of([1, 2, 3]))[1].tolist() == [True, True, False]


def test_long_runs_publish_segments_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "SEGMENT_IMAGES", 4)
    with FeatureCache(tmp_path, WIDTH).writer() as writer:
        for number in range(10):
            writer.add(keys_of([number]), features_of([number]))
            assert len(list(tmp_path.glob("*.npy"))) == (number + 1) // 4
    assert len(list(tmp_path.glob("*.npy"))) == 3


def test_many_writers_and_readers_at_once_lose_nothing(tmp_path: Path) -> None:
    def work(start: int) -> None:
        for number in range(start, 40, 4):
            store(tmp_path, [number]).load(keys_of([number]))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    features, found = FeatureCache(tmp_path, WIDTH).load(keys_of(list(range(40))))
    assert found.all()
    np.testing.assert_array_equal(features, features_of(list(range(40))))
