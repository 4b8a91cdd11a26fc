"""A name for each request, which its answer and its log line carry."""

from __future__ import annotations

import re
import secrets

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def request_id_of(given: str | None) -> str:
    """What the client gave as X-Request-Id where that is harmless in logs and headers, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
