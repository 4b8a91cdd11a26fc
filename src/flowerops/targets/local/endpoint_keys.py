"""The API key of one endpoint: a file that only its owner may read, which the endpoint's servers look into."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from flowerops.domain.documents import Document
from flowerops.errors import ConflictError, UsageError
from flowerops.io.atomic import atomic_write
from flowerops.serving.binding import check_bind, is_loopback
from flowerops.targets.local.endpoint_state import LOOPBACK

KEY_FILE = "keys.json"
_KEY_BYTES = 32


class EndpointKeys(Document):
    """What `serving.keys.KeyFile` reads. key: None lets everybody in. former: the one before, while it is taken."""

    key: str | None = None
    former: str | None = None


class KeyStore:
    """Reads and writes the keys of the endpoint whose folder is given."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / KEY_FILE

    def load(self) -> EndpointKeys:
        """The stored keys; none before the first deploy.

        Raises:
            StoreIntegrityError: The file is damaged.
        """
        try:
            return EndpointKeys.from_json(self.path.read_bytes(), str(self.path))
        except FileNotFoundError:
            return EndpointKeys()

    def settle(self, hosts: Sequence[str], wanted: bool | None, given: str | None) -> EndpointKeys:
        """Make the key file what a deploy needs.

        Args:
            hosts: The addresses that the endpoint listens on now and after the deploy.
            wanted: Whether clients shall need a key; None leaves that as it is.
            given: A key that the user chose; None makes one up where one is needed.

        Raises:
            UsageError: Everybody on the network would reach it without a key, or the key cannot stand in a header.
        """
        public = next((host for host in hosts if not is_loopback(host)), None)
        if wanted is False and public is not None:
            raise UsageError(
                f"listening on {public} without a key would let everybody on the network use the model",
                "Leave out --no-key, or deploy with --host 127.0.0.1 first.",
            )
        before = self.load()
        key = None if wanted is False else given or before.key
        if key is None and (wanted or public is not None):
            key = new_key()
        check_bind(public or LOOPBACK, key)
        keys = before if key == before.key else EndpointKeys(key=key)
        if keys != before or not self.path.exists():
            self._save(keys)
        return keys

    def rotate(self, given: str | None, *, keep_former: bool) -> EndpointKeys:
        """Replace the key; the servers take the new one from their next request on.

        Args:
            given: The new key; None makes one up.
            keep_former: Whether clients may go on with the old one until the next change.

        Raises:
            ConflictError: The endpoint needs no key.
        """
        before = self.load()
        if before.key is None:
            raise ConflictError("the endpoint needs no key", "Deploy to it with --key, then it does.")
        check_bind(LOOPBACK, given)
        key = given if given and given != before.key else new_key()
        return self._save(EndpointKeys(key=key, former=before.key if keep_former else None))

    def _save(self, keys: EndpointKeys) -> EndpointKeys:
        atomic_write(self.path, keys.to_json(), private=True)
        return keys


def new_key() -> str:
    """A key that nobody can guess: 256 random bits in 43 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(_KEY_BYTES)
