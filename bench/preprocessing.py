"""Preprocess: ours, the predecessor's loop, and bare decoding on as many processes as there are cores."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from bench.drawn import generate
from bench.measure import compare, table
from flowerops.datasets.history import History
from flowerops.datasets.photo_job import Decode
from flowerops.datasets.raw import NewPhotos, ingest
from flowerops.datasets.scan import scan_folder
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.dataset import Provenance, RawFile, VersionManifest
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import SilentProgress
from flowerops.io.atomic import sync_disk
from flowerops.steps.preprocess import PreprocessInput, preprocess

SIZE = 224
ROUNDS = 5
_MADE_BY = Provenance(created="-", build=BuildInfo(kind="bench", id="bench"), code=CodeInfo())
_CAMERA = (4000, 3000)
_LARGE = 200


def prepare(
    photos: Path, home: Path, out: Path, earlier: Sequence[Path] = (), base: Sequence[RawFile] = ()
) -> VersionManifest:
    """Take in, hash, store, decode, deduplicate, split, write shards: the work of `flowerops preprocess`."""
    squares = home / "squares"
    known = frozenset(History(earlier, SIZE, "pad").known())
    new = NewPhotos(scan_folder(photos), "flowers", base=base, decode=Decode(SIZE, "pad", squares, known))
    folder = ingest(new, home, _MADE_BY, SilentProgress())
    out.mkdir(parents=True)
    params = PreprocessParams(image_size=SIZE)
    work = PreprocessInput(folder, home / "objects", earlier, "-", params, _MADE_BY, squares)
    manifest = preprocess(work, out, SilentProgress())
    shutil.rmtree(squares)
    sync_disk()  # as before a version gets its number
    return manifest


def fresh(scratch: Path) -> Path:
    """A new folder. What was written before stays: ext4 looks long for inodes where many files were just deleted."""
    return Path(tempfile.mkdtemp(dir=scratch))


def ours(photos: Path, home: Path) -> str:
    """From nothing to a whole version."""
    manifest = prepare(photos, home, home / "out")
    return f"originals and {manifest.bytes / 1e6:.0f} MB of lossless squares stored"


def command(photos: Path, home: Path) -> str:
    """The command line, with its start-up, its ledger and its step in a process of its own."""
    line = [sys.executable, "-m", "flowerops", "preprocess", "--data-folder", str(photos), "--home", str(home)]
    subprocess.run([*line, "--json"], check=True, capture_output=True)
    return "with start-up and MLflow's ledger made anew"


def predecessors_loop(photos: Path, out: Path) -> str:
    """One process, photo by photo: a thumbnail (Lanczos), white background, saved as it came."""
    for path in sorted(photos.glob("*/*.jpg")):
        target = out / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            image.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
            _paste_and_save(image, target)
    return f"{sum(path.stat().st_size for path in out.rglob('*.jpg')) / 1e6:.0f} MB, lossy"


def whole_image_loop(photos: Path, out: Path) -> str:
    """The same loop without JPEG's reduced decoding, which `thumbnail` asks for by itself."""
    for path in sorted(photos.glob("*/*.jpg")):
        target = out / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            scale = SIZE / max(image.size)
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            _paste_and_save(image.resize(size, Image.Resampling.LANCZOS), target)
    return "lossy"


def _paste_and_save(image: Image.Image, target: Path) -> None:
    square = Image.new("RGB", (SIZE, SIZE), (255, 255, 255))
    alpha = np.array(image).shape[2] == 4
    place = (int((SIZE - image.width) / 2), int((SIZE - image.height) / 2))
    square.paste(image, place, mask=image.split()[3] if alpha else None)
    square.save(target)


def _decode_some(paths: list[str]) -> int:
    for path in paths:
        with open(path, "rb") as stream:
            image = Image.open(BytesIO(stream.read()))
        image.draft("RGB", (2 * SIZE, 2 * SIZE))
        image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return len(paths)


def _prepare_some(paths: list[str]) -> int:
    from flowerops.images import prepare_image

    for path in paths:
        with open(path, "rb") as stream:
            prepare_image(stream.read(), SIZE)
    return len(paths)


def in_processes(work: Callable[[list[str]], int], pool: ProcessPoolExecutor, photos: Path, batch: int) -> str:
    """Do something with all photos on all cores, and keep nothing."""
    paths = [str(path) for path in sorted(photos.glob("*/*.jpg"))]
    parts = [paths[start : start + batch] for start in range(0, len(paths), batch)]
    return f"{sum(pool.map(work, parts))} photos, nothing stored"


def measure(photos: Path) -> str:
    """The table for photos of common size."""
    return _measure(photos, f"photos to {SIZE} px", ROUNDS, batch=32, with_command=True)


def measure_large() -> str:
    """The table for photos as a camera makes them."""
    with tempfile.TemporaryDirectory() as scratch:
        photos = generate(Path(scratch), _LARGE, _CAMERA, noise=6.0)
        return _measure(photos, f"photos of 12 megapixels to {SIZE} px", 3, batch=4, with_command=False)


def _measure(photos: Path, what: str, rounds: int, batch: int, *, with_command: bool) -> str:
    count = len(list(photos.glob("*/*.jpg")))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(cores) as pool:
        scratch = Path(folder)
        in_processes(_decode_some, pool, photos, batch)  # starts the processes, warms the page cache for everybody
        ways = {
            f"bare decode + resize, {cores} processes (the limit)": lambda: in_processes(
                _decode_some, pool, photos, batch
            ),
            f"flowerops' decoder alone, {cores} processes": lambda: in_processes(_prepare_some, pool, photos, batch),
            "flowerops preprocess, the work": lambda: ours(photos, fresh(scratch)),
            "predecessor's loop": lambda: predecessors_loop(photos, fresh(scratch)),
            "the loop without reduced decoding": lambda: whole_image_loop(photos, fresh(scratch)),
        }
        if with_command:
            ways["flowerops preprocess, the command"] = lambda: command(photos, fresh(scratch))
        rows = compare(ways, count, rounds)
    return table(f"Preprocess {count:,} {what}", "photos", rows, rounds)
