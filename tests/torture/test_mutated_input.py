"""Damage done at random to what is good: files are read as they should be, or refused in the documented way."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from flowerops.datasets.rows import parse_rows, read_manifest, row_line
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import BUNDLE_FILE, GOLDEN_FILE, KERAS_FILE
from flowerops.domain.dataset import MANIFEST_FILE, Provenance, RawFile, VersionManifest
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.images import ImageRejectedError, prepare_image
from flowerops.io.http import send
from flowerops.io.keras_archive import check_keras_archive
from flowerops.serving.admission import Limits
from flowerops.serving.app import build_app
from flowerops.serving.scorer import Scorer
from flowerops.serving.service import ModelName, ScoringService
from helpers.served import served
from helpers.tiny_bundle import COLOURS, photo, reseal

QUICK = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
Damage = list[tuple[float, int]]
damage = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12)
"""Where in a file, as a share of its length, and which byte it becomes."""
cut = st.floats(0, 1)


def damaged(data: bytes, where: Damage, length: float = 1.0) -> bytes:
    changed = bytearray(data)
    for place, byte in where:
        changed[int(place * len(changed))] = byte
    return bytes(changed[: round(len(changed) * length)])


def pictures() -> Iterator[bytes]:
    pixels = np.random.default_rng(0).integers(0, 255, (23, 31, 4), np.uint8)
    for kind, mode in (("JPEG", "RGB"), ("PNG", "RGBA"), ("WEBP", "RGBA"), ("GIF", "P"), ("BMP", "RGB")):
        stream = BytesIO()
        Image.fromarray(pixels).convert(mode).save(stream, kind)
        yield stream.getvalue()


PICTURES = list(pictures())


@QUICK
@given(st.sampled_from(PICTURES), damage, cut)
def test_a_damaged_picture_is_decoded_or_rejected(data: bytes, where: Damage, length: float) -> None:
    try:
        pixels = prepare_image(damaged(data, where, length), 32, "pad").pixels
    except ImageRejectedError as error:
        assert error.reason
    else:
        assert pixels.shape == (32, 32, 3)
        assert pixels.dtype == np.uint8


ROWS = [RawFile(bytes=9, label="daisy", path=f"daisy/{number}.jpg", sha256=f"{number:064x}") for number in range(3)]
MANIFEST = VersionManifest(
    kind="raw",
    name="flowers",
    digest="a" * 64,
    files=3,
    bytes=27,
    classes={"daisy": 3},
    provenance=Provenance(
        created="2026-01-01T00:00:00+00:00", build=BuildInfo(kind="laptop", id="a@b"), code=CodeInfo()
    ),
)


@QUICK
@given(damage, cut)
def test_a_damaged_manifest_is_read_or_named(tmp_path: Path, where: Damage, length: float) -> None:
    (tmp_path / MANIFEST_FILE).write_bytes(damaged(MANIFEST.to_json().encode(), where, length))
    try:
        assert isinstance(read_manifest(tmp_path), VersionManifest)
    except StoreIntegrityError as error:
        assert MANIFEST_FILE in str(error)


@QUICK
@given(damage, cut)
def test_damaged_rows_are_read_or_named(where: Damage, length: float) -> None:
    lines = damaged(b"".join(map(row_line, ROWS)), where, length).splitlines()
    try:
        assert all(isinstance(row, RawFile) for row in parse_rows(lines, RawFile, "files.jsonl"))
    except StoreIntegrityError as error:
        assert "files.jsonl" in str(error)


@settings(QUICK, max_examples=60)
@given(st.sampled_from([BUNDLE_FILE, GOLDEN_FILE]), damage, cut)
def test_a_bundle_with_damaged_descriptions_loads_or_is_refused(
    own_bundle: Path, name: str, where: Damage, length: float
) -> None:
    whole = (own_bundle / name).read_bytes()
    (own_bundle / name).write_bytes(damaged(whole, where, length))
    try:
        with pytest.raises(StoreIntegrityError):
            Scorer.load(own_bundle, threads=1)
        reseal(own_bundle)  # as one who knows how seals are made would
        Scorer.load(own_bundle, threads=1)
    except (StoreIntegrityError, BadInputError) as error:
        assert str(error)
    except pytest.fail.Exception:
        assert (own_bundle / name).read_bytes() == whole
    finally:
        (own_bundle / name).write_bytes(whole)
        reseal(own_bundle)


@settings(QUICK, max_examples=60)
@given(damage, cut)
def test_a_damaged_keras_file_passes_as_a_network_or_is_refused(own_bundle: Path, where: Damage, length: float) -> None:
    file = own_bundle.parent / "damaged.keras"
    file.write_bytes(damaged((own_bundle / KERAS_FILE).read_bytes(), where, length))
    try:
        check_keras_archive(file)
    except BadInputError as error:
        assert str(error).startswith("damaged.keras ")


@pytest.fixture(scope="module")
def own_bundle(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import shutil

    return shutil.copytree(tiny_bundle, tmp_path_factory.mktemp("own") / "tiny")


@pytest.fixture(scope="module")
def score_url(tiny_bundle: Path) -> Iterator[str]:
    service = ScoringService(ModelName("tiny", 1), Limits(body_bytes=1 << 20, images=8), workers=1)
    service.become_ready(Scorer.load(tiny_bundle, threads=1))
    with served(build_app(service)) as url:
        yield f"{url}/score"


def bodies() -> list[tuple[bytes, str]]:
    flower = photo(COLOURS[0])
    text = base64.b64encode(flower).decode()
    part = b'--xx\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + flower + b"\r\n"
    return [
        (flower, "image/jpeg"),
        (flower, "application/octet-stream"),
        (part + b"--xx--\r\n", "multipart/form-data; boundary=xx"),
        (json.dumps({"image": text}).encode(), "application/json"),
        (json.dumps({"images": [text, text]}).encode(), "application/json"),
    ]


@settings(QUICK, max_examples=150)
@given(st.sampled_from(bodies()), damage, cut)
def test_a_damaged_request_is_answered_or_refused_and_the_server_lives(
    score_url: str, body: tuple[bytes, str], where: Damage, length: float
) -> None:
    data, media_type = body
    answer = send("POST", score_url, damaged(data, where, length), {"Content-Type": media_type})
    assert answer.status in (200, 400, 413, 415, 422), answer
    said = json.loads(answer.body)
    if answer.status != 200:
        assert said["error"]["message"]
        assert "Traceback" not in answer.body.decode()
