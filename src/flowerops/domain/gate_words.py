"""Numbers in the gate's sentences."""

from __future__ import annotations

from collections.abc import Iterable


def images(count: int) -> str:
    """`400 test images`."""
    return "1 test image" if count == 1 else f"{count:,} test images"


def percent(share: float) -> str:
    """`91.2 %`."""
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """`2.5 points`, whichever way the difference goes."""
    return f"{100 * abs(difference):.1f} points"


def signed(difference: float) -> str:
    """`+2.5 points`."""
    return f"{100 * difference:+.1f} points"


def chance(p: float) -> str:
    """A p as it stands in brackets: `p = 0.031`, or `p below 0.001`."""
    return "p below 0.001" if p < 0.001 else f"p = {p:.3f}"


def names(labels: Iterable[str]) -> str:
    """`daisy, roses`."""
    return ", ".join(labels)
