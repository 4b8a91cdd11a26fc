"""The HTTP application: POST /score, and what load balancers, monitoring and people ask beside it."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from flowerops.serving.about import About
from flowerops.serving.authorise import KeyCheck
from flowerops.serving.errors import FAULT_MESSAGE, ApiError, error_document
from flowerops.serving.keys import Keys
from flowerops.serving.observe import Observed
from flowerops.serving.scoring import Scoring
from flowerops.serving.service import ScoringService

_ERROR_CODES = {404: "not_found", 405: "method_not_allowed"}


def build_app(service: ScoringService, api_key: str | Keys | None = None) -> ASGIApp:
    """The application over one scoring service.

    Args:
        service: The model, its threads and limits.
        api_key: When given, /score and /metrics want it as `Authorization: Bearer KEY`; or the keys that they take.
    """
    key = KeyCheck(api_key)
    about, scoring = About(service, key), Scoring(service, key)
    app = Starlette(
        routes=[
            Route("/", about.root),
            Route("/healthz", about.healthz),
            Route("/readyz", about.readyz),
            Route("/metrics", about.metrics),
            Route("/openapi.json", about.openapi),
            Route("/score", scoring.score, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _on_http_error, ApiError: _on_api_error, Exception: _on_fault},
    )
    app.router.redirect_slashes = False
    return Observed(app, service)


def _refusal(request: Request, error: ApiError) -> Response:
    request_id = getattr(request.state, "request_id", None)
    return JSONResponse(error_document(error, request_id), error.status, error.headers)


async def _on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _refusal(request, error)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _ERROR_CODES.get(error.status_code, "http_error")
    return _refusal(request, ApiError(error.status_code, code, error.detail, error.headers))


async def _on_fault(request: Request, error: Exception) -> Response:
    # What happened stands in the log, under the request id; the client learns no more.
    return _refusal(request, ApiError(500, "internal", FAULT_MESSAGE))
