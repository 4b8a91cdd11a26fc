from __future__ import annotations

import csv
from pathlib import Path

from flowerops.datasets.predictions import Prediction, PredictionTable


def test_no_path_in_a_csv_begins_like_a_formula(tmp_path: Path) -> None:
    """Names of files come from strangers, and people open the table in a spreadsheet."""
    table = PredictionTable(["daisy", "roses"], "m", 1, "a" * 64)
    names = ["=1+1.jpg", "+a.jpg", "-a.jpg", "@a.jpg", "\t=a.jpg", "a=b.jpg"]
    table.write_part(tmp_path / "part", [Prediction(name, None, [0.25, 0.75], None) for name in names])
    table.join([tmp_path / "part"], tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == [f"./{name}" for name in names[:-1]] + names[-1:]
    assert {row["predicted"] for row in rows} == {"roses"}
