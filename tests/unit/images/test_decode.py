from __future__ import annotations

import subprocess
import sys
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from flowerops.errors import BadInputError
from flowerops.images import ImageRejectedError, image_format, prepare_image
from helpers.photos import encoded, picture, pixels_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")

SIDE = 16
ORIENTATION = 0x0112


def pixels(data: bytes) -> np.ndarray:
    """The pixels of a 16 x 16 image, which needs no resizing."""
    return prepare_image(data, SIDE, "stretch").pixels.astype(int)


def ramp() -> np.ndarray:
    """All of 0..255 once, uint8 [16, 16]."""
    return np.arange(256, dtype=np.uint8).reshape(SIDE, SIDE)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values.astype(int)[..., None], 3, axis=2)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png(width: int, height: int, body: bytes, depth: int = 1, colour: int = 0) -> bytes:
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour, 0, 0, 0])
    chunks = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(body, 9)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


# --- every kind of pixel becomes RGB --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP"])
def test_grey_becomes_rgb(kind):
    data = encoded(Image.fromarray(ramp()), kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.array_equal(pixels(data), grey(ramp()))


def test_one_bit_becomes_black_and_white():
    bits = ramp() % 3 == 0
    assert np.array_equal(pixels(encoded(Image.fromarray(bits), "PNG")), grey(bits * 255))


def test_sixteen_bit_grey_is_scaled_not_clipped():
    wide = ramp().astype(np.uint16) * 256 + 77
    assert np.array_equal(pixels(encoded(Image.fromarray(wide), "PNG")), grey(ramp()))


def test_sixteen_bit_colour_is_scaled():
    colours = np.stack([ramp(), ramp()[::-1], ramp().T], axis=2)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colours.astype(np.uint16) * 256 + 200)
    assert np.array_equal(pixels(png(SIDE, SIDE, rows, depth=16, colour=2)), colours)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_is_laid_on_white(mode, kind):
    alpha = ramp().T
    colours = [ramp()] if mode == "LA" else [ramp(), ramp()[::-1], ramp().T[::-1]]
    image = Image.fromarray(np.stack([*colours, alpha], axis=2))
    data = encoded(image, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    share = alpha[..., None] / 255
    expected = np.stack(colours * (3 if mode == "LA" else 1), axis=2) * share + 255 * (1 - share)
    assert np.abs(pixels(data) - expected).max() <= 1


def test_a_palette_with_alpha_is_laid_on_white():
    image = Image.fromarray(ramp() % 3)
    image.putpalette([10, 20, 30, 200, 100, 0, 90, 90, 90])
    expected = np.array([[10, 20, 30], [255, 255, 255], [172, 172, 172]])[ramp() % 3]
    data = encoded(image, "PNG", transparency=bytes([255, 0, 128]))
    assert np.abs(pixels(data) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P"])
def test_one_transparent_colour_becomes_white(mode):
    image = Image.fromarray(np.where(ramp() < 100, 0, 255).astype(np.uint8)).convert(mode)
    clear = {"L": 0, "RGB": (0, 0, 0), "1": 0}
    index = clear[mode] if mode in clear else image.getpixel((0, 0))
    assert (pixels(encoded(image, "PNG", transparency=index)) == 255).all()


def test_a_cmyk_jpeg_has_its_colours():
    for ink, colour in {
        (255, 0, 0, 0): (0, 255, 255),
        (0, 255, 255, 51): (204, 0, 0),
        (0, 0, 0, 0): (255,) * 3,
    }.items():
        data = encoded(Image.new("CMYK", (SIDE, SIDE), ink), quality=95)
        assert np.abs(pixels(data) - colour).max() <= 4


def test_the_first_frame_of_an_animation_counts():
    red, blue = Image.new("RGB", (SIDE, SIDE), (255, 0, 0)), Image.new("RGB", (SIDE, SIDE), (0, 0, 255))
    for kind in ("GIF", "WEBP", "PNG"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(red, kind, save_all=True, append_images=[blue, blue], duration=40, **options)
        assert Image.open(BytesIO(data)).n_frames > 1
        assert np.array_equal(pixels(data), np.full((SIDE, SIDE, 3), (255, 0, 0)))


def test_the_first_picture_of_a_phones_multi_picture_jpeg_counts():
    red, blue = Image.new("RGB", (SIDE, SIDE), (255, 0, 0)), Image.new("RGB", (SIDE, SIDE), (0, 0, 255))
    data = encoded(red, "MPO", save_all=True, append_images=[blue], quality=95)
    assert np.abs(pixels(data) - (255, 0, 0)).max() <= 4


# --- EXIF -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "tolerance"), [("PNG", 2), ("WEBP", 2), ("JPEG", 14)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_gives_the_same_upright_picture(orientation, kind, tolerance):
    upright = picture(3, (60, 40))
    turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what a camera held that way stores: the inverse turn
    stored = upright.transpose(Image.Transpose(turned[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"PNG": {}, "WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}[kind]
    data = encoded(stored, kind, exif=exif, **options)
    assert np.array_equal(pixels_of(ImageOps.exif_transpose(Image.open(BytesIO(data)))).shape, (40, 60, 3))
    expected = prepare_image(encoded(upright, "PNG"), 30)
    got = prepare_image(data, 30)
    assert (got.width, got.height) == (60, 40)
    assert np.abs(got.pixels.astype(int) - expected.pixels).max() <= tolerance


@pytest.mark.parametrize("tag", [0, 9, 60000])
def test_a_senseless_orientation_is_no_orientation(tag):
    exif = Image.Exif()
    exif[ORIENTATION] = tag
    data = encoded(picture(3), exif=exif)
    assert np.array_equal(prepare_image(data, 32).pixels, prepare_image(encoded(picture(3)), 32).pixels)


def test_a_broken_exif_block_does_not_cost_the_photo():
    data = encoded(picture(3), exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")
    assert prepare_image(data, 32).pixels.shape == (32, 32, 3)


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_truncated_photo_is_refused(kind, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(ImageRejectedError) as caught:
        prepare_image(data[: int(len(data) * share)], 32)
    assert caught.value.reason


def test_a_truncated_jpeg_says_so():
    data = encoded(picture(1, (400, 300)))
    with pytest.raises(ImageRejectedError, match="truncated"):
        prepare_image(data[: len(data) // 2], 32)


def test_a_png_with_broken_pixel_data_is_refused():
    data = bytearray(
        encoded(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)), "PNG")
    )
    data[len(data) // 2] ^= 0x55
    with pytest.raises(ImageRejectedError, match="broken pixel data"):
        prepare_image(bytes(data), 32)


def test_pixel_data_after_a_lying_header_is_refused():
    with pytest.raises(ImageRejectedError):
        prepare_image(png(9000, 9000, b"\0" * 100), 32)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"\n", "not a JPEG"),
        (b"<!doctype html><title>404</title>", "not a JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a JPEG"),
        (b"%PDF-1.7\n1 0 obj\n", "not a JPEG"),
        (b"\xff\xd8\xff", "broken header"),
        (b"BM", "broken header"),
        (b"\x89PNG\r\n\x1a\n", "broken header"),
        (b"GIF89a", "broken header"),
        (b"RIFF\x10\0\0\0WEBP", "broken header"),
    ],
)
def test_what_is_no_image_is_refused_with_the_reason(data, reason):
    with pytest.raises(ImageRejectedError, match=reason) as caught:
        prepare_image(data, 32)
    assert isinstance(caught.value, BadInputError)
    assert caught.value.exit_code == 3
    assert "JPEG, PNG, WebP" in (caught.value.hint or "")


@pytest.mark.parametrize("kind", ["TIFF", "EPS", "PDF", "ICO", "PPM", "TGA", "JPEG2000", "AVIF"])
def test_other_formats_are_refused_by_content_whatever_the_name_says(kind):
    with pytest.raises(ImageRejectedError, match="not a JPEG"):
        prepare_image(encoded(picture(1, (32, 32)), kind), 32)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_the_format_is_told_by_content(kind):
    assert image_format(encoded(picture(1), kind)) == kind


# --- bombs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (12_000, 12_000), (9460, 9460), (2**31 - 1, 1)])
def test_a_bomb_is_refused_from_its_header(width, height):
    with pytest.raises(ImageRejectedError, match="exceed the limit"):
        prepare_image(png(width, height, b""), 224)


_DECODE = """
import sys
from pathlib import Path
from flowerops.images import prepare_image
prepare_image(Path(sys.argv[1]).read_bytes(), 32)
"""


def test_an_odd_photo_makes_no_noise_on_the_screen(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(encoded(picture(3), exif=b"Exif\0\0II*\0\x08\0\0\0\x01"))
    done = subprocess.run(
        [sys.executable, "-c", _DECODE, str(tmp_path / "photo.jpg")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""


_MEASURE = """
import resource, sys
from pathlib import Path
from flowerops.images import ImageRejectedError, prepare_image
data = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    prepare_image(data, 224)
except ImageRejectedError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error.reason)
"""


def webp_claiming(side: int) -> bytes:
    """An animated WebP whose canvas is said to be far larger than its frames."""
    small = [picture(number, (32, 32)) for number in (1, 2)]
    data = bytearray(encoded(small[0], "WEBP", save_all=True, append_images=small[1:]))
    assert data[12:16] == b"VP8X"
    data[24:30] = (side - 1).to_bytes(3, "little") * 2
    return bytes(data)


def gif_claiming(side: int) -> bytes:
    data = bytearray(encoded(picture(1, (32, 32)), "GIF"))
    data[6:10] = side.to_bytes(2, "little") * 2
    return bytes(data)


@pytest.mark.parametrize(
    "bomb",
    [png(50_000, 50_000, b"\0" * 6251 * 2000), webp_claiming(16_000), gif_claiming(60_000)],
    ids=["png", "webp", "gif"],
)
def test_refusing_a_bomb_takes_little_memory(bomb, tmp_path):
    (tmp_path / "bomb").write_bytes(bomb)
    said = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(tmp_path / "bomb")], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    kilobytes, _, reason = said.partition(" ")
    assert "exceed the limit" in reason
    assert int(kilobytes) < 50_000
