"""Features of a frozen backbone: computed once for each image, remembered on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from flowerops.domain.documents import digest_of
from flowerops.domain.progress import Progress
from flowerops.images import DECODER_VERSION
from flowerops.ml.backbones import Backbone
from flowerops.ml.engines import Engine, choose_engine
from flowerops.ml.feature_cache import FeatureCache, Features
from flowerops.ml.source import ImageSource

_READ_AHEAD = 64


@dataclass(frozen=True)
class Extracted:
    """features: float32 [n, d], in the source's order. computed, cached: of the n images, how many ran through the
    network now and how many did not have to."""

    features: Features
    computed: int
    cached: int


def extract(
    backbone: Backbone,
    source: ImageSource,
    fit: str,
    cache_dir: Path,
    progress: Progress,
    *,
    threads: int | None = None,
) -> Extracted:
    """Look every image's features up, compute those that are missing, and remember them.

    Args:
        backbone: The frozen network.
        source: The images; an image that occurs twice is computed once.
        fit: How the images were fitted into their square; part of the cache's key, with size and decoder version.
        cache_dir: Folder for features and the converted backbone; safe to share between runs at the same time.
        progress: Gets one task, counted in images.
        threads: Upper limit of threads; None for all cores that this process may use.
    """
    engine = choose_engine(backbone, cache_dir, threads)
    space = digest_of([backbone.digest, engine.name, fit, DECODER_VERSION])[:32]
    cache = FeatureCache(cache_dir / "features" / space, backbone.model.output_shape[-1])
    keys = list(source.keys)
    features, found = cache.load(keys)
    first_of = {key: index for index, key in reversed(list(enumerate(keys))) if not found[index]}
    missing = sorted(first_of.values())
    done = 0
    with progress.task("features", len(keys), "image") as task, cache.writer() as writer:
        task.advance(len(keys) - len(missing))
        for block in _computed(engine, source, missing):
            rows = missing[done : done + len(block)]
            features[rows] = block
            writer.add([keys[row] for row in rows], block)
            done += len(block)
            task.advance(len(block))
    for index in (~found).nonzero()[0]:
        features[index] = features[first_of[keys[index]]]
    return Extracted(features, len(missing), len(keys) - len(missing))


def _computed(engine: Engine, source: ImageSource, indices: list[int]) -> Iterator[Features]:
    """Features in the order of the indices: this thread reads images while the engine's threads compute."""
    chunk = max(_READ_AHEAD, engine.workers * engine.slice)
    pending: deque[Future[Features]] = deque()
    pool = ThreadPoolExecutor(engine.workers)
    try:
        for start in range(0, len(indices), chunk):
            pixels = source.pixels(indices[start : start + chunk])
            for at in range(0, len(pixels), engine.slice):
                pending.append(pool.submit(engine.infer, pixels[at : at + engine.slice]))
            while len(pending) > chunk // engine.slice:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
