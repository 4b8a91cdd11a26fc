"""A name for each request, which its answer and its log line carry."""

from __future__ import annotations

import os
import random
import re
import secrets

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# Ids are no secrets, and asking the system for bytes lets go of the interpreter lock, which takes long to come back
# while photos are scored.
_numbers = random.Random(secrets.randbits(256))  # noqa: S311
if hasattr(os, "register_at_fork"):  # workers of one server must not give the same ids
    os.register_at_fork(after_in_child=lambda: _numbers.seed(secrets.randbits(256)))


def request_id_of(given: str | None) -> str:
    """What the client gave as X-Request-Id where that is harmless in logs and headers, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else new_id(128)


def new_id(bits: int) -> str:
    """A random number of so many bits, in hexadecimal digits."""
    return f"{_numbers.getrandbits(bits):0{bits // 4}x}"
