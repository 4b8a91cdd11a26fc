"""What is fuzzed: readers of what strangers send, each with good examples and with the errors that it documents.

Whatever the bytes are, a reader reads them as it should or raises one of those errors. Nothing here needs TensorFlow or
the fuzzer, so that the tests can go through what was found once.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from flowerops.datasets.rows import parse_rows, read_manifest
from flowerops.domain.bundle import BUNDLE_FILE, GOLDEN_FILE, KERAS_FILE, TFLITE_FILE
from flowerops.domain.dataset import MANIFEST_FILE, PhotoFacts, ProcessedImage, RawFile, VersionManifest
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.images import ImageRejectedError, prepare_image
from flowerops.io.archives import unpack
from flowerops.io.hashing import SEAL_FILE, seal_folder
from flowerops.io.keras_archive import check_keras_archive
from flowerops.serving.admission import Limits
from flowerops.serving.errors import ApiError
from flowerops.serving.payload import declared_of, images_of
from flowerops.serving.scorer import Scorer

NAMES = ("picture", "manifest", "rows", "request", "archive", "keras", "bundle")
SIDE = 32
_LIMITS = Limits(body_bytes=1 << 20, images=8)


@dataclass(frozen=True)
class Target:
    """A reader under test.

    read: takes bytes; returns when they were read or refused as documented, raises anything else. examples: good ones.
    """

    read: Callable[[bytes], None]
    examples: Callable[[], Iterator[bytes]]


class Readers:
    """The targets, by name.

    Args:
        bundle: A sealed bundle whose parts are replaced one at a time.
        work: A folder for files; best one in memory.
    """

    def __init__(self, bundle: Path, work: Path) -> None:
        self._work = work
        self._bundle = bundle
        self._own = Path(shutil.copytree(bundle, work / "bundle"))
        self.targets = {
            "picture": Target(self._picture, pictures),
            "manifest": Target(self._manifest, manifests),
            "rows": Target(self._rows, rows),
            "request": Target(self._request, requests),
            "archive": Target(self._archive, archives),
            "keras": Target(self._keras, lambda: iter([(bundle / KERAS_FILE).read_bytes()])),
            "bundle": Target(self._parts, self._bundle_parts),
        }

    def _picture(self, data: bytes) -> None:
        fit = ("pad", "crop", "stretch")[len(data) % 3]
        try:
            pixels = prepare_image(data, SIDE, fit).pixels
        except ImageRejectedError as error:
            assert error.reason
        else:
            assert pixels.shape == (SIDE, SIDE, 3)

    def _manifest(self, data: bytes) -> None:
        (self._work / MANIFEST_FILE).write_bytes(data)
        try:
            assert isinstance(read_manifest(self._work), VersionManifest)
        except StoreIntegrityError as error:
            _sayable(error)

    def _rows(self, data: bytes) -> None:
        for kind in (RawFile, ProcessedImage, PhotoFacts):
            try:
                for row in parse_rows(data.splitlines(), kind, "files.jsonl"):
                    assert isinstance(row, kind)
            except StoreIntegrityError as error:
                _sayable(error)

    def _request(self, data: bytes) -> None:
        head, _, body = data.partition(b"\n")
        content_type, _, encoding = head.decode("latin-1").partition("|")
        try:
            payload = images_of(
                declared_of({"content-type": content_type, "content-encoding": encoding or "identity"}), body, _LIMITS
            )
            assert 1 <= len(payload.images) <= _LIMITS.images
        except ApiError as error:
            assert 400 <= error.status < 500

    def _archive(self, data: bytes) -> None:
        file, folder = self._work / "archive", self._work / "unpacked"
        file.write_bytes(data)
        folder.mkdir()
        try:
            unpack(file, folder, SilentProgress())
        except BadInputError as error:
            _sayable(error)
        finally:
            shutil.rmtree(folder)
        assert {one.name for one in self._work.iterdir()} <= {"archive", "bundle", MANIFEST_FILE, "damaged.keras"}

    def _keras(self, data: bytes) -> None:
        file = self._work / "damaged.keras"
        file.write_bytes(data)
        try:
            check_keras_archive(file)
        except BadInputError as error:
            _sayable(error)

    def _bundle_parts(self) -> Iterator[bytes]:
        for number, name in enumerate(_PARTS):
            yield bytes([number]) + (self._bundle / name).read_bytes()

    def _parts(self, data: bytes) -> None:
        """One part of the bundle is other bytes, and it is sealed anew, as one who knows how that is done would."""
        name = _PARTS[data[0] % len(_PARTS)] if data else SEAL_FILE
        (self._own / name).write_bytes(data[1:])
        try:
            if name != SEAL_FILE:
                (self._own / SEAL_FILE).unlink()
                seal_folder(self._own)
            Scorer.load(self._own, threads=1)
        except (BadInputError, StoreIntegrityError) as error:
            _sayable(error)
        finally:
            for changed in (name, SEAL_FILE):
                shutil.copyfile(self._bundle / changed, self._own / changed)


_PARTS = (BUNDLE_FILE, GOLDEN_FILE, SEAL_FILE, TFLITE_FILE)


def open_readers(bundle: Path, work: Path) -> Readers:
    """Readers in a fresh folder below `work`."""
    return Readers(bundle, Path(tempfile.mkdtemp(dir=work)))


def _sayable(error: BadInputError | StoreIntegrityError) -> None:
    assert error.message
    assert len(error.message) < 10_000, "an error is a line or two"


def pictures() -> Iterator[bytes]:
    """One of each format, with and without alpha, and one with an orientation."""
    pixels = np.random.default_rng(0).integers(0, 255, (9, 13, 4), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = (("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"))
    for kind, mode in (*kinds, ("WEBP", "RGBA"), ("GIF", "P"), ("BMP", "RGB")):
        stream = BytesIO()
        more = {"exif": exif} if kind in ("JPEG", "WEBP") else {}
        Image.fromarray(pixels).convert(mode).save(stream, kind, **more)
        yield stream.getvalue()
    stream = BytesIO()
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 255).save(stream, "PNG")
    yield stream.getvalue()


_DIGEST = "a" * 64


def manifests() -> Iterator[bytes]:
    """A manifest."""
    build = {"kind": "laptop", "id": "a@b"}
    yield json.dumps(
        {
            "kind": "raw",
            "name": "flowers",
            "digest": _DIGEST,
            "files": 3,
            "bytes": 27,
            "classes": {"daisy": 3},
            "provenance": {"created": "2026-01-01T00:00:00+00:00", "build": build, "code": {}},
        }
    ).encode()


def rows() -> Iterator[bytes]:
    """Rows of a raw and of a processed version."""
    raw = {"bytes": 9, "label": "daisy", "path": "daisy/1.jpg", "sha256": _DIGEST}
    processed = {"label": "daisy", "path": "1.jpg", "sha256": _DIGEST, "split": "train", "width": 9, "height": 9}
    for row in (raw, processed | {"dhash": "0" * 16}):
        yield json.dumps(row).encode() + b"\n" + json.dumps(row).encode()


def requests() -> Iterator[bytes]:
    """A line with type and encoding, then a body."""
    flower = next(pictures())
    text = base64.b64encode(flower).decode()
    part = b'--xx\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + flower + b"\r\n"
    yield b"image/jpeg\n" + flower
    yield b"multipart/form-data; boundary=xx\n" + part + b"--xx--\r\n"
    yield b"application/json\n" + json.dumps({"image": text}).encode()
    yield b"application/json\n" + json.dumps({"images": [text, text]}).encode()
    yield b"application/json\n" + json.dumps({"data": [[[[1, 2, 3], [4, 5, 6]]]]}).encode()
    import gzip

    yield b"application/octet-stream|gzip\n" + gzip.compress(b'{"data": [[[[1, 2, 3]]]]}', mtime=0)


def archives() -> Iterator[bytes]:
    """A zip, a tar and a tar.gz with a photo."""
    import gzip
    import tarfile
    import zipfile

    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(zipfile.ZipInfo("photos/daisy/1.jpg"), b"12345678")
    yield stream.getvalue()
    for form in (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT):
        stream = BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=form) as plain:
            info = tarfile.TarInfo("photos/daisy/ä.jpg")
            info.size = 4
            plain.addfile(info, BytesIO(b"1234"))
        yield stream.getvalue()
        yield gzip.compress(stream.getvalue(), mtime=0)
