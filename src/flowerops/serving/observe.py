"""The outermost layer of the application: request ids, one log line a request, and no exception past it."""

from __future__ import annotations

import logging
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowerops.serving.logs import log
from flowerops.serving.service import ClientLeftError, ScoringService
from flowerops.serving.trace import Caller, caller_of

_PROBES = ("/healthz", "/readyz", "/metrics")
_KNOWN = ("/", "/score", "/openapi.json", *_PROBES)
_CLIENT_LEFT = 499


class Observed:
    """Wrap an application: name every request, log and count it, and end connections of a retired server."""

    def __init__(self, app: ASGIApp, service: ScoringService) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        caller = caller_of(headers)
        ambiguous = _has_two_lengths(headers)
        scope.setdefault("state", {})["request_id"] = caller.request_id
        started = time.perf_counter()
        status = 500

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _mark(message, caller, last=ambiguous or self._service.closes_connections)
            await send(message)

        fault: Exception | None = None
        try:
            await self._app(scope, receive, observed_send)
        except (ClientDisconnect, ClientLeftError):
            status = _CLIENT_LEFT
        except Exception as error:  # already answered with a plain 500
            fault = error
        seconds = time.perf_counter() - started
        self._service.counters.request(scope["path"] if scope["path"] in _KNOWN else "other", status, seconds)
        _log_request(scope, caller, status, seconds, fault)


def _has_two_lengths(headers: Headers) -> bool:
    """Whether a proxy may have taken a request for another one; nothing after it is believed (RFC 9112, 6.1)."""
    return "content-length" in headers and "transfer-encoding" in headers


def _mark(message: MutableMapping[str, Any], caller: Caller, *, last: bool) -> None:
    headers = MutableHeaders(scope=message)
    headers.update(caller.headers)
    if last:
        headers["Connection"] = "close"


def _log_request(scope: Scope, caller: Caller, status: int, seconds: float, fault: Exception | None) -> None:
    if scope["path"] in _PROBES and fault is None:
        return  # asked every second by somebody; they would drown the rest
    fields = {
        **caller.fields,
        "method": scope["method"],
        "path": scope["path"][:200],
        "status": status,
        "ms": round(seconds * 1000, 2),
    }
    log.log(logging.ERROR if fault else logging.INFO, "request", extra={"fields": fields}, exc_info=fault)
