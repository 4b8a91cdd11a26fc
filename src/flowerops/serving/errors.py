"""What the HTTP server answers when it cannot score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FAULT_MESSAGE = "the server failed to score; its log says why"


class ApiError(Exception):
    """A refusal: HTTP status, a stable code for programs and one line for people. Never holds a path or a traceback."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def busy(message: str) -> ApiError:
    """429: the queue is full; the client may come back in a second."""
    return ApiError(429, "busy", message, {"Retry-After": "1"})


def too_large(what: str, limit: int) -> ApiError:
    """413: `what` the body does ("the body exceeds"), and the limit in bytes."""
    return ApiError(413, "too_large", f"{what} {limit / 1024 / 1024:g} MiB")


def not_ready(state: str) -> ApiError:
    """503: no model is loaded yet, or the server is about to end."""
    return ApiError(503, "not_ready", f"the server is {state}", {"Retry-After": "1"})


def error_document(error: ApiError, request_id: str | None) -> dict[str, Any]:
    """The JSON of a refusal."""
    return {"error": {"code": error.code, "message": error.message}, "request_id": request_id}
