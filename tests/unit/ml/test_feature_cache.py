"""Features on disk survive crashes, damage and company."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
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


def segment_of(folder: Path, numbers: list[int]) -> Path:
    """Store features, and give the file that came into being."""
    before = set(segments(folder))
    store(folder, numbers)
    (made,) = set(segments(folder)) - before
    return made


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.features"))


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


@pytest.mark.parametrize(("place", "left"), [(-5, [1, 3]), (-5 - 4 * WIDTH, [2, 3]), (70, [3]), (20, [3]), (3, [3])])
def test_damaged_features_count_as_absent_and_are_healed_by_computing_again(
    tmp_path: Path, place: int, left: list[int]
) -> None:
    store(tmp_path, [3])
    in_order = sorted([1, 2], key=lambda number: keys_of([number])[0])
    damaged = segment_of(tmp_path, in_order)
    data = bytearray(damaged.read_bytes())
    data[place] ^= 0xFF
    damaged.write_bytes(data)
    _, found = FeatureCache(tmp_path, WIDTH).load(keys_of([*in_order, 3]))
    assert [number for number, there in zip([1, 2, 3], found, strict=True) if there] == left
    _, found = store(tmp_path, [1, 2]).load(keys_of([1, 2, 3]))
    assert found.all()


@pytest.mark.parametrize("missing", [1, 4 * WIDTH, 100, 250])
def test_a_segment_that_was_cut_off_counts_as_absent(tmp_path: Path, missing: int) -> None:
    store(tmp_path, [3])
    cut = segment_of(tmp_path, [1, 2])
    cut.write_bytes(cut.read_bytes()[:-missing])
    assert FeatureCache(tmp_path, WIDTH).load(keys_of([1, 2, 3]))[1].tolist() == [False, False, True]


@pytest.mark.parametrize("content", [b"", b"FOFEAT01", b"anything else"])
def test_a_file_that_is_no_segment_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / f"{sha256_bytes(content)}.features").write_bytes(content)
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
            assert len(list(tmp_path.glob("*.features"))) == (number + 1) // 4
    assert len(list(tmp_path.glob("*.features"))) == 3


def test_small_segments_become_one_and_full_ones_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "SEGMENT_IMAGES", 30)
    full = segment_of(tmp_path, list(range(100, 140)))
    for number in range(60):
        store(tmp_path, [number, number // 2])
        assert len(segments(tmp_path)) <= feature_cache.MOST_SMALL + 1 + len(range(number)) // 15
    assert full in segments(tmp_path)
    features, found = FeatureCache(tmp_path, WIDTH).load(keys_of(list(range(60))))
    assert found.all()
    np.testing.assert_array_equal(features, features_of(list(range(60))))


def test_what_is_damaged_is_not_merged(tmp_path: Path) -> None:
    damaged = segment_of(tmp_path, [1, 2])
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 0xFF
    damaged.write_bytes(data)
    for number in range(10, 20):
        cache = store(tmp_path, [number])
    assert sum(cache.load(keys_of([1, 2, *range(10, 20)]))[1]) == 11


def test_large_features_are_a_file_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "_IN_MEMORY_BYTES", 4 * WIDTH)
    features, found = store(tmp_path, [1, 2]).load(keys_of([2, 1]))
    assert isinstance(features, np.memmap)
    assert found.all()
    np.testing.assert_array_equal(features, features_of([2, 1]))
    assert len(list(tmp_path.iterdir())) == 1


_WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from unit.ml.test_feature_cache import store
print("ready", flush=True)
for number in range(1, 100_000):
    store(Path(sys.argv[1]), [number])
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_loses_nothing_that_was_published(tmp_path: Path) -> None:
    tests = str(Path(__file__).parents[2])
    for attempt in range(3):
        command = [sys.executable, "-c", _WRITER, str(tmp_path), tests]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(0.15 + 0.07 * attempt)
            child.kill()
            last = int((child.stdout.read().rpartition("\n")[0].splitlines() or ["0"])[-1])
        wanted = list(range(1, last + 1))
        features, found = FeatureCache(tmp_path, WIDTH).load(keys_of(wanted))
        assert found.all()
        np.testing.assert_array_equal(features, features_of(wanted))


def test_many_writers_and_readers_at_once_lose_nothing(tmp_path: Path) -> None:
    def work(start: int) -> None:
        for number in range(start, 80, 4):
            features, found = store(tmp_path, [number]).load(keys_of(list(range(start, number + 1, 4))))
            assert found.all()
            np.testing.assert_array_equal(features, features_of(list(range(start, number + 1, 4))))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    features, found = FeatureCache(tmp_path, WIDTH).load(keys_of(list(range(80))))
    assert found.all()
    np.testing.assert_array_equal(features, features_of(list(range(80))))
    assert len(segments(tmp_path)) < 40
