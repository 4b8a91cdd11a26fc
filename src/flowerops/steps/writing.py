"""Write the files of a processed version: its shards, and a few test photos as received."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from flowerops.datasets.history import EarlierShard
from flowerops.datasets.layout import Layout, NewShard, keep, plan_layout
from flowerops.datasets.processed import SAMPLES_DIR, SAMPLES_FILE, Sample, SampleSet
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.shards import write_shard
from flowerops.datasets.squares import Squares
from flowerops.domain.dataset import ProcessedImage, ShardInfo
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import Progress
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_file
from flowerops.io.parallel import bounded_map
from flowerops.steps.collecting import PixelSource

_SAMPLES_PER_CLASS = 2
_PLAIN_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")


def write_shards(
    rows: Sequence[ProcessedImage],
    earlier: Sequence[EarlierShard],
    squares: Squares,
    params: PreprocessParams,
    folder: Path,
    progress: Progress,
) -> list[ShardInfo]:
    """Keep what can stay of earlier versions, and write the rest.

    Args:
        rows: Of the version.
        earlier: Shards of earlier versions with squares of the same kind.
        squares: The squares that no earlier shard has.
        params: The geometry, and on how many threads.
        folder: Of the shards; made by this.
        progress: Told of every image that is written.

    Returns:
        The shards, by name.
    """
    labels = sorted({row.label for row in rows})
    layout = plan_layout(rows, earlier, labels)
    kept = {part.shard.path for part in layout.kept}
    pixels = PixelSource(squares, [shard.path for shard in earlier if shard.path not in kept], params.workers)
    folder.mkdir()

    def write(shard: NewShard) -> ShardInfo:
        path = folder / shard.name
        write_shard(path, shard.rows, labels, params.image_size, pixels.read_into)
        return ShardInfo(file=shard.name, images=len(shard.rows), sha256=sha256_file(path))

    shards = _keep_all(layout, folder)
    with progress.task("writing", sum(len(shard.rows) for shard in layout.new), "image") as task:
        for info in bounded_map(write, layout.new, params.workers, batch=1):
            shards.append(info)
            task.advance(info.images)
    return sorted(shards, key=lambda info: info.file)


def _keep_all(layout: Layout, folder: Path) -> list[ShardInfo]:
    for part in layout.kept:
        keep(part.shard.path, folder / part.name)
    return [part.shard.info.model_copy(update={"file": part.name}) for part in layout.kept]


def write_samples(raw: RawVersion, rows: Sequence[ProcessedImage], out: Path) -> None:
    """Copy a few test photos of each class, those of the smallest hashes, and list them.

    Args:
        raw: Where the photos are.
        rows: Of the version.
        out: The version's folder.
    """
    by_sha = {row.sha256: row for row in raw.rows}
    taken: Counter[str] = Counter()
    samples = []
    for row in sorted((row for row in rows if row.split == "test"), key=lambda row: row.sha256):
        if taken[row.label] < _SAMPLES_PER_CLASS:
            taken[row.label] += 1
            suffix = Path(row.path).suffix.lower()
            file = row.sha256[:16] + (suffix if _PLAIN_SUFFIX.fullmatch(suffix) else "")
            atomic_write(out / SAMPLES_DIR / file, raw.read(by_sha[row.sha256]), durable=False)
            samples.append(Sample(file=file, label=row.label, path=row.path, sha256=row.sha256))
    ordered = sorted(samples, key=lambda sample: (sample.label, sample.sha256))
    atomic_write(out / SAMPLES_FILE, SampleSet(samples=ordered).to_json())
