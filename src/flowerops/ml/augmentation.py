"""Changed copies of training images, by Keras' own layers, the same ones whenever a step of an epoch is repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flowerops.ml.runtime import load_tensorflow

Augment = Callable[[Any, Any, Any], tuple[Any, Any]]
"""(images float32 0..255 [b, size, size, 3], labels float32 [b, classes], key int64 [2]) → the same two, changed."""

_WHITE = 255.0
_ZOOM_IN = (-0.25, 0.0)
_SHIFT = 0.1
_COLOUR = 0.2
_MIXUP_ALPHA = 0.2
"""Of the beta distribution: most mixed images are mostly one of the two."""


def make_augment(names: Sequence[str]) -> Augment | None:
    """What changes images, in the order in which it does.

    flip: left to right. crop: up to a quarter nearer and up to a tenth aside, with white from outside. colour:
    brightness, contrast and saturation by up to a fifth. mixup: a blend with another image of the batch and of the
    labels (H. Zhang et al., 2018). cutmix: a rectangle of another one (S. Yun et al., 2019); with both, mixup first.

    Random numbers depend on the key alone: no layer uses a generator of its own, whose state a resumed training would
    have lost.

    Args:
        names: Any of domain.params.AUGMENTATIONS.

    Returns:
        A function for a tf.data graph; None where there is nothing to do.
    """
    if not names:
        return None
    load_tensorflow()
    layers = [layer for name in _ORDER if name in names for layer in _ORDER[name]()]

    def augment(images: Any, labels: Any, key: Any) -> tuple[Any, Any]:
        for number, layer in enumerate(layers):
            drawn = layer.get_random_transformation(images, training=True, seed=_draws(key, number))
            labels = layer.transform_labels(labels, drawn, training=True)
            images = layer.transform_images(images, drawn, training=True)
        return images, labels

    return augment


def _flip() -> list[Any]:
    from keras.layers import RandomFlip

    return [RandomFlip("horizontal")]


def _crop() -> list[Any]:
    from keras.layers import RandomTranslation, RandomZoom

    outside = {"fill_mode": "constant", "fill_value": _WHITE}
    return [RandomZoom(_ZOOM_IN, **outside), RandomTranslation(_SHIFT, _SHIFT, **outside)]


def _colour() -> list[Any]:
    from keras.layers import RandomBrightness, RandomContrast, RandomSaturation

    span = (0.0, 255.0)
    saturation = RandomSaturation((0.5 - _COLOUR / 4, 0.5 + _COLOUR / 4), value_range=span)  # 0.5 changes nothing
    return [RandomBrightness(_COLOUR, value_range=span), RandomContrast(_COLOUR, value_range=span), saturation]


def _mixup() -> list[Any]:
    from keras.layers import MixUp

    return [MixUp(_MIXUP_ALPHA)]


def _cutmix() -> list[Any]:
    from keras.layers import CutMix

    return [CutMix()]


_ORDER: dict[str, Callable[[], list[Any]]] = {
    "flip": _flip,
    "crop": _crop,
    "colour": _colour,
    "mixup": _mixup,
    "cutmix": _cutmix,
}


def _draws(key: Any, number: int) -> Any:
    """What Keras takes for a generator: each draw of each layer has a seed of its own, made of the key."""
    import keras

    fold_in = load_tensorflow().random.fold_in

    class Draws(keras.random.SeedGenerator):
        def __init__(self) -> None:
            self.count = 0

        def next(self, ordered: bool = True) -> Any:
            self.count += 1
            return fold_in(fold_in(key, number), self.count)

    return Draws()
