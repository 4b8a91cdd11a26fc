"""Who may be listened to: loopback by default, everybody else only with a key."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path

from flowerops.errors import ConflictError, UsageError

API_KEY_VARIABLE = "FLOWEROPS_API_KEY"


def find_key(key_file: Path | None) -> str | None:
    """The API key: what the file holds, else what the environment says; never an argument, which everybody can see.

    Raises:
        UsageError: The file cannot be read.
    """
    if key_file is None:
        return os.environ.get(API_KEY_VARIABLE)
    try:
        return key_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(
            f"the key file {key_file} cannot be read: {reason}", "Name a file that holds the key."
        ) from error


def check_bind(host: str, api_key: str | None) -> None:
    """Refuse to listen to the network without a key.

    Raises:
        UsageError: The address is not a loopback one and there is no key, or the key cannot stand in a header.
    """
    if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key and " " not in api_key):
        raise UsageError(
            f"{API_KEY_VARIABLE} cannot be a key", "Use letters, digits and signs of ASCII without blanks, or unset it."
        )
    if not is_loopback(host) and api_key is None:
        raise UsageError(
            f"listening on {host} would let everybody on the network use the model",
            f"Set {API_KEY_VARIABLE} to a secret, name a file with --key-file, or listen on 127.0.0.1.",
        )


def is_loopback(host: str) -> bool:
    """Whether a listening address is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        ConflictError: It cannot listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay (40 ms an answer) off only for sockets that name their protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise ConflictError(f"cannot listen on {host} port {port}: {reason}", "Choose another port.") from error
    return listener
