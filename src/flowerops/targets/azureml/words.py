"""The SDK's words as plain text."""

from __future__ import annotations

from typing import Any


def plain(word: Any) -> str:
    """A status or state; the SDK gives an enum for those it knows and a text for newer ones."""
    return str(getattr(word, "value", word) or "")
