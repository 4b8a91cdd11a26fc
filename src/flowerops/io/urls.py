"""URLs and addresses that may be fetched."""

from __future__ import annotations

import ipaddress
import socket
import threading
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from flowerops.errors import BadInputError, RemoteError

_SAFE_IN_PATH = "/%:@!$&'()*+,;=~-._"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}
_HINT = "Only public http and https addresses are fetched."

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Url:
    """A checked http(s) URL. host: in its ASCII form. target: path and query as they go over the wire."""

    text: str
    scheme: str
    host: str
    port: int
    target: str

    @property
    def shown(self) -> str:
        """The URL for messages: without the query, which may hold a signature."""
        return f"{self.scheme}://{self.netloc}{self.target.partition('?')[0]}"

    @property
    def netloc(self) -> str:
        """Host and port as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(text: str) -> Url:
    """Check a URL's form.

    Raises:
        BadInputError: Another scheme than http and https, no host, user information, or nonsense.
    """
    shown = text.partition("?")[0][:200]
    try:
        parts = urlsplit(text.strip())
        host = (parts.hostname or "").encode("idna").decode() if ":" not in (parts.hostname or "") else parts.hostname
        port = parts.port
    except (ValueError, UnicodeError) as error:
        raise BadInputError(f"not a usable URL: {shown!r}", _HINT) from error
    if parts.scheme not in _PORTS or not host:
        raise BadInputError(f"not an http or https URL: {shown!r}", _HINT)
    if "@" in parts.netloc:
        raise BadInputError("a URL with user name or password is not fetched", "Remove what stands before the '@'.")
    path = quote(parts.path or "/", safe=_SAFE_IN_PATH)
    query = f"?{quote(parts.query, safe=_SAFE_IN_PATH + '?')}" if parts.query else ""
    return Url(text.strip(), parts.scheme, host, port or _PORTS[parts.scheme], path + query)


def resolve(url: Url, allow_private: bool, timeout_s: float) -> list[str]:
    """The addresses of a URL's host, all of them checked.

    Raises:
        BadInputError: One of them is not public, and only public ones are allowed.
        RemoteError: The name is unknown, or the answer took too long.
    """
    addresses = list(dict.fromkeys(_look_up(url, timeout_s)))
    for address in addresses:
        if not allow_private and not is_public(ipaddress.ip_address(address.partition("%")[0])):
            raise BadInputError(
                f"{url.shown} leads to {address}, which is not a public address",
                "Allow private addresses explicitly if that is meant.",
            )
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet; IPv6 forms that carry an IPv4 address are judged by that."""
    carried = _carried(address)
    if carried is not None:
        return is_public(carried)
    special = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or getattr(address, "is_site_local", False)
    )
    return address.is_global and not special


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _look_up(url: Url, timeout_s: float) -> list[str]:
    """Ask the resolver in a thread of its own, because it knows no time limit."""
    found: list[str] = []
    problem: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
            found.extend(str(row[4][0]) for row in rows)
        except (OSError, UnicodeError) as error:
            problem.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(max(timeout_s, 0.0))
    if problem or not found:
        reason = "unknown host" if problem or not asking.is_alive() else "the name could not be resolved in time"
        raise RemoteError(f"{url.shown}: {reason}", "Check the URL and the network.")
    return found
