from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from flowerops.datasets.shards import decode_pixels
from flowerops.domain.dataset import RawFile
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import SilentProgress
from flowerops.images import prepare_image
from flowerops.steps import decoding
from flowerops.steps.decoding import Earlier, PhotoDecoder, Spool
from helpers.photos import photo_bytes

PARAMS = PreprocessParams(image_size=32)


def rows(count: int) -> list[RawFile]:
    return [
        RawFile(bytes=1, label="daisy", path=f"daisy/{number}.jpg", sha256=f"{number:064x}") for number in range(count)
    ]


def photo_store(bad: frozenset[int] = frozenset()) -> SimpleNamespace:
    """Stands for a raw version: gives each row's photo, or something that is none."""

    def read(row: RawFile) -> bytes:
        number = int(row.sha256, 16)
        return b"not a photo" if number in bad else photo_bytes(number)

    return SimpleNamespace(read=read)


def decoder(spool: Spool, store: SimpleNamespace) -> PhotoDecoder:
    return PhotoDecoder(store, Earlier([], 32, "pad"), PARAMS, spool)


# --- the spool ------------------------------------------------------------------------------------------------------


def test_the_spool_gives_back_what_it_was_given_from_many_threads(tmp_path):
    def image(number: int) -> bytes:
        return np.random.default_rng(number).integers(0, 255, 100 + 37 * number, dtype=np.uint8).tobytes()

    with Spool(tmp_path / "spool") as spool, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: spool.write(str(number), image(number)), range(200)))
        assert list(pool.map(lambda number: spool.read(str(number)), range(200))) == [image(n) for n in range(200)]
        spool.write("late", b"late")
        assert spool.read("7") == image(7)
        assert spool.read("late") == b"late"


def test_the_spool_is_gone_whatever_happened(tmp_path):
    with pytest.raises(ZeroDivisionError), Spool(tmp_path / "spool") as spool:
        spool.write("a", b"x" * 1000)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


# --- decoding -------------------------------------------------------------------------------------------------------


def test_results_come_in_the_order_of_the_rows_with_the_bad_ones_aside(tmp_path):
    bad = frozenset({3, 50, 99})
    with Spool(tmp_path / "spool") as spool, ThreadPoolExecutor(4) as pool:
        decoded, rejected = decoder(spool, photo_store(bad)).run(rows(100), pool, SilentProgress())
        assert [found.row.sha256 for found in decoded] == [
            row.sha256 for n, row in enumerate(rows(100)) if n not in bad
        ]
        assert [found.path for found in rejected] == ["daisy/3.jpg", "daisy/50.jpg", "daisy/99.jpg"]
        for found in decoded[:10]:
            expected = prepare_image(photo_bytes(int(found.row.sha256, 16)), 32)
            assert np.array_equal(decode_pixels(spool.read(found.row.sha256)), expected.pixels)
            assert found.fingerprint == expected.fingerprint()


def test_the_manifest_row_says_the_hashes_in_hex(tmp_path):
    with Spool(tmp_path / "spool") as spool, ThreadPoolExecutor(1) as pool:
        (found,), _ = decoder(spool, photo_store()).run(rows(1), pool, SilentProgress())
    row = found.as_row("val")
    assert int(row.dhash, 16) == found.fingerprint.dhash
    assert len(row.dhash) == 16
    assert tuple(bytes.fromhex(row.mean_rgb)) == found.fingerprint.mean_rgb
    assert (row.split, row.label, row.path) == ("val", "daisy", "daisy/0.jpg")


def test_few_photos_are_in_memory_however_many_there_are(tmp_path, monkeypatch):
    """One slow photo in front must not make all others pile up behind it."""
    monkeypatch.setattr(decoding, "_IN_FLIGHT", 8)
    first_done = threading.Event()
    started: list[int] = []

    def read(row: RawFile) -> bytes:
        number = int(row.sha256, 16)
        started.append(number)
        if number == 0:
            first_done.wait(20)
        return b""

    with Spool(tmp_path / "spool") as spool, ThreadPoolExecutor(4) as pool, ThreadPoolExecutor(1) as outer:
        running = outer.submit(decoder(spool, SimpleNamespace(read=read)).run, rows(200), pool, SilentProgress())
        time.sleep(0.2)
        assert len(started) <= 8
        first_done.set()
        _, rejected = running.result(20)
    assert len(rejected) == len(started) == 200


def test_the_first_fault_of_the_store_ends_the_work(tmp_path):
    def read(row: RawFile) -> bytes:
        raise OSError(5, "Input/output error")

    with (
        Spool(tmp_path / "spool") as spool,
        ThreadPoolExecutor(2) as pool,
        pytest.raises(OSError, match="Input/output"),
    ):
        decoder(spool, SimpleNamespace(read=read)).run(rows(5), pool, SilentProgress())


def test_every_photo_is_told_to_the_listener(tmp_path):
    told = []

    class Listener(SilentProgress):
        def task(self, label, total, unit):
            told.append((label, total, unit))
            return super().task(label, total, unit)

    with Spool(tmp_path / "spool") as spool, ThreadPoolExecutor(2) as pool:
        decoder(spool, photo_store()).run(rows(5), pool, Listener())
    assert told == [("decoding", 5, "photo")]


def test_folders_of_no_earlier_version_know_nothing(tmp_path: Path):
    earlier = Earlier([], 32, "pad")
    assert earlier.splits == {}
    assert earlier.find("0" * 64) is None
