"""Where photos of foreign layouts are put."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flowerops.datasets.from_parquet import lay_out_parquet
from flowerops.datasets.sources import Layout
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError


@pytest.mark.parametrize("stem", ["花" * 200, "x" * 300, "é" * 127, "a." + "x" * 196])
def test_every_name_can_be_a_files_also_when_it_comes_twice(tmp_path, stem):
    layout = Layout(tmp_path)
    for _ in range(12):
        layout.place("daisy", f"{stem}.jpg").write_bytes(b"x")
    names = [path.name for path in (tmp_path / "daisy").iterdir()]
    assert len(names) == 12
    assert all(name.endswith(".jpg") and not name.startswith(".") for name in names)


@pytest.mark.parametrize("text", ["label-é", "name-é"])
def test_a_parquet_file_whose_texts_are_not_utf8_is_damaged(tmp_path, text):
    path = tmp_path / "a.parquet"
    table = pa.table({"image": [{"bytes": b"photo", "path": "name-é.jpg"}], "label": ["label-é"]})
    pq.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)
    path.write_bytes(path.read_bytes().replace(text.encode(), text.encode("latin-1") + b"\xff"))
    (tmp_path / "out").mkdir()
    with pytest.raises(BadInputError, match="is damaged or no Parquet file"):
        lay_out_parquet(path, tmp_path / "out", SilentProgress())
