"""What several workers of one training share: features, each computed by one of them, and the chief's checkpoint."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.ml.checkpoint_files import Checkpoint
from flowerops.ml.features import Extracted
from flowerops.ml.replicas import Replicas
from flowerops.ml.source import ImageSource, Pixels

_HEAD_DIGITS = 8


@dataclass(frozen=True)
class PartSource:
    """Some images of a source, by their positions there, which ascend."""

    whole: ImageSource
    rows: Sequence[int]

    @property
    def keys(self) -> Sequence[str]:
        """Theirs."""
        keys = self.whole.keys
        return [keys[row] for row in self.rows]

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Theirs."""
        return self.whole.labels[list(self.rows)]

    def pixels(self, indices: Sequence[int]) -> Pixels:
        """Images by position among these."""
        return self.whole.pixels([self.rows[index] for index in indices])


def share_features(
    extract: Callable[[ImageSource], Extracted], source: ImageSource, replicas: Replicas | None
) -> Extracted:
    """Compute the features of this worker's share of the images, and get the others' from them.

    An image's hash decides whose it is, so that a worker finds those of its last run in its own cache.

    Args:
        extract: Computes and remembers features.
        source: All images.
        replicas: Tells the workers; None, or one worker, computes everything.

    Returns:
        Features of all images, the same bits on all workers; `computed` and `cached` count those of all, too.
    """
    if replicas is None or replicas.worker.count == 1:
        return extract(source)
    worker, keys = replicas.worker, source.keys
    mine = [row for row, key in enumerate(keys) if int(key[:_HEAD_DIGITS], 16) % worker.count == worker.index]
    found = extract(PartSource(source, mine))
    features = np.zeros((len(keys), found.features.shape[1]), np.float32)
    features[mine] = found.features
    # Every row is 0 on all workers but one: the sum is exact.
    computed, cached = replicas.total(np.array([found.computed, found.cached], np.int32)).tolist()
    return Extracted(replicas.total(features), computed, cached)


def share_checkpoint(found: Checkpoint | None, replicas: Replicas | None) -> Checkpoint | None:
    """The chief's checkpoint on every worker, so that all go on from the same epoch."""
    if replicas is None or replicas.worker.count == 1:
        return found
    data = replicas.from_chief(_packed(found) if found else None)
    return _unpacked(data) if data else None


def _packed(checkpoint: Checkpoint) -> bytes:
    facts = {name: value for name, value in _facts(checkpoint).items() if name != "arrays"}
    stream = io.BytesIO()
    text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    np.savez(stream, allow_pickle=False, facts=text, **{f"array:{name}": a for name, a in checkpoint.arrays.items()})
    return stream.getvalue()


def _facts(checkpoint: Checkpoint) -> dict[str, Any]:
    return {field.name: getattr(checkpoint, field.name) for field in dataclasses.fields(checkpoint)}


def _unpacked(data: bytes) -> Checkpoint:
    with np.load(io.BytesIO(data), allow_pickle=False) as state:
        facts = json.loads(state["facts"].tobytes())
        arrays = {name.removeprefix("array:"): state[name] for name in state.files if name.startswith("array:")}
    return Checkpoint(**facts, arrays=arrays)
