"""Preprocess: ours, the predecessor's loop, and bare decoding on as many processes as there are cores."""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path

from PIL import Image

from bench.measure import compare, table

SIZE = 224
ROUNDS = 5


def ours(photos: Path, home: Path) -> str:
    """Take in, hash, decode, deduplicate, split, write shards; everything that `flowerops preprocess` stores."""
    from flowerops.datasets.raw import NewPhotos, ingest
    from flowerops.datasets.scan import scan_folder
    from flowerops.domain.build import BuildInfo, CodeInfo
    from flowerops.domain.dataset import Provenance
    from flowerops.domain.params import PreprocessParams
    from flowerops.domain.progress import SilentProgress
    from flowerops.steps.preprocess import PreprocessInput, preprocess

    shutil.rmtree(home, ignore_errors=True)
    made_by = Provenance(created="-", build=BuildInfo(kind="bench", id="bench"), code=CodeInfo())
    folder = ingest(NewPhotos(scan_folder(photos), "flowers"), home, made_by, SilentProgress())
    out = home / "out"
    out.mkdir()
    work = PreprocessInput(folder, home / "objects", [], "-", PreprocessParams(image_size=SIZE), made_by)
    manifest = preprocess(work, out, SilentProgress())
    return f"{manifest.bytes / 1e6:.0f} MB, {len(manifest.quarantined)} quarantined"


def predecessors_loop(photos: Path, out: Path) -> str:
    """One process: open, letterbox on white, save as JPEG."""
    shutil.rmtree(out, ignore_errors=True)
    for path in sorted(photos.glob("*/*.jpg")):
        target = out / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            scale = SIZE / max(image.size)
            small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
            square = Image.new("RGB", (SIZE, SIZE), (255, 255, 255))
            square.paste(small, ((SIZE - small.width) // 2, (SIZE - small.height) // 2))
            square.save(target)
    return f"{sum(path.stat().st_size for path in out.rglob('*.jpg')) / 1e6:.0f} MB, lossy"


def _decode_some(paths: list[str]) -> int:
    for path in paths:
        with open(path, "rb") as stream:
            image = Image.open(BytesIO(stream.read()))
        image.draft("RGB", (2 * SIZE, 2 * SIZE))
        image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return len(paths)


def bare_decoding(pool: ProcessPoolExecutor, photos: Path) -> str:
    """Decode and resize, nothing else: what the machine can do."""
    paths = [str(path) for path in sorted(photos.glob("*/*.jpg"))]
    parts = [paths[start : start + 32] for start in range(0, len(paths), 32)]
    return f"{sum(pool.map(_decode_some, parts))} photos, nothing stored"


def measure(photos: Path) -> str:
    """The table."""
    count = len(list(photos.glob("*/*.jpg")))
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as scratch, ProcessPoolExecutor(cores) as pool:
        bare_decoding(pool, photos)  # starts the processes and warms the page cache for everybody
        ways = {
            f"bare decode + resize, {cores} processes (the limit)": lambda: bare_decoding(pool, photos),
            "flowerops preprocess": lambda: ours(photos, Path(scratch) / "home"),
            "predecessor's loop": lambda: predecessors_loop(photos, Path(scratch) / "loop"),
        }
        rows = compare(ways, count, ROUNDS)
    return table(f"Preprocess {count:,} photos to {SIZE} px", "photos", rows, ROUNDS)
