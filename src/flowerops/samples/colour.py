"""Colours as three numbers 0..255, and how to vary them."""

from __future__ import annotations

import numpy as np

Colour = tuple[float, float, float]


def as_bytes(colour: Colour) -> tuple[int, int, int]:
    """Round and clip to what a picture can hold."""
    return _byte(colour[0]), _byte(colour[1]), _byte(colour[2])


def _byte(part: float) -> int:
    return min(255, max(0, int(part + 0.5)))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with a share (0..1) of `second`."""
    rest = 1 - share
    return (
        first[0] * rest + second[0] * share,
        first[1] * rest + second[1] * share,
        first[2] * rest + second[2] * share,
    )


def lit(colour: Colour, factor: float) -> Colour:
    """Brighter (factor above 1) or darker."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def varied(rng: np.random.Generator, colour: Colour, amount: float = 10) -> Colour:
    """The colour with a random shift of up to `amount` a channel and up to `amount` percent of brightness."""
    shift = rng.uniform(-amount, amount, 3)
    factor = 1 + rng.uniform(-amount, amount) / 100
    return (colour[0] + shift[0]) * factor, (colour[1] + shift[1]) * factor, (colour[2] + shift[2]) * factor


def pick(rng: np.random.Generator, colours: list[Colour], amount: float = 10) -> Colour:
    """One of the colours, varied."""
    return varied(rng, colours[int(rng.integers(len(colours)))], amount)
