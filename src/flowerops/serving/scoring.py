"""POST /score: from a request to the JSON of its scores."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flowerops.serving.admission import Ticket
from flowerops.serving.answers import answer, wanted_top
from flowerops.serving.authorise import KeyCheck
from flowerops.serving.body import BodyReader
from flowerops.serving.errors import ApiError
from flowerops.serving.payload import Declared, Payload, declared_of, images_of
from flowerops.serving.protocol import CONNECTION
from flowerops.serving.scorer import Scored
from flowerops.serving.service import ScoringService


class Scoring:
    """Key, limits, body, scores, in this order: what can be refused cheaply is refused first."""

    def __init__(self, service: ScoringService, key: KeyCheck) -> None:
        self._service = service
        self._key = key

    async def score(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            ApiError: Key, headers, body or images are refused, or the server cannot score now.
        """
        body = BodyReader(request, self._service.limits)
        try:
            self._key.require(request.headers)
            self._service.scorer()
            declared = declared_of(request.headers)
            top = wanted_top(request.query_params)
            with self._service.admission.admitted() as ticket:
                payload = await self._payload(declared, body, ticket)
                scored = await self._service.score_all(payload.images, _still_there(request))
        except ApiError as error:
            if body.ended:
                raise
            await body.discard()
            # What is left of the body would be read as the next request.
            raise ApiError(error.status, error.code, error.message, {**error.headers, "Connection": "close"}) from error
        document = answer(scored, payload.single, top) | self._service.identity()
        self._service.counters.labels(one.label for one in scored if isinstance(one, Scored))
        return JSONResponse({**document, "request_id": request.state.request_id})

    async def _payload(self, declared: Declared, body: BodyReader, ticket: Ticket) -> Payload:
        data = await body.read(ticket)
        read = partial(images_of, declared, data, self._service.limits)
        payload = await self._service.run(read) if declared.takes_time(data) else read()
        ticket.hold(max(0, payload.size - len(data)))  # it may have been compressed
        return payload


def _still_there(request: Request) -> Callable[[], bool]:
    """Whether the client still waits, as far as our own protocol class can tell."""
    connection = request.scope["state"].get(CONNECTION)
    return lambda: connection is None or not connection.is_closing()
