"""The one redactor: what is printed or logged has no secrets in it."""

from __future__ import annotations

import re

HIDDEN = "…"
_PAIR = re.compile(r"(?i)(sig|token|key|secret|password)=[^&\s'\",]+")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def redact(text: str) -> str:
    """Text without signatures, tokens, keys, secrets and passwords (NAME=VALUE), and without those before a host."""
    return _CREDENTIALS.sub(f"{HIDDEN}@", _PAIR.sub(rf"\1={HIDDEN}", text))
