"""What a server says of itself: alive, ready, its numbers, its interface, and a page to try it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from flowerops.serving.authorise import KeyCheck
from flowerops.serving.metrics import MEDIA_TYPE, gauges, info
from flowerops.serving.openapi import openapi_document
from flowerops.serving.page import page_headers, page_text
from flowerops.serving.service import ScoringService


class About:
    """The routes beside /score."""

    def __init__(self, service: ScoringService, key: KeyCheck) -> None:
        self._service = service
        self._key = key
        self._page = page_text()
        self._page_headers = page_headers(self._page)

    async def root(self, request: Request) -> Response:
        """A page for people; for programs that want JSON, what there is."""
        if _wants_json(request.headers):
            return JSONResponse(self._summary(), headers={"Vary": "Accept"})
        return HTMLResponse(self._page, headers=self._page_headers)

    async def healthz(self, request: Request) -> Response:
        """Alive."""
        return JSONResponse({"status": "alive"})

    async def readyz(self, request: Request) -> Response:
        """Whether to send requests here, and which model answers them."""
        state = self._service.state
        if state != "ready":
            return JSONResponse({"status": state}, 503, {"Retry-After": "1"})
        return JSONResponse({"status": state, **self._service.identity()})

    async def openapi(self, request: Request) -> Response:
        """The interface, for clients and tools."""
        return JSONResponse(openapi_document(self._service.limits, self._key.scheme))

    async def metrics(self, request: Request) -> Response:
        """Numbers for Prometheus."""
        self._key.require(request.headers)
        lines = [*self._service.counters.lines(), *gauges(self._gauges())]
        if self._service.loaded:
            lines += info("model_info", "The model that is served.", _flat(self._service.identity()))
        return Response("\n".join(lines) + "\n", media_type=MEDIA_TYPE)

    def _gauges(self) -> dict[str, tuple[str, float]]:
        admission = self._service.admission
        return {
            "ready": ("Whether the model is loaded and the server takes requests.", self._service.state == "ready"),
            "requests_in_flight": ("Requests that were admitted and not answered yet.", admission.active),
            "queue_length": ("Requests in flight that wait for others.", admission.waiting),
            "queue_limit": ("Requests that may wait; a further one gets 429.", admission.limits.queue),
            "held_bytes": ("Bodies in memory, in bytes.", admission.held),
        }

    def _summary(self) -> dict[str, Any]:
        endpoints = {
            "score": "POST /score",
            "alive": "GET /healthz",
            "ready": "GET /readyz",
            "metrics": "GET /metrics",
            "openapi": "GET /openapi.json",
        }
        about = {"service": "flowerops", "state": self._service.state, "key": self._key.scheme, "endpoints": endpoints}
        limits = {"body_bytes": self._service.limits.body_bytes, "images": self._service.limits.images}
        return {**about, "limits": limits, **(self._service.identity() if self._service.loaded else {})}


def _wants_json(headers: Mapping[str, str]) -> bool:
    accepted = headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _flat(identity: Mapping[str, Any]) -> dict[str, str]:
    model, dataset = identity["model"], identity["dataset"]
    return {
        "name": str(model["name"]),
        "version": str(model["version"]),
        "digest": model["digest"],
        "dataset": f"{dataset['name']}:{dataset['version']}",
        "dataset_digest": dataset["digest"],
        "build_id": identity["build_id"] or "",
    }
