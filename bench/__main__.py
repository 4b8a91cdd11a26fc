"""`python -m bench [PART …]`: measure and write bench/results/table.md.

Parts: startup, preprocess, large (12-megapixel photos), grow, extract, train; and, only when they are named, scale
(100,000 photos), memory (training on 100,000 photos), curve (accuracy against photos a class; hours without a GPU,
minutes with --image-size 96) and serve (scoring servers; ten minutes, and an environment with TensorFlow on first use).
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ROOT.parent / "shared" / "data" / "flowers"
PARTS = ("startup", "preprocess", "large", "grow", "extract", "train")
ON_DEMAND = ("scale", "memory", "curve", "serve")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"which of {', '.join(PARTS + ON_DEMAND)}")
    parser.add_argument("--photos", type=Path, help="a folder of class folders; drawn flowers when there is none")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "table.md")
    parser.add_argument("--image-size", type=int, default=224, help="of the part curve")
    parser.add_argument("--rounds", type=int, default=3, help="of the parts train and serve")
    parser.add_argument("--bundle", type=Path, help="model of the part serve; one is trained when there is none")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load in the part serve")
    given = parser.parse_args()
    unknown = set(given.parts) - {*PARTS, *ON_DEMAND}
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as scratch:
        photos = given.photos or (PHOTOS if PHOTOS.is_dir() else _drawn(Path(scratch) / "drawn"))
        report = "\n".join([_machine(photos), *(_part(name, photos, given) for name in given.parts or PARTS)])
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(report)
    sys.stdout.write(report)


def _part(name: str, photos: Path, given: argparse.Namespace) -> str:
    from bench import extraction, growing, learning_curve, memory, preprocessing, scaling, serving, startup, training

    parts = {
        "startup": startup.measure,
        "preprocess": lambda: preprocessing.measure(photos),
        "large": preprocessing.measure_large,
        "grow": lambda: growing.measure(photos),
        "scale": scaling.measure,
        "memory": memory.measure,
        "extract": lambda: extraction.measure(photos),
        "curve": lambda: learning_curve.measure(photos, given.out.parent, given.image_size),
        "serve": lambda: serving.measure(photos, given.rounds, given.seconds, given.bundle),
        "train": lambda: training.measure(photos, given.rounds),
    }
    return parts[name]()


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
