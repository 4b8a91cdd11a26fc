"""The API key: who has none learns nothing of it, not even by the time that a refusal takes."""

from __future__ import annotations

from collections.abc import Mapping

from flowerops.serving.errors import ApiError
from flowerops.serving.keys import Keys, OneKey


class KeyCheck:
    """Wants a key of clients; without one it lets everybody in.

    Args:
        api_key: The key, or the keys that are taken.
    """

    def __init__(self, api_key: str | Keys | None) -> None:
        self._keys = OneKey(api_key) if api_key is None or isinstance(api_key, str) else api_key

    @property
    def scheme(self) -> str | None:
        """How a client shows the key; None where none is wanted."""
        return "bearer" if self._keys.needed else None

    def require(self, headers: Mapping[str, str]) -> None:
        """Let a request pass.

        Raises:
            ApiError: 401, it has no key or another one.
        """
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if not self._keys.accept(given.strip() if scheme.lower() == "bearer" else None):
            message = "send the API key as Authorization: Bearer KEY"
            raise ApiError(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})
