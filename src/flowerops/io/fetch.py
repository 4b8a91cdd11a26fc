"""Fetch a file from a URL that a user gave: public addresses only, bounded in bytes and time, whole or not at all."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from flowerops.errors import RemoteError
from flowerops.io.exchange import Answer, BrokenExchangeError, get
from flowerops.io.urls import Url, parse_url

REDIRECTS = {301, 302, 303, 307, 308}
WORTH_A_RETRY = {429, 502, 503, 504}
_TRIES = 4
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True)
class _Bounds:
    max_bytes: int
    deadline: float
    timeout_s: float
    allow_private: bool
    max_redirects: int


def fetch(
    url: str,
    max_bytes: int = 32 * 1024 * 1024,
    timeout_s: float = 30.0,
    allow_private: bool = False,
    max_redirects: int = 5,
) -> bytes:
    """Download a whole file over http or https.

    The host's addresses are checked, and the connection goes to the checked address, for every redirect anew: a name
    that resolves differently the next time gains nothing. Status 429, 502, 503, 504 and broken connections are tried
    again (up to four times in all, within the time), other statuses are not.

    Args:
        url: The address; without user name and password.
        max_bytes: The largest body.
        timeout_s: For everything together: names, connections, redirects, pauses and the body.
        allow_private: Also take addresses that are not on the public internet (loopback, private, link-local …).
        max_redirects: How many redirects to follow.

    Raises:
        BadInputError: Not such a URL, an address that is not allowed, or a file that is too large.
        RemoteError: Out of time, too many redirects, an error status, or a body shorter than announced.
    """
    bounds = _Bounds(max_bytes, time.monotonic() + timeout_s, timeout_s, allow_private, max_redirects)
    for attempt in range(1, _TRIES + 1):
        try:
            answer = _following_redirects(parse_url(url), bounds)
        except BrokenExchangeError:
            if attempt == _TRIES or not _pause(backoff(attempt), bounds):
                raise
            continue
        if answer.status == 200:
            return answer.body
        wait = retry_after(answer.headers, attempt)
        if answer.status not in WORTH_A_RETRY or attempt == _TRIES or not _pause(wait, bounds):
            raise RemoteError(f"{parse_url(url).shown} answered with status {answer.status}", "Check the URL.")
    raise AssertionError("unreachable")


def _following_redirects(url: Url, bounds: _Bounds) -> Answer:
    for _ in range(bounds.max_redirects + 1):
        answer = get(url, bounds.max_bytes, bounds.deadline, bounds.timeout_s, bounds.allow_private)
        target = answer.headers.get("location")
        if answer.status not in REDIRECTS or not target:
            return answer
        url = parse_url(urljoin(url.text, target))
    raise RemoteError(f"more than {bounds.max_redirects} redirects, the last to {url.shown}", "Check the URL.")


def backoff(attempt: int) -> float:
    """Seconds to wait after the n-th failed try (n = 1, 2 …), at random within bounds."""
    pause = _FIRST_PAUSE_S * 2.0 ** (attempt - 1)
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, keeps no secret


def retry_after(headers: Mapping[str, str], attempt: int) -> float:
    """Seconds to wait: what the server asks for (a number or a date), within reason, else the usual pause."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return min(float(asked), _LONGEST_PAUSE_S)
    try:
        seconds = float((parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
        return min(max(seconds, 0.0), _LONGEST_PAUSE_S)
    except (TypeError, ValueError):
        return backoff(attempt)


def _pause(seconds: float, bounds: _Bounds) -> bool:
    """Wait, unless the time would be over by then."""
    if time.monotonic() + seconds >= bounds.deadline:
        return False
    time.sleep(seconds)
    return True
