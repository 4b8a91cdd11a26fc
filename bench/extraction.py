"""Features: ours from the shards, with hashes checked, beside the bare runtime on pixels that lie in memory."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.measure import compare, table
from bench.preprocessing import prepare
from flowerops.datasets.processed import ProcessedVersion
from flowerops.domain.progress import SilentProgress
from flowerops.ml.backbones import open_backbone
from flowerops.ml.engines import converted
from flowerops.ml.features import extract
from flowerops.ml.litert import open_interpreter
from flowerops.ml.runtime import configure

ROUNDS = 3
THREADS = 2
IMAGES = 512


class _First:
    """The first images of a split."""

    def __init__(self, split, count: int) -> None:  # type: ignore[no-untyped-def]
        self.keys, self.labels, self.pixels = split.keys[:count], split.labels[:count], split.pixels


def measure(photos: Path) -> str:
    """The table."""
    configure(0)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        prepare(photos, root / "home", root / "out")
        split = _First(ProcessedVersion(root / "out").split("train"), IMAGES)
        backbone = open_backbone("efficientnet_lite0", 224, None, SilentProgress())
        kept = root / "kept"
        flatbuffer = converted(backbone, kept)
        pixels = split.pixels(range(len(split.keys))).astype(np.float32)
        interpreters = [open_interpreter(flatbuffer) for _ in range(THREADS)]

        def bare() -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(_run_all, interpreters, [pixels[start::THREADS] for start in range(THREADS)]))

        def one_interpreter() -> None:
            _run_all(open_interpreter(flatbuffer, THREADS), pixels)

        def ours() -> str:
            found = extract(backbone, split, "pad", _empty(kept), SilentProgress(), threads=THREADS)
            return f"{found.computed:,} computed"

        def looked_up() -> str:
            found = extract(backbone, split, "pad", kept, SilentProgress(), threads=THREADS)
            return f"{found.cached:,} from the cache"

        ways = {
            "bare interpreters, one a thread, pixels in memory": bare,
            f"one bare interpreter with {THREADS} threads": one_interpreter,
            "extract: shards read, hashes checked, features kept": ours,
            "extract again": looked_up,
        }
        rows = compare(ways, len(pixels), ROUNDS)
    share = rows[2].per_second / rows[0].per_second
    return table(
        f"Features of {len(pixels)} photos at 224 px, {THREADS} threads: {share:.0%} of the bare runtime",
        "photos",
        rows,
        ROUNDS,
    )


def _run_all(interpreter, pixels: np.ndarray) -> None:  # type: ignore[no-untyped-def, type-arg]
    entry, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    for image in pixels:
        interpreter.set_tensor(entry, image[np.newaxis])
        interpreter.invoke()
        interpreter.get_tensor(result)


def _empty(folder: Path) -> Path:
    """The same cache without features; the converted backbone stays."""
    for path in folder.glob("features/*/*"):
        path.unlink()
    return folder
