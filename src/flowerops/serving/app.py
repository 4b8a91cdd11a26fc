"""The HTTP application: POST /score, and what load balancers and people ask beside it."""

from __future__ import annotations

from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from flowerops.serving.admission import Ticket
from flowerops.serving.answers import answer, wanted_top
from flowerops.serving.body import BodyReader
from flowerops.serving.errors import FAULT_MESSAGE, ApiError, error_document
from flowerops.serving.keys import Keys, OneKey
from flowerops.serving.observe import Observed
from flowerops.serving.payload import Payload, images_of, media_type_of
from flowerops.serving.service import ScoringService

_PARSED = ("multipart/", "application/json")
"""Media types whose bodies take time to read."""
_ERROR_CODES = {404: "not_found", 405: "method_not_allowed"}


def build_app(service: ScoringService, api_key: str | Keys | None = None) -> ASGIApp:
    """The application over one scoring service.

    Args:
        service: The model, its threads and limits.
        api_key: When given, /score wants it as `Authorization: Bearer KEY`; or the keys that it takes.
    """
    routes = _Routes(service, OneKey(api_key) if api_key is None or isinstance(api_key, str) else api_key)
    app = Starlette(
        routes=[
            Route("/", routes.info),
            Route("/healthz", routes.healthz),
            Route("/readyz", routes.readyz),
            Route("/score", routes.score, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _on_http_error, ApiError: _on_api_error, Exception: _on_fault},
    )
    app.router.redirect_slashes = False
    return Observed(app, service)


class _Routes:
    def __init__(self, service: ScoringService, keys: Keys) -> None:
        self._service = service
        self._keys = keys

    async def info(self, request: Request) -> Response:
        return JSONResponse(
            {
                "service": "flowerops",
                "state": self._service.state,
                "endpoints": {"score": "POST /score", "alive": "GET /healthz", "ready": "GET /readyz"},
            }
        )

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(self, request: Request) -> Response:
        state = self._service.state
        if state != "ready":
            return JSONResponse({"status": state}, 503, {"Retry-After": "1"})
        return JSONResponse({"status": state, **self._service.identity()})

    async def score(self, request: Request) -> Response:
        body = BodyReader(request, self._service.limits)
        try:
            self._authorise(request)
            self._service.scorer()
            media_type = media_type_of(request.headers)
            top = wanted_top(request.query_params)
            with self._service.admission.admitted() as ticket:
                payload = await self._payload(request, media_type, body, ticket)
                scored = await self._service.score_all(payload.images)
        except ApiError as error:
            if body.ended:
                raise
            await body.discard()
            # What is left of the body would be read as the next request.
            raise ApiError(error.status, error.code, error.message, {**error.headers, "Connection": "close"}) from error
        document = answer(scored, payload.single, top) | self._service.identity()
        return JSONResponse({**document, "request_id": request.state.request_id})

    async def _payload(self, request: Request, media_type: str, body: BodyReader, ticket: Ticket) -> Payload:
        data = await body.read(ticket)
        content_type = request.headers.get("content-type", "")
        read = partial(images_of, media_type, content_type, data, self._service.limits.images)
        return await self._service.run(read) if media_type.startswith(_PARSED) else read()

    def _authorise(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if not self._keys.accept(given.strip() if scheme.lower() == "bearer" else None):
            message = "send the API key as Authorization: Bearer KEY"
            raise ApiError(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})


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
