"""The page at /: one static file, which may load and run nothing but itself."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from pathlib import Path

_FILE = Path(__file__).with_name("page.html")


def page_text() -> str:
    """The page."""
    return _FILE.read_text(encoding="utf-8")


def page_headers(page: str) -> dict[str, str]:
    """Headers that hold browsers to what the page is: its own style and script, this server, no frames around it."""
    rules = {
        "default-src": "'none'",
        "script-src": _hashes(page, "script"),
        "style-src": _hashes(page, "style"),
        "img-src": "blob: data:",
        "media-src": "blob: mediastream:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in rules.items()),
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }


def _hashes(page: str, element: str) -> str:
    found = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
    digests = (hashlib.sha256(text.encode()).digest() for text in found)
    return " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)
