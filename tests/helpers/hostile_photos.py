"""Files and names as they are met in the wild, or made by somebody who means harm."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

from PIL import Image

from helpers.photos import encoded, photo_bytes, picture

BOMB_SIDE = 50_000
ODD_NAMES = ("-rf.jpg", "line\nend.jpg", "tab\tand \x1b[31mred.jpg", "🌼 daisy.jpg", "no suffix", "a" * 200 + ".jpg")
NOT_UTF8 = b"latin-\xe9.jpg"
_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
_SIZE = (24, 20)


def bomb() -> bytes:
    """A whole PNG of 50,000 x 50,000 black pixels in some 300 KB; decoded it would take 2.5 GB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = bytes(1 + BOMB_SIDE // 8) * 1000
    pixels = b"".join(packer.compress(rows) for _ in range(BOMB_SIDE // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def unusable() -> dict[str, tuple[bytes, str]]:
    """Files that are called photos: name, content, and a word of the reason why they are not used."""
    photo = photo_bytes(900, (64, 64))
    other = "not a JPEG, PNG, WebP, GIF or BMP image"
    return {
        "zero.jpg": (b"", "empty file"),
        "cut.jpg": (photo[: len(photo) // 2], "truncated"),
        "page.jpg": (b"<!doctype html><title>404</title>", other),
        "script.jpg": (encoded(picture(901, _SIZE), "EPS"), other),
        "scan.jpg": (encoded(picture(902, _SIZE), "TIFF"), other),
        "paper.jpg": (_PDF, other),
        "bomb.png": (bomb(), "pixels exceed the limit"),
    }


def odd_but_good() -> dict[str, bytes]:
    """Photos of every kind that the decoder takes."""
    images = [picture(number, _SIZE) for number in range(910, 920)]
    grey = [image.convert("L") for image in images]
    veiled = images[0].copy()
    veiled.putalpha(128)
    wide = Image.new("I;16", _SIZE)
    wide.putdata([value * 257 for value in grey[4].tobytes()])
    films = {"save_all": True, "append_images": images[8:]}
    return {
        "cmyk.jpg": encoded(images[1].convert("CMYK")),
        "grey.jpg": encoded(grey[2]),
        "grey-alpha.png": encoded(grey[3].convert("LA"), "PNG"),
        "sixteen-bit.png": encoded(wide, "PNG"),
        "one-bit.png": encoded(images[5].convert("1"), "PNG"),
        "palette-alpha.png": encoded(veiled.quantize(64), "PNG"),
        "film.gif": encoded(images[6], "GIF", **films),
        "film.webp": encoded(images[7], "WEBP", **films),
    }


def add_hostile(root: Path) -> None:
    """Put all of it into the two class folders daisy/ and roses/ of `root`, and links and pipes beside it."""
    for name, (data, _) in unusable().items():
        (root / "daisy" / name).write_bytes(data)
    for name, data in odd_but_good().items():
        (root / "roses" / name).write_bytes(data)
    for number, name in enumerate(ODD_NAMES):
        (root / "daisy" / name).write_bytes(photo_bytes(930 + number, _SIZE))
    Path(os.fsdecode(os.fsencode(root / "daisy") + b"/" + NOT_UTF8)).write_bytes(photo_bytes(950, _SIZE))
    for label in ("daisy", "roses"):
        (root / label / "both.jpg").write_bytes(photo_bytes(951, _SIZE))
    (root.parent / "secret.jpg").write_bytes(photo_bytes(952, _SIZE))
    (root / "roses/out.jpg").symlink_to(root.parent / "secret.jpg")
    (root / "roses/loop").symlink_to(root / "roses")
    (root / "roses/self.jpg").symlink_to("self.jpg")
    (root / "roses/nowhere.jpg").symlink_to("nowhere")
    os.mkfifo(root / "roses/pipe.jpg")
    (root / "roses/Thumbs.db").write_bytes(b"x")
    (root / "daisy/.hidden").mkdir()
    (root / "daisy/.hidden/x.jpg").write_bytes(photo_bytes(953, _SIZE))
