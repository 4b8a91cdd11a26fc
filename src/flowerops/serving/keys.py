"""The API keys that a server takes: the one that it was started with, or what a file says right now.

The file (`{"key": …, "former": …}`, readable by its owner only) is written in one step by whoever changes a key, and
read anew when it is another one: so a key changes without a restart, for a deployment and the one before it at once. A
file that is missing or damaged lets nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class Keys(Protocol):
    """Who may score."""

    @property
    def needed(self) -> bool:
        """Whether clients need a key at all."""

    def accept(self, given: str | None) -> bool:
        """Whether a client may score; None: it brought no key."""


class OneKey:
    """A key that stays as it is; None lets everybody in."""

    def __init__(self, key: str | None) -> None:
        self._digests = _digests([key]) if key else None

    @property
    def needed(self) -> bool:
        """Whether there is one."""
        return self._digests is not None

    def accept(self, given: str | None) -> bool:
        """Whether it is the key, or none is needed."""
        return self._digests is None or _is_among(given, self._digests)


class KeyFile:
    """The keys of a file: `key`, and `former` while clients may still have it; a null key lets everybody in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._digests: list[bytes] | None = []

    @property
    def needed(self) -> bool:
        """Whether the file says so right now."""
        self._look()
        return self._digests is not None

    def accept(self, given: str | None) -> bool:
        """Whether the file has this key, or says that none is needed."""
        self._look()
        return self._digests is None or _is_among(given, self._digests)

    def _look(self) -> None:
        """Read the file when it is not the one that was read last; it is replaced and never changed in place."""
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size, status.st_dev)
            if seen != self._seen:
                self._digests = _digests_of(self._path.read_bytes())
                self._seen = seen
        except (OSError, ValueError, TypeError, KeyError):
            self._seen, self._digests = (), []


def _digests_of(text: bytes) -> list[bytes] | None:
    said = json.loads(text)
    return None if said["key"] is None else _digests([said["key"], said.get("former")])


def _digests(keys: Iterable[str | None]) -> list[bytes]:
    return [_digest(key) for key in keys if key]


def _is_among(given: str | None, digests: Iterable[bytes]) -> bool:
    """Digests are compared, all of them, so that neither content nor length of a key shows in the time it takes."""
    offered = _digest(given or "")
    return sum(hmac.compare_digest(offered, digest) for digest in digests) > 0


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
