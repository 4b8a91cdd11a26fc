from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from flowerops.io.reading import read_bounded

MOST = 3 << 20


def test_files_up_to_the_limit_are_read_and_larger_ones_are_not(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for size in (0, 1, MOST):
        file.write_bytes(bytes(size))
        assert read_bounded(file, MOST) == bytes(size)
    os.truncate(file, 1 << 40)  # with nothing on the disk behind it
    with pytest.raises(OSError, match="larger than 3 MiB"):
        read_bounded(file, MOST)


def test_a_device_without_end_is_cut_off() -> None:
    with pytest.raises(OSError, match="larger than 3 MiB"):
        read_bounded(Path("/dev/zero"), MOST)


def test_a_pipe_is_read_to_its_end_but_not_where_only_files_may_be(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        read_bounded(pipe, MOST, regular=True)  # nobody writes, and nobody is waited for
    writer = threading.Thread(target=pipe.write_bytes, args=[b"abc" * 100_000])
    writer.start()
    assert read_bounded(pipe, MOST) == b"abc" * 100_000
    writer.join()
