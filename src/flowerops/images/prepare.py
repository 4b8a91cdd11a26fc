"""From image bytes to the square that a model sees: one function for every caller."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from flowerops.images.decode import ImageRejectedError, load_rgb, open_image, orientation
from flowerops.images.perceptual import Fingerprint, fingerprint

_OVERSAMPLING = 2
"""A JPEG may be decoded at a reduced scale that still has this many times the pixels a side that are needed."""
_WHITE = (255, 255, 255)
_QUARTER_TURNS = {
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class PreparedImage:
    """A decoded, resized image.

    pixels: uint8 RGB, shape [size, size, 3], 0..255. width, height: of the upright original, in pixels.
    content: the fitted image before padding.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    content: Image.Image

    def fingerprint(self) -> Fingerprint:
        """What near-duplicates share; computed on demand, since serving never needs it."""
        return fingerprint(self.content)


def prepare_image(data: bytes, size: int, fit: str = "pad") -> PreparedImage:
    """Decode, make upright, convert to RGB and fit into a square.

    Args:
        data: The file's bytes.
        size: Side of the square in pixels.
        fit: "pad" letterboxes on white, "crop" cuts the centre square out, "stretch" ignores the aspect ratio.

    Raises:
        ImageRejectedError: The bytes are not an acceptable image.
    """
    image = open_image(data)
    width, height = image.size
    try:
        # libjpeg can decode at 1/2, 1/4 or 1/8 for a fraction of the cost; a no-op for other formats.
        image.draft(None, _draft_size(width, height, size, fit))
    except Exception as error:
        raise ImageRejectedError(f"broken pixel data: {error}") from error
    content = _fitted(load_rgb(image), width, height, size, fit)
    turn = orientation(image)  # after the pixels: asking a PNG for its EXIF decodes it and would swallow its faults
    if turn is not None:
        content = content.transpose(turn)
        if turn in _QUARTER_TURNS:
            width, height = height, width
    return PreparedImage(np.asarray(_on_white(content, size)), width, height, content)


def _scaled(width: int, height: int, size: int, fit: str) -> tuple[int, int]:
    """Size in pixels of the whole image once it is scaled for the square."""
    if fit == "stretch":
        return size, size
    side = max(width, height) if fit == "pad" else min(width, height)
    return max(1, round(width * size / side)), max(1, round(height * size / side))


def _draft_size(width: int, height: int, size: int, fit: str) -> tuple[int, int]:
    wide, high = _scaled(width, height, size, fit)
    return wide * _OVERSAMPLING, high * _OVERSAMPLING


def _fitted(image: Image.Image, width: int, height: int, size: int, fit: str) -> Image.Image:
    if fit != "crop":
        wanted = _scaled(width, height, size, fit)
        resample = _resampling(image.size, wanted)
        return image.resize(wanted, resample, reducing_gap=_OVERSAMPLING)
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    resample = _resampling((side, side), (size, size))
    return image.resize((size, size), resample, box=(left, top, left + side, top + side), reducing_gap=_OVERSAMPLING)


def _resampling(size: tuple[int, int], wanted: tuple[int, int]) -> Image.Resampling:
    """Hamming where an image shrinks: as sharp as bicubic there, for two thirds of its time; it is none to enlarge."""
    shrinks = wanted[0] <= size[0] and wanted[1] <= size[1]
    return Image.Resampling.HAMMING if shrinks else Image.Resampling.BICUBIC


def _on_white(content: Image.Image, size: int) -> Image.Image:
    if content.size == (size, size):
        return content
    square = Image.new("RGB", (size, size), _WHITE)
    square.paste(content, ((size - content.width) // 2, (size - content.height) // 2))
    return square
