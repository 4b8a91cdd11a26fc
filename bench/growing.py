"""Growing a dataset: what 5 % new photos cost beside preprocessing everything."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.measure import compare, table
from bench.preprocessing import fresh, prepare
from flowerops.datasets.rows import read_rows
from flowerops.domain.dataset import RawFile

ROUNDS = 5
_NEW_SHARE = 20


def measure(photos: Path) -> str:
    """The table: all photos at once, and the last twentieth added to the others."""
    paths = sorted(photos.glob("*/*.jpg"))
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for index, path in enumerate(paths):
            for name in ("all", "first" if index % _NEW_SHARE else "new"):
                target = root / name / path.parent.name / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        first = root / "first-home"
        prepare(root / "first", first, first / "out")

        def everything() -> str:
            home = fresh(root)
            manifest = prepare(root / "all", home, home / "out")
            return f"{manifest.decoded:,} decoded"

        def grown() -> str:
            manifest = prepare(root / "all", first, fresh(root) / "out", [first / "out"])
            return f"{manifest.decoded:,} decoded, {manifest.carried_over:,} carried over"

        def extended() -> str:
            base = read_rows(next((first / "datasets/flowers").iterdir()), RawFile)
            manifest = prepare(root / "new", first, fresh(root) / "out", [first / "out"], base)
            return f"{manifest.decoded:,} decoded, {manifest.carried_over:,} carried over"

        ways = {
            "all photos": everything,
            "the folder with 5 % new, all read and hashed again": grown,
            "the new 5 % alone (--extend)": extended,
        }
        rows = compare(ways, len(paths), ROUNDS)
    shares = [f"{row.cpu_s / rows[0].cpu_s:.0%}" for row in rows[1:]]
    title = f"Grow {len(paths):,} photos by 5 %: {shares[0]} of the CPU time, with --extend {shares[1]}"
    return table(title, "photos", rows, ROUNDS)
