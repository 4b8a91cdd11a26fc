"""Bodies that come compressed: inflated under a limit, so that a small one cannot become a huge one."""

from __future__ import annotations

import zlib

from flowerops.serving.errors import ApiError, too_large

GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS


def inflated(body: bytes, limit: int) -> bytes:
    """What a gzip body holds.

    Args:
        body: One gzip member.
        limit: The most bytes that it may hold; no more than one further is ever made of it.

    Raises:
        ApiError: 400, it is no gzip, cut off, or has something behind its end; 413, it holds more.
    """
    inflater = zlib.decompressobj(_GZIP)
    try:
        data = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise ApiError(400, "bad_gzip", "the body is not valid gzip") from error
    if len(data) > limit:
        raise too_large("the body inflates to more than", limit)
    if not inflater.eof or inflater.unused_data:
        raise ApiError(400, "bad_gzip", "the gzip body is cut off, or something follows its end")
    return data
