"""Predictions as a table: parts that are published one by one, and the whole as Parquet or CSV.

Columns: path, sha256, predicted, confidence, `p_LABEL` for each class (0..1), error, model_name, model_version,
model_digest. A file that could not be scored has a row, too: its `error` says why, and its prediction is empty. In a
CSV no path begins like a formula.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from flowerops.errors import UsageError
from flowerops.io.atomic import publish_file

FORMATS = (".parquet", ".csv")
_PROBABILITY = "p_"
_FORMULA = r"^[=+\-@\t\r]"


@dataclass(frozen=True)
class Prediction:
    """One row: a file, its hash (None: it could not be read), and its probabilities or why it has none."""

    path: str
    sha256: str | None
    probabilities: Sequence[float] | None
    reason: str | None


@dataclass(frozen=True)
class PredictionTable:
    """Whose predictions they are: the model, and its labels in the order of the probabilities."""

    labels: Sequence[str]
    model: str
    version: int
    digest: str

    def schema(self) -> pa.Schema:
        """The columns; probabilities are float32, as the model gives them."""
        probabilities = [(f"{_PROBABILITY}{label}", pa.float32()) for label in self.labels]
        named = [("model_name", pa.string()), ("model_version", pa.int64()), ("model_digest", pa.string())]
        head = [("path", pa.string()), ("sha256", pa.string()), ("predicted", pa.string())]
        return pa.schema([*head, ("confidence", pa.float32()), *probabilities, ("error", pa.string()), *named])

    def write_part(self, path: Path, rows: Sequence[Prediction]) -> None:
        """Write rows to a part; readers see all of it or nothing."""
        best = [_best(row.probabilities) for row in rows]
        columns: dict[str, list[object]] = {
            "path": [row.path for row in rows],
            "sha256": [row.sha256 for row in rows],
            "predicted": [None if index is None else self.labels[index] for index in best],
            "confidence": [max(row.probabilities) if row.probabilities else None for row in rows],
        }
        for place, label in enumerate(self.labels):
            column = [row.probabilities[place] if row.probabilities else None for row in rows]
            columns[f"{_PROBABILITY}{label}"] = list(column)
        columns["error"] = [row.reason for row in rows]
        for name, value in (("model_name", self.model), ("model_version", self.version), ("model_digest", self.digest)):
            columns[name] = [value] * len(rows)
        with publish_file(path) as temp:
            pq.write_table(pa.table(columns, schema=self.schema()), temp)

    def read_part(self, path: Path) -> list[tuple[str, str | None]] | None:
        """Path and hash of a part's rows; None when it is not there, damaged, or of another model."""
        with contextlib.suppress(OSError, pa.ArrowException, UnicodeDecodeError):
            with pq.ParquetFile(path) as file:
                if not file.schema_arrow.equals(self.schema()):
                    return None
                table = file.read(columns=["path", "sha256", "model_digest"])
            if set(table["model_digest"].to_pylist()) <= {self.digest}:
                return list(zip(table["path"].to_pylist(), table["sha256"].to_pylist(), strict=True))
        return None

    def join(self, parts: Sequence[Path], out: Path) -> None:
        """Make one file of all parts, a part at a time in memory; it takes the place of what was there."""
        as_csv = out.suffix == ".csv"
        kind = pyarrow.csv.CSVWriter if as_csv else pq.ParquetWriter
        with publish_file(out) as temp, kind(temp, self.schema()) as writer:
            for part in parts:
                table = pq.read_table(part, schema=self.schema())
                writer.write_table(_without_formulas(table) if as_csv else table)


@dataclass(frozen=True)
class Tally:
    """What a file of predictions says: how many of which class, and which files have none, and why."""

    predicted: dict[str, int]
    rejected: list[tuple[str, str]]


def tally(parts: Sequence[Path]) -> Tally:
    """Count the rows of some parts."""
    counted: Counter[str] = Counter()
    rejected: list[tuple[str, str]] = []
    for part in parts:
        table = pq.read_table(part, columns=["path", "predicted", "error"])
        counted.update(label for label in table["predicted"].to_pylist() if label is not None)
        rows = zip(table["path"].to_pylist(), table["error"].to_pylist(), strict=True)
        rejected += [(path, reason) for path, reason in rows if reason is not None]
    return Tally(dict(sorted(counted.items())), rejected)


def check_format(out: Path) -> None:
    """Refuse a name that says neither Parquet nor CSV.

    Raises:
        UsageError: It does not, or a folder has it.
    """
    if out.suffix not in FORMATS:
        raise UsageError(
            f"--out {out}: the name must end in {' or '.join(FORMATS)}", "For example predictions.parquet."
        )
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder", f"Name a file: --out {out / 'predictions.parquet'}")


def _without_formulas(table: pa.Table) -> pa.Table:
    """Paths that a spreadsheet would compute, as the same paths that it takes for text: ./=1+1.jpg."""
    paths = table["path"]
    begins = pc.match_substring_regex(paths, _FORMULA)
    place = table.schema.get_field_index("path")
    return table.set_column(place, "path", pc.if_else(begins, pc.binary_join_element_wise("./", paths, ""), paths))


def _best(probabilities: Sequence[float] | None) -> int | None:
    if not probabilities:
        return None
    return max(range(len(probabilities)), key=lambda index: probabilities[index])
