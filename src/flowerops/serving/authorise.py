"""The API key: who has none learns nothing of it, not even by the time that a refusal takes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from flowerops.serving.errors import ApiError


class KeyCheck:
    """Wants a key of clients; without one it lets everybody in."""

    def __init__(self, api_key: str | None) -> None:
        self._digest = _digest(api_key) if api_key else None

    @property
    def scheme(self) -> str | None:
        """How a client shows the key; None where none is wanted."""
        return "bearer" if self._digest else None

    def require(self, headers: Mapping[str, str]) -> None:
        """Let a request pass.

        Raises:
            ApiError: 401, it has no key or another one.
        """
        if self._digest is None:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Digests are compared, so that neither content nor length of the key shows in the time it takes.
        if scheme.lower() != "bearer" or not hmac.compare_digest(_digest(given.strip()), self._digest):
            message = "send the API key as Authorization: Bearer KEY"
            raise ApiError(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
