"""The only way from image bytes to pixels: training, evaluation and serving all decode here."""

from flowerops.images.decode import DECODER_VERSION, MAX_PIXELS, ImageRejectedError, image_format
from flowerops.images.encode import bmp_bytes
from flowerops.images.letterbox import content_box, without_letterbox
from flowerops.images.perceptual import Fingerprint
from flowerops.images.prepare import PreparedImage, prepare_image

__all__ = [
    "DECODER_VERSION",
    "MAX_PIXELS",
    "Fingerprint",
    "ImageRejectedError",
    "PreparedImage",
    "bmp_bytes",
    "content_box",
    "image_format",
    "prepare_image",
    "without_letterbox",
]
