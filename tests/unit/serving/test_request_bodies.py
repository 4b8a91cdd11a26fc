"""Compressed bodies and the predecessor's document, without a server."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest

from flowerops.images import prepare_image
from flowerops.serving.admission import Limits
from flowerops.serving.errors import ApiError
from flowerops.serving.payload import Payload, declared_of, images_of
from helpers.tiny_bundle import COLOURS, photo

LIMITS = Limits(body_bytes=1_000_000, images=4)
ROSES = photo(COLOURS[1], seed=6)


def read(body: bytes, media_type: str | None, **headers: str) -> Payload:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return images_of(declared_of(given | ({"content-type": media_type} if media_type else {})), body, LIMITS)


def refusal(body: bytes, media_type: str | None = "application/json", **headers: str) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        read(body, media_type, **headers)
    return caught.value.status, caught.value.code


def data(*images: Any) -> bytes:
    return json.dumps({"data": images}).encode()


def noise(height: int, width: int) -> Any:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def test_pixels_become_images_that_decode_to_the_very_same_pixels() -> None:
    square = noise(32, 32)
    payload = read(data(square.tolist(), square[::-1].tolist()), "application/json")
    assert not payload.single
    for image, expected in zip(payload.images, (square, square[::-1]), strict=True):
        assert np.array_equal(prepare_image(image, 32).pixels, expected)


def test_pixels_of_any_size_are_fitted_by_the_server() -> None:
    (image,) = read(data(noise(40, 20).tolist()), "application/json").images
    assert prepare_image(image, 32).pixels.shape == (32, 32, 3)


@pytest.mark.parametrize("media_type", [None, "application/json", "application/octet-stream"])
@pytest.mark.parametrize("said", [True, False])
def test_the_predecessors_body_is_read_whatever_its_headers_say(media_type: str | None, said: bool) -> None:
    body = gzip.compress(data(noise(8, 8).tolist()))
    headers = {"content_encoding": "gzip"} if said else {}
    if media_type == "application/json" and not said:
        assert refusal(body) == (400, "bad_json")
        return
    assert len(read(body, media_type, **headers).images) == 1


def test_a_compressed_image_is_inflated() -> None:
    assert read(gzip.compress(ROSES), "image/jpeg", content_encoding="gzip").images == [ROSES]
    assert read(gzip.compress(ROSES), "application/octet-stream").images == [ROSES]


@pytest.mark.parametrize(
    "values",
    [
        *([], [[]], [[[]]], [[[[]]]], [[[[1, 2]]]], [[[[1, 2, 3, 4]]]], [[[1, 2, 3]]], [[[["a", "b", "c"]]]]),
        *([[[[0, 0, 256]]]], [[[[-1, 0, 0]]]], [[[[0.5, 0, 0]]]], [[[[None, 0, 0]]]], [[[[10**30, 0, 0]]]]),
        *([[[[1, 2, 3]], [[1, 2, 3], [4, 5, 6]]]], [[[[True, False, True]]]], {}, "x", 7),
    ],
)
def test_what_is_no_list_of_images_is_refused(values: Any) -> None:
    assert refusal(json.dumps({"data": values}).encode()) == (400, "bad_json")


def test_numbers_that_json_does_not_know_are_refused() -> None:
    assert refusal(b'{"data": [[[[NaN, 0, 0]]]]}') == (400, "bad_json")
    assert refusal(b'{"data": [[[[Infinity, 0, 0]]]]}') == (400, "bad_json")


def test_too_many_images_are_refused() -> None:
    assert refusal(data(*[[[[0, 0, 0]]]] * 5)) == (400, "too_many_images")


# The ids are given, since a gzip carries its time and test processes must agree on the names of tests.
@pytest.mark.parametrize(
    "body",
    [b"", b"\x1f\x8b", b"no gzip at all", gzip.compress(b"x" * 99)[:-9]],
    ids=["empty", "only the magic number", "text", "cut off"],
)
def test_what_is_not_gzip_is_refused(body: bytes) -> None:
    assert refusal(body, content_encoding="gzip") == (400, "bad_gzip")


def test_something_behind_the_gzip_is_refused() -> None:
    assert refusal(gzip.compress(ROSES) + b"more", "image/jpeg", content_encoding="gzip") == (400, "bad_gzip")


def test_a_bomb_is_refused_before_it_takes_memory() -> None:
    bomb = gzip.compress(bytes(200_000_000), 9)
    tracemalloc.start()
    assert refusal(bomb, content_encoding="gzip") == (413, "too_large")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * LIMITS.body_bytes


@pytest.mark.parametrize("body", [b"[" * 500_000, b"[" + b"[]," * 300_000 + b"[]]", b'{"data": [' + b"{}," * 300_000])
def test_a_document_of_nothing_but_lists_is_refused_before_it_is_parsed(body: bytes) -> None:
    tracemalloc.start()
    assert refusal(body) == (400, "bad_json")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
