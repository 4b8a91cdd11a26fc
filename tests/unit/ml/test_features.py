"""The frozen backbone sees every image once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from flowerops.domain.progress import SilentProgress
from flowerops.ml import engines
from flowerops.ml.backbones import Backbone
from flowerops.ml.features import Extracted, extract
from flowerops.ml.source import ImageSource, JoinedSource
from helpers.image_source import ArraySource, coloured

SIZE = 32


def run(backbone: Backbone, source: ImageSource, cache: Path, fit: str = "pad", threads: int = 2) -> Extracted:
    return extract(backbone, source, fit, cache, SilentProgress(), threads=threads)


def first(source: ArraySource, count: int) -> ArraySource:
    return ArraySource(source.images[:count], source.labels[:count])


def test_features_are_those_of_keras_in_the_order_of_the_images(backbone: Backbone, tmp_path: Path) -> None:
    source = coloured(30, SIZE)
    expected = backbone.model.predict_on_batch(source.images.astype(np.float32))
    np.testing.assert_allclose(run(backbone, source, tmp_path).features, expected, atol=1e-5)


def test_an_image_is_computed_once_and_only_new_ones_are_computed_later(backbone: Backbone, tmp_path: Path) -> None:
    source = coloured(30, SIZE)
    before = run(backbone, first(source, 20), tmp_path)
    after = run(backbone, source, tmp_path)
    again = run(backbone, source, tmp_path)
    assert (before.computed, after.computed, again.computed) == (20, 10, 0)
    assert (before.cached, after.cached, again.cached) == (0, 20, 30)
    assert source.reads == 10
    np.testing.assert_array_equal(after.features[:20], before.features)
    np.testing.assert_array_equal(after.features, again.features)


def test_the_same_image_twice_is_computed_once(backbone: Backbone, tmp_path: Path) -> None:
    one = coloured(4, SIZE)
    twice = ArraySource(np.concatenate([one.images, one.images]), np.tile(one.labels, 2))
    found = run(backbone, twice, tmp_path)
    assert found.computed == twice.reads == 4
    np.testing.assert_array_equal(found.features[:4], found.features[4:])


def test_another_geometry_or_backbone_shares_nothing(
    backbone: Backbone, other_backbone: Backbone, tmp_path: Path
) -> None:
    source = coloured(5, SIZE)
    runs = (run(backbone, source, tmp_path), run(backbone, source, tmp_path, fit="crop"))
    assert [found.computed for found in (*runs, run(other_backbone, source, tmp_path))] == [5, 5, 5]


def test_the_number_of_threads_changes_no_bit(backbone: Backbone, tmp_path: Path) -> None:
    source = coloured(40, SIZE)
    one, three = (run(backbone, source, tmp_path / str(threads), threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(one.features, three.features)


@dataclass
class _Breaking(ArraySource):
    """Fails when it is asked for the images after the first 150."""

    def pixels(self, indices: Sequence[int]) -> npt.NDArray[np.uint8]:
        if max(indices) >= 150:
            raise OSError("the disk went away")
        return super().pixels(indices)


def test_a_crash_half_way_keeps_what_was_computed(backbone: Backbone, tmp_path: Path) -> None:
    whole = coloured(200, SIZE)
    with pytest.raises(OSError, match="went away"):
        run(backbone, _Breaking(whole.images, whole.labels), tmp_path)
    resumed = run(backbone, whole, tmp_path)
    assert 0 < resumed.cached < 150
    expected = backbone.model.predict_on_batch(whole.images.astype(np.float32))
    np.testing.assert_allclose(resumed.features, expected, atol=1e-5)


def test_a_damaged_converted_backbone_is_made_anew(backbone: Backbone, tmp_path: Path) -> None:
    flatbuffer = engines.converted(backbone, tmp_path)
    (kept,) = tmp_path.rglob("*.tflite")
    kept.write_bytes(b"damaged")
    assert engines.converted(backbone, tmp_path) == flatbuffer == kept.read_bytes()


def test_joined_sources_give_the_images_of_both() -> None:
    left, right = coloured(5, SIZE, seed=1), coloured(4, SIZE, seed=2)
    both = JoinedSource(left, right)
    everything = np.concatenate([left.images, right.images])
    assert both.keys == [*left.keys, *right.keys]
    for wanted in ([0, 4], [5, 8], [2, 3, 6, 7], list(range(9))):
        np.testing.assert_array_equal(both.pixels(wanted), everything[wanted])
    np.testing.assert_array_equal(both.labels, np.concatenate([left.labels, right.labels]))


def test_without_a_cache_nothing_is_remembered_and_nothing_is_looked_up(backbone: Backbone, tmp_path: Path) -> None:
    source = coloured(6, SIZE)
    before = run(backbone, source, tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for _ in range(2):
        found = extract(backbone, source, "pad", None, SilentProgress(), threads=2)
        assert (found.computed, found.cached) == (6, 0)
        np.testing.assert_array_equal(found.features, before.features)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == kept
