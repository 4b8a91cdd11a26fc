"""What the HTTP server answers when it cannot score."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse


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


def not_ready(state: str) -> ApiError:
    """503: no model is loaded yet, or the server is about to end."""
    return ApiError(503, "not_ready", f"the server is {state}", {"Retry-After": "1"})


def error_response(request: Request, error: ApiError) -> JSONResponse:
    """The JSON answer to a refused request."""
    document = {
        "error": {"code": error.code, "message": error.message},
        "request_id": getattr(request.state, "request_id", None),
    }
    return JSONResponse(document, error.status, error.headers)
