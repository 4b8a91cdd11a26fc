"""From a request's body to the image files in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowerops.images import bmp_bytes
from flowerops.serving.admission import Limits
from flowerops.serving.encoding import GZIP_MAGIC, inflated
from flowerops.serving.errors import ApiError
from flowerops.serving.form import files_of_form

_RAW_TYPES = ("application/octet-stream", "")
_FORM, _JSON = "multipart/form-data", "application/json"
ACCEPTED = "image/*, application/octet-stream, multipart/form-data or application/json"
_FORMS_OF_JSON = 'expected {"image": base64}, {"images": [base64, ...]} or {"data": [pixels, ...]}'
_BYTES_A_LIST = 8
"""The shortest list of a legitimate document is a pixel, `[0,0,0],`; a body of shorter ones is made to eat memory."""


@dataclass(frozen=True)
class Declared:
    """What a request's headers say of its body. media_type: without parameters, in lower case; may be empty."""

    media_type: str
    content_type: str
    gzipped: bool

    def takes_time(self, body: bytes) -> bool:
        """Whether reading this body is more than handing it on."""
        raw = self.media_type.startswith("image/") or self.media_type in _RAW_TYPES
        return not raw or self.gzipped or body.startswith(GZIP_MAGIC)


@dataclass(frozen=True)
class Payload:
    """The image files of one request; `single` says that the client sent one image by itself, not a list."""

    images: list[bytes]
    single: bool

    @property
    def size(self) -> int:
        """Bytes of all images."""
        return sum(map(len, self.images))


def declared_of(headers: Mapping[str, str]) -> Declared:
    """What the headers say of the body.

    Args:
        headers: By name, whatever its case.

    Raises:
        ApiError: 415, the server does not score this type, or the body has another encoding than gzip.
    """
    content_type = headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    known = (*_RAW_TYPES, _FORM, _JSON)
    if not media_type.startswith("image/") and media_type not in known:
        raise ApiError(415, "unsupported_media_type", f"unsupported Content-Type; send {ACCEPTED}")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise ApiError(415, "unsupported_encoding", "send the body as it is, or with Content-Encoding: gzip")
    return Declared(media_type, content_type, encoding != "identity")


def images_of(declared: Declared, body: bytes, limits: Limits) -> Payload:
    """The image files in a body.

    Raises:
        ApiError: 400, the body is not what its type says, or holds too many images; 413, it inflates to too much.
    """
    raw = declared.media_type in _RAW_TYPES
    # Clients of the predecessor send gzip without saying so; no image begins like it.
    gzipped = declared.gzipped or (raw and body.startswith(GZIP_MAGIC))
    if gzipped:
        body = inflated(body, limits.body_bytes)
    if declared.media_type == _FORM:
        return images_from_multipart(declared.content_type, body, limits.images)
    if declared.media_type == _JSON or (raw and gzipped and body.lstrip()[:1] == b"{"):
        return images_from_json(body, limits.images)
    return Payload([body], single=True)


def images_from_json(body: bytes, limit: int) -> Payload:
    """Read `{"image": base64}`, `{"images": [base64, ...]}`, or `{"data": pixels}`, the predecessor's document.

    Raises:
        ApiError: 400, another document, bad base64, or more than `limit` images.
    """
    document = _parsed(body)
    if not isinstance(document, dict) or len(document) != 1 or next(iter(document)) not in ("image", "images", "data"):
        raise ApiError(400, "bad_json", _FORMS_OF_JSON)
    if "image" in document:
        return Payload([_decoded(document["image"])], single=True)
    name, images = next(iter(document.items()))
    if not isinstance(images, list) or not images:
        raise ApiError(400, "bad_json", f'"{name}" must be a list with at least one image')
    _check_count(len(images), limit)
    if name == "data":
        return Payload([bmp_bytes(pixels) for pixels in _pixels(images)], single=False)
    return Payload([_decoded(text) for text in images], single=False)


def images_from_multipart(content_type: str, body: bytes, limit: int) -> Payload:
    """Read the files of a multipart form, in their order.

    Raises:
        ApiError: 400, not a form, no file in it, or more than `limit` files.
    """
    images = files_of_form(content_type, body, limit)
    if not images:
        raise ApiError(400, "bad_multipart", "no file in the form")
    return Payload(images, single=False)


def _parsed(body: bytes) -> Any:
    if body.count(b"[") + body.count(b"{") > 64 + len(body) // _BYTES_A_LIST:
        raise ApiError(400, "bad_json", "the JSON document has too many lists")
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ApiError(400, "bad_json", "the JSON document is nested too deeply") from error
    except ValueError as error:  # also UnicodeDecodeError, and integers of too many digits
        raise ApiError(400, "bad_json", "the body is not valid JSON") from error


def _decoded(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ApiError(400, "bad_base64", "an image must be a base64 string")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ApiError(400, "bad_base64", "an image is not valid base64") from error


def _pixels(images: list[Any]) -> Any:
    """Nested lists as uint8 RGB [n, height, width, 3]; what is no whole number from 0 to 255 is refused."""
    refused = ApiError(400, "bad_json", '"data" must be [images][rows][columns][3] whole numbers from 0 to 255')
    try:
        values = np.asarray(images)
    except (ValueError, OverflowError) as error:  # lists of several lengths
        raise refused from error
    if values.ndim != 4 or values.shape[3] != 3 or values.size == 0 or values.dtype.kind not in "iuf":
        raise refused
    if not ((values >= 0) & (values <= 255)).all() or (values % 1).any():  # NaN is not within either
        raise refused
    return values.astype(np.uint8)


def _check_count(count: int, limit: int) -> None:
    if count > limit:
        raise ApiError(400, "too_many_images", f"at most {limit} images in one request")
