"""A photo with the parts that decided in colour: orange speaks for the class, blue against it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, ImageOps

FOR, AGAINST = (255, 122, 0), (0, 112, 255)
"""Told apart with every kind of colour vision, and in grey by their brightness."""
_PAPER, _INK, _SOFT, _TRACK = "#ffffff", "#1c2126", "#57606a", "#e9ebee"
_STRONGEST = 0.78
_GREY_SHARE = 0.7
_FAINT = 0.5
"""Log-odds that colour half as strongly as anything can: what hardly matters is not blown up to full colour."""
_PAD, _LINE, _BAR_H = 16, 26, 12
_BARS = 4


@dataclass(frozen=True)
class Explained:
    """What a picture for people shows.

    photo: upright and cut like the photo that was scored. grid: see `serving.occlusion.Occlusion`. label: of which
    class. probabilities: by class, 0..1. caption: a line of small print, such as the model's name and the file's.
    """

    photo: Image.Image
    grid: npt.NDArray[np.float32]
    label: str
    probabilities: Mapping[str, float]
    caption: str


def overlay(photo: Image.Image, grid: npt.NDArray[np.float32]) -> Image.Image:
    """Lay the grid over the photo, which is greyed so that the colours stand out."""
    heat = grid / max(float(np.abs(grid).max()), 2 * _FAINT)
    smooth = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(photo.size, Image.Resampling.BICUBIC))
    rgb = photo.convert("RGB")
    grey = Image.blend(rgb, ImageOps.grayscale(rgb).convert("RGB"), _GREY_SHARE)
    strength = (_STRONGEST * np.clip(np.abs(smooth), 0, 1) ** 0.8)[..., None]
    colour = np.where((smooth >= 0)[..., None], np.array(FOR, np.float32), np.array(AGAINST, np.float32))
    mixed = np.asarray(grey, np.float32) * (1 - strength) + colour * strength
    return Image.fromarray(mixed.round().astype(np.uint8))


def render_explanation(shown: Explained) -> bytes:
    """The photo, the photo with the overlay, and the probabilities as bars, as a PNG file."""
    photo = shown.photo.convert("RGB")
    width = 2 * photo.width + 3 * _PAD
    ranked = sorted(shown.probabilities.items(), key=lambda item: -item[1])[:_BARS]
    height = photo.height + 3 * _PAD + _LINE * (len(ranked) + 3)
    picture = Image.new("RGB", (width, height), _PAPER)
    picture.paste(photo, (_PAD, _PAD))
    picture.paste(overlay(photo, shown.grid), (2 * _PAD + photo.width, _PAD))
    draw = ImageDraw.Draw(picture)
    y = photo.height + 2 * _PAD
    share = shown.probabilities.get(shown.label, 0.0)
    _text(draw, (_PAD, y), f"{shown.label}, {100 * share:.1f} %", 20, width - 2 * _PAD)
    y += _LINE + 6
    for label, probability in ranked:
        _bar(draw, y, width, label, probability, chosen=label == shown.label)
        y += _LINE
    _text(draw, (_PAD, y), f"orange: speaks for {shown.label} · blue: against it", 13, width - 2 * _PAD, _SOFT)
    _text(draw, (_PAD, y + 20), shown.caption, 13, width - 2 * _PAD, _SOFT)
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _bar(draw: ImageDraw.ImageDraw, y: int, width: int, label: str, probability: float, *, chosen: bool) -> None:
    name = width // 4
    left, right = _PAD + name, width - _PAD - 64
    _text(draw, (_PAD, y), label, 14, name - 8)
    draw.rounded_rectangle((left, y + 3, right, y + 3 + _BAR_H), 5, _TRACK)
    end = left + (right - left) * probability
    if end - left >= 1:
        draw.rounded_rectangle((left, y + 3, end, y + 3 + _BAR_H), 5, FOR if chosen else _SOFT)
    _text(draw, (right + 8, y), f"{100 * probability:.1f} %", 14, 56)


def _text(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], words: str, size: int, room: float, colour: str = _INK
) -> None:
    """Write a line, cut off with dots where there is no room for more."""
    font = ImageFont.load_default(size)
    line = " ".join(words.split())
    while len(line) > 1 and draw.textlength(line, font=font) > room:
        line = line.removesuffix("…")[:-1] + "…"
    draw.text(at, line, colour, font=font)
