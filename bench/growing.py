"""Growing a dataset: what 5 % new photos cost beside preprocessing everything."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.measure import compare, table
from bench.preprocessing import fresh, prepare

ROUNDS = 5
_NEW_SHARE = 20


def measure(photos: Path) -> str:
    """The table: all photos at once, and the last twentieth added to the others."""
    paths = sorted(photos.glob("*/*.jpg"))
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for index, path in enumerate(paths):
            for name in ("all", *(("first",) if index % _NEW_SHARE else ())):
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

        rows = compare({"all photos": everything, "the same with 5 % new": grown}, len(paths), ROUNDS)
    share = rows[1].cpu_s / rows[0].cpu_s
    title = f"Grow {len(paths):,} photos by 5 % (all of them are read and hashed again): {share:.0%} of the CPU time"
    return table(title, "photos", rows, ROUNDS)
