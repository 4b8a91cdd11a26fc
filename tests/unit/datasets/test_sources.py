"""Where photos of foreign layouts are put."""

from __future__ import annotations

import pytest

from flowerops.datasets.sources import Layout


@pytest.mark.parametrize("stem", ["花" * 200, "x" * 300, "é" * 127, "a." + "x" * 196])
def test_every_name_can_be_a_files_also_when_it_comes_twice(tmp_path, stem):
    layout = Layout(tmp_path)
    for _ in range(12):
        layout.place("daisy", f"{stem}.jpg").write_bytes(b"x")
    names = [path.name for path in (tmp_path / "daisy").iterdir()]
    assert len(names) == 12
    assert all(name.endswith(".jpg") and not name.startswith(".") for name in names)
