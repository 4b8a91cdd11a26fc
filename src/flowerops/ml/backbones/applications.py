"""Any network of keras.applications as a backbone, with its ImageNet weights."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowerops.domain.bundle import BackboneInfo
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, first_line
from flowerops.ml.backbones.weight_files import Origin, load_weight_file, pretrained
from flowerops.ml.runtime import load_tensorflow

_SCALED = ("MobileNet", "MobileNetV2", "InceptionV3", "InceptionResNetV2", "Xception", "NASNetMobile", "NASNetLarge",
           "ResNet50V2", "ResNet101V2", "ResNet152V2")  # fmt: skip
_STANDARDISED = ("DenseNet121", "DenseNet169", "DenseNet201")
_CENTRED = ("VGG16", "VGG19", "ResNet50", "ResNet101", "ResNet152")
_BUILT_IN = (
    *(f"EfficientNetB{number}" for number in range(8)),
    *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
    *(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
    "MobileNetV3Small",
    "MobileNetV3Large",
)
NAMES = (*_SCALED, *_STANDARDISED, *_CENTRED, *_BUILT_IN)

_RGB_MEAN, _RGB_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BGR_MEAN = (103.939, 116.779, 123.68)


def build(name: str, image_size: int, weights: Path | None, progress: Progress) -> tuple[Any, BackboneInfo]:
    """Assemble normalisation, network and pooling, with weights from a file, Keras's cache or a download.

    Args:
        name: One of NAMES.
        image_size: Side of the square input in pixels.
        weights: A Keras weights file of this network without its top, or None for ImageNet's.
        progress: Told about downloads.

    Raises:
        BadInputError: The network does not go with this size or this weights file.
        RemoteError: The weights are neither here nor to be had.
    """
    load_tensorflow()
    import keras

    inputs = keras.Input((image_size, image_size, 3), name="image")
    make = functools.partial(
        getattr(keras.applications, name),
        include_top=False,
        pooling="avg",
        input_shape=(image_size, image_size, 3),
        name=name,
    )
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # advice to those who write Keras code
            network, origin = _loaded(make, weights, progress)
    except ValueError as error:
        raise BadInputError(
            f"{name} cannot be built for images of {image_size} pixels: {first_line(error)}",
            "Preprocess with another --image-size, or choose another --backbone.",
        ) from error
    features = network(normalisation(name, inputs), training=False)
    info = BackboneInfo(name=name, weights_source=origin.source, weights_sha256=origin.sha256)
    return keras.Model(inputs, features, name=f"{name}_features"), info


def _loaded(make: Callable[..., Any], weights: Path | None, progress: Progress) -> tuple[Any, Origin]:
    if weights is None:
        return pretrained(lambda: make(weights="imagenet"), progress)
    network = make(weights=None)
    return network, load_weight_file(network, weights)


def normalisation(name: str, inputs: Any) -> Any:
    """Bring RGB 0..255 to what a network was trained on, by ordinary layers that load in Keras's safe mode.

    Source: `preprocess_input` of each module of keras.applications.
    """
    from keras import layers

    if name in _SCALED:
        return layers.Rescaling(1 / 127.5, offset=-1.0, name="normalise")(inputs)
    if name in _STANDARDISED:
        scale = [1 / (255 * std) for std in _RGB_STD]
        offset = [-mean / std for mean, std in zip(_RGB_MEAN, _RGB_STD, strict=True)]
        return layers.Rescaling(scale, offset=offset, name="normalise")(inputs)
    if name in _CENTRED:
        return _centred_bgr(inputs)
    return inputs


def _centred_bgr(inputs: Any) -> Any:
    """Swap red and blue and take ImageNet's mean away: a 1x1 convolution, since a Lambda would not be safe to load."""
    import numpy as np
    from keras import layers

    swap = layers.Conv2D(3, 1, trainable=False, name="normalise")
    outputs = swap(inputs)
    swap.set_weights([np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3), -np.array(_BGR_MEAN, np.float32)])
    return outputs
