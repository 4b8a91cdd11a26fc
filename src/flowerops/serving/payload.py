"""From a request's body to the image files in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowerops.serving.errors import ApiError
from flowerops.serving.form import files_of_form

_RAW_TYPES = ("application/octet-stream", "")
ACCEPTED = "image/*, application/octet-stream, multipart/form-data or application/json"


@dataclass(frozen=True)
class Payload:
    """The image files of one request; `single` says that the client sent one image by itself, not a list."""

    images: list[bytes]
    single: bool


def media_type_of(headers: Mapping[str, str]) -> str:
    """The media type without parameters, in lower case; empty when the client gave none.

    Args:
        headers: By name, whatever its case.

    Raises:
        ApiError: 415, the server does not score this type, or the body is encoded.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    known = (*_RAW_TYPES, "multipart/form-data", "application/json")
    if not media_type.startswith("image/") and media_type not in known:
        raise ApiError(415, "unsupported_media_type", f"unsupported Content-Type; send {ACCEPTED}")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError(415, "unsupported_encoding", "send the body without Content-Encoding")
    return media_type


def images_of(media_type: str, content_type: str, body: bytes, limit: int) -> Payload:
    """The image files in a body.

    Args:
        media_type: What `media_type_of` gave.
        content_type: The whole header, which has a form's boundary.
        body: The whole body.
        limit: The most images.

    Raises:
        ApiError: 400, the body is not what its type says, or holds too many images.
    """
    if media_type == "multipart/form-data":
        return images_from_multipart(content_type, body, limit)
    if media_type == "application/json":
        return images_from_json(body, limit)
    return Payload([body], single=True)


def images_from_json(body: bytes, limit: int) -> Payload:
    """Read `{"image": base64}` or `{"images": [base64, ...]}`.

    Raises:
        ApiError: 400, another document, bad base64, or more than `limit` images.
    """
    document = _parsed(body)
    if not isinstance(document, dict) or len(document) != 1 or next(iter(document)) not in ("image", "images"):
        raise ApiError(400, "bad_json", 'expected {"image": base64} or {"images": [base64, ...]}')
    if "image" in document:
        return Payload([_decoded(document["image"])], single=True)
    encoded = document["images"]
    if not isinstance(encoded, list) or not encoded:
        raise ApiError(400, "bad_json", '"images" must be a list with at least one image')
    _check_count(len(encoded), limit)
    return Payload([_decoded(text) for text in encoded], single=False)


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


def _check_count(count: int, limit: int) -> None:
    if count > limit:
        raise ApiError(400, "too_many_images", f"at most {limit} images in one request")
