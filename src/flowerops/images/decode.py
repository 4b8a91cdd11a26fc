"""Decode untrusted image bytes to upright 8-bit RGB."""

from __future__ import annotations

import warnings
from io import BytesIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from flowerops.errors import BadInputError

DECODER_VERSION = 2
"""Goes up whenever the same bytes would give other pixels."""

MAX_PIXELS = 89_478_485
"""Images with more pixels are refused from their header alone (the limit at which Pillow starts to warn)."""

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
)
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# The size is checked here before any pixel is decoded; Pillow's own warning would only repeat it on stderr.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# What Pillow thinks of damaged EXIF blocks and odd palettes is no news for the user: the pixels are judged below.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


class ImageRejectedError(BadInputError):
    """The bytes are not an image that flowerops accepts; `reason` says why in a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"image rejected: {reason}", "Accepted are JPEG, PNG, WebP, GIF (first frame) and BMP images.")
        self.reason = reason


def image_format(data: bytes) -> str | None:
    """Name the format by content (JPEG, PNG, WEBP, GIF, BMP), or None; the file name plays no part."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    return "WEBP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def open_image(data: bytes) -> Image.Image:
    """Read an image's header and check format and size; no pixel is decoded yet.

    Raises:
        ImageRejectedError: Empty, unknown or forbidden format, broken header, or more than MAX_PIXELS pixels.
    """
    if not data:
        raise ImageRejectedError("empty file")
    if image_format(data) is None:
        raise ImageRejectedError("not a JPEG, PNG, WebP, GIF or BMP image")
    try:
        image = Image.open(BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise ImageRejectedError("broken header") from error
    except Image.DecompressionBombError as error:
        raise ImageRejectedError(f"pixels exceed the limit of {MAX_PIXELS:,}") from error
    except Exception as error:  # Pillow's plugins raise many kinds on hostile headers
        raise ImageRejectedError(f"broken header: {error}") from error
    if image.width * image.height > MAX_PIXELS:
        raise ImageRejectedError(f"{image.width} x {image.height} pixels exceed the limit of {MAX_PIXELS:,}")
    return image


def load_rgb(image: Image.Image) -> Image.Image:
    """Decode the (first frame's) pixels to RGB; transparency is laid on white, 16 bits are scaled to 8.

    Raises:
        ImageRejectedError: The pixel data is broken or cut off.
    """
    try:
        image.load()
        return _to_rgb(image)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, EOFError, struct.error …
        reason = "truncated" if "truncated" in str(error).lower() else "broken pixel data"
        raise ImageRejectedError(f"{reason}: {error}") from error


def orientation(image: Image.Image) -> Image.Transpose | None:
    """The transposition that makes the image upright, from its EXIF tag; None when it is upright or says nothing."""
    try:
        return _UPRIGHT.get(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # a broken EXIF block says nothing about the orientation, and the pixels are still good
        return None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        wide = np.asarray(image, dtype=np.int64)
        return Image.fromarray((np.clip(wide, 0, 65535) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
