"""Which layers of a backbone make a block, and which of them learn while fine-tuning."""

from __future__ import annotations

import re
from typing import Any

from flowerops.errors import UsageError
from flowerops.ml.leaves import leaves

_NAMED = re.compile(r"(.*?(?:blocks?|expanded_conv)_?\d*[a-z]?)(?:_|$)")
"""blocks_15_bn1 of EfficientNet-Lite0; block7a_dwconv, block_16_project, conv5_block3_1_conv and
convnext_tiny_stage_3_block_2_layernorm of keras.applications."""


def blocks_of(model: Any) -> list[list[Any]]:
    """The layers with weights, from the image to the features, in blocks.

    Layers whose names begin alike up to the number of a block belong together; those without such a name belong to the
    block before them: what follows the last block to the last, and the stem to the first. In networks that do not
    name most of their layers so (MobileNet, Inception, NASNet) each convolution begins a block of its own.

    Args:
        model: A backbone's keras.Model; networks inside it count by their layers.
    """
    layers = [layer for layer in leaves(model) if layer.weights]
    named = [found.group(1) if (found := _NAMED.match(layer.name)) else None for layer in layers]
    if named.count(None) * 2 > len(named):
        named = [layer.name if hasattr(layer, "kernel") else None for layer in layers]
    members: dict[str, list[Any]] = {}
    current = next((name for name in named if name is not None), "")
    for name, layer in zip(named, layers, strict=True):
        current = current if name is None else name
        members.setdefault(current, []).append(layer)
    return list(members.values())


def learning_layers(model: Any, count: int, name: str) -> list[Any]:
    """The layers that learn while the last blocks are fine-tuned.

    Layers of batch normalisation stay frozen: Keras then runs them in inference mode also in training, because the
    statistics of small batches of another domain would spoil those of ImageNet.

    Args:
        model: A backbone's keras.Model.
        count: How many blocks; -1 for all.
        name: The backbone's, for the error.

    Raises:
        UsageError: The network has fewer blocks.
    """
    blocks = blocks_of(model)
    if count > len(blocks):
        raise UsageError(
            f"--fine-tune {count}: {name} has {len(blocks)} blocks",
            "Give a smaller number, or --fine-tune all.",
        )
    chosen = blocks if count == -1 else blocks[len(blocks) - count :]
    return [layer for block in chosen for layer in block if type(layer).__name__ != "BatchNormalization"]


def unfreeze(model: Any, learning: list[Any]) -> None:
    """Let some layers of a model learn, and no others."""
    model.trainable = True  # a frozen network would hide its layers' weights
    wanted = {id(layer) for layer in learning}
    for layer in leaves(model):
        layer.trainable = id(layer) in wanted
