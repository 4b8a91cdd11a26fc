"""`python -m bench [PART …]`: measure and write bench/results/table.md. Parts: startup, preprocess, train."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ROOT.parent / "shared" / "data" / "flowers"
PARTS = ("startup", "preprocess", "train")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"which of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--photos", type=Path, help="a folder of class folders; drawn flowers when there is none")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "table.md")
    given = parser.parse_args()
    unknown = set(given.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as scratch:
        photos = given.photos or (PHOTOS if PHOTOS.is_dir() else _drawn(Path(scratch) / "drawn"))
        report = "\n".join([_machine(photos), *(_part(name, photos) for name in given.parts or PARTS)])
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(report)
    sys.stdout.write(report)


def _part(name: str, photos: Path) -> str:
    if name == "startup":
        from bench.startup import measure as startup

        return startup()
    if name == "preprocess":
        from bench.preprocessing import measure as preprocessing

        return preprocessing(photos)
    from bench.training import measure as training

    return training(photos)


def _drawn(folder: Path) -> Path:
    from flowerops.samples import draw_sample_set

    draw_sample_set(folder, 100)
    return folder


def _machine(photos: Path) -> str:
    count = len(list(photos.glob("*/*.jpg")))
    return (
        f"# Measurements\n\n{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"{count:,} photos of `{photos.name}`.\n"
    )


if __name__ == "__main__":
    main()
