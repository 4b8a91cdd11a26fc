"""The networks that `--backbone` can name. Importing this module imports no TensorFlow."""

from __future__ import annotations

import difflib
from pathlib import Path

from flowerops.domain.bundle import BackboneInfo
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, UsageError
from flowerops.ml.backbones import applications, cnn, efficientnet_lite0
from flowerops.ml.backbones.base import Backbone, make_backbone

DEFAULT = efficientnet_lite0.NAME
NAMES = (efficientnet_lite0.NAME, cnn.NAME, *applications.NAMES)

__all__ = ["DEFAULT", "NAMES", "Backbone", "check_name", "open_backbone"]


def check_name(name: str, weights: str | Path | None = None) -> None:
    """Refuse a backbone that does not exist, or weights where none can be given.

    Raises:
        BadInputError: Unknown name; the hint says what was probably meant.
        UsageError: Weights were given for a backbone that brings or learns its own.
    """
    if name not in NAMES:
        by_lower = {known.lower(): known for known in NAMES}
        close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
        known = f"Known: {efficientnet_lite0.NAME}, {cnn.NAME} and the names of keras.applications."
        raise BadInputError(
            f"unknown backbone {name!r}", f"Did you mean {by_lower[close[0]]}? {known}" if close else known
        )
    if weights is not None and name not in applications.NAMES:
        own = "brings its own weights" if name == efficientnet_lite0.NAME else "is trained from scratch"
        raise UsageError(f"--weights does not go with the backbone {name}, which {own}", "Leave --weights out.")


def open_backbone(name: str, image_size: int, weights: str | None, progress: Progress) -> Backbone:
    """Build a pretrained, frozen backbone.

    Args:
        name: Any of NAMES but `cnn`, which has no pretrained weights.
        image_size: Side of the square input in pixels.
        weights: Path of a Keras weights file for a keras.applications network; None for the default ones.
        progress: Told about downloads.
    """
    check_name(name, weights)
    if name == efficientnet_lite0.NAME:
        state, source = efficientnet_lite0.read_weights()
        info = BackboneInfo(name=name, weights_source=source, weights_sha256=efficientnet_lite0.WEIGHTS_SHA256)
        return make_backbone(efficientnet_lite0.build(image_size, state), info)
    model, info = applications.build(name, image_size, Path(weights) if weights else None, progress)
    return make_backbone(model, info)
