"""Features out of the LiteRT file itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from flowerops.domain.bundle import TFLITE_FILE
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.hashing import SEAL_FILE, sha256_file
from flowerops.io.litert_file import put_together, take_apart
from flowerops.serving.penultimate import FeatureModel, with_features
from flowerops.serving.scorer import Scorer
from helpers.tiny_bundle import COLOURS, photo


def test_features_are_what_goes_into_the_last_layer_and_probabilities_stay_the_same(tiny_bundle: Path):
    digest = sha256_file(tiny_bundle / SEAL_FILE)
    network, scorer = FeatureModel(tiny_bundle, digest), Scorer.load(tiny_bundle, digest, 1)
    images = [network.prepare(photo(colour, seed=index)) for index, colour in enumerate(COLOURS)]
    with ThreadPoolExecutor(3) as threads:
        seen = list(threads.map(network.look, images))
    for pixels, one in zip(images, seen, strict=True):
        assert one.features == pytest.approx(pixels.reshape(-1, 3).mean(0) / 255, abs=1e-3)
        assert np.array_equal(one.probabilities, scorer.score_pixels(pixels[None])[0])


def test_another_digest_is_refused(tiny_bundle: Path):
    with pytest.raises(StoreIntegrityError):
        FeatureModel(tiny_bundle, "0" * 64)


def test_a_network_that_ends_in_something_else_has_no_features(tiny_bundle: Path):
    _, tree = take_apart((tiny_bundle / TFLITE_FILE).read_bytes())
    tree.subgraphs[0].outputs = tree.subgraphs[0].operators[0].outputs
    with pytest.raises(BadInputError, match="does not end in a fully connected layer"):
        with_features(put_together(tree, 1 << 16))
