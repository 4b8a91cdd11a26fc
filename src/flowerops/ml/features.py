"""Features of a frozen backbone: computed once for each image, remembered on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flowerops.domain.progress import Progress
from flowerops.images import DECODER_VERSION
from flowerops.ml.backbones import Backbone
from flowerops.ml.engines import Engine, choose_engine
from flowerops.ml.feature_cache import FeatureCache, Features, room_for
from flowerops.ml.feature_space import FeatureSpace
from flowerops.ml.source import ImageSource

_READ_AHEAD = 64


@dataclass(frozen=True)
class Extracted:
    """features: float32 [n, d], in the source's order. computed, cached: of the n images, how many ran through the
    network now and how many did not have to. flatbuffer: the network for LiteRT, where that was what ran."""

    features: Features
    computed: int
    cached: int
    flatbuffer: bytes | None = None


def extract(
    backbone: Backbone,
    source: ImageSource,
    fit: str,
    cache_dir: Path | None,
    progress: Progress,
    *,
    threads: int | None = None,
) -> Extracted:
    """Look every image's features up, compute those that are missing, and remember them.

    Args:
        backbone: The frozen network.
        source: The images; an image that occurs twice is computed once.
        fit: How the images were fitted into their square; part of the cache's key, with size and decoder version.
        cache_dir: Folder for features and the converted backbone; safe to share between runs at the same time. None
            to remember nothing and to compute everything.
        progress: Gets one task, counted in images.
        threads: Upper limit of threads; None for all cores that this process may use.
    """
    engine = choose_engine(backbone, cache_dir, threads, len(source.keys))
    cache = _cache(backbone, engine, fit, cache_dir)
    keys = list(source.keys)
    features, found = _load(cache, keys, backbone.model.output_shape[-1])
    first_of = {key: index for index, key in reversed(list(enumerate(keys))) if not found[index]}
    missing = sorted(first_of.values())
    done = 0
    with progress.task("features", len(keys), "image") as task, cache.writer() if cache else nullcontext() as writer:
        task.advance(len(keys) - len(missing))
        for block in _computed(engine, source, missing):
            rows = missing[done : done + len(block)]
            features[rows] = block
            if writer:
                writer.add([keys[row] for row in rows], block)
            done += len(block)
            task.advance(len(block))
    for index in (~found).nonzero()[0]:
        features[index] = features[first_of[keys[index]]]
    return Extracted(features, len(missing), len(keys) - len(missing), engine.flatbuffer)


def _cache(backbone: Backbone, engine: Engine, fit: str, cache_dir: Path | None) -> FeatureCache | None:
    if cache_dir is None:
        return None
    _, *shape, _ = backbone.model.input_shape
    space = FeatureSpace(
        backbone=backbone.digest, engine=engine.name, image_size=shape[0], fit=fit, decoder=DECODER_VERSION
    )
    return FeatureCache(space.folder(cache_dir), backbone.model.output_shape[-1])


def _load(cache: FeatureCache | None, keys: Sequence[str], width: int) -> tuple[Features, npt.NDArray[np.bool_]]:
    if cache is None:
        return room_for(len(keys), width, None), np.zeros(len(keys), bool)
    return cache.load(keys)


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
