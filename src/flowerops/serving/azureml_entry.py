"""The scoring script of a managed online endpoint: what `score.py` of a deployment's code calls.

The endpoint's own server (azureml-inference-server-http) listens, calls `init` once in each worker and `run` for each
request; answers, status codes and limits are those of the server in `serving.app`. Source: "Azure Machine Learning
inference HTTP server" in the documentation of Azure Machine Learning.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from flowerops.domain.bundle import BUNDLE_FILE
from flowerops.errors import FlowerOpsError, StoreIntegrityError
from flowerops.io.parallel import usable_cores
from flowerops.serving.admission import Limits
from flowerops.serving.answers import answer, identity, scored_or_refused, wanted_top
from flowerops.serving.errors import FAULT_MESSAGE, ApiError, error_document, too_large
from flowerops.serving.logs import JsonFormatter, log, log_failure
from flowerops.serving.payload import declared_of, images_of
from flowerops.serving.scorer import Scorer
from flowerops.serving.trace import Caller, caller_of

MODEL_DIR_VARIABLE = "AZUREML_MODEL_DIR"
WORKERS_VARIABLE = "WORKER_COUNT"
NAME_VARIABLE = "FLOWEROPS_MODEL_NAME"
VERSION_VARIABLE = "FLOWEROPS_MODEL_VERSION"
DIGEST_VARIABLE = "FLOWEROPS_MODEL_DIGEST"
QUANTIZED_VARIABLE = "FLOWEROPS_MODEL_QUANTIZED"
_PIECE = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """Status, JSON document and headers."""

    status: int
    document: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class Entry:
    """Turns the server's requests (Flask's, in its main thread or any other) into answers."""

    def __init__(self, scorer: Scorer, name: str, version: int, limits: Limits) -> None:
        self._scorer = scorer
        self._identity = identity(scorer, name, version)
        self._limits = limits
        self._threads = ThreadPoolExecutor(scorer.threads, thread_name_prefix="score")

    def handle(self, request: Any, caller: Caller) -> Answer:
        """Answer one request; nothing is raised."""
        started = time.perf_counter()
        fault = None
        request_id = caller.request_id
        try:
            found = Answer(200, {**self._score(request), "request_id": request_id})
        except ApiError as error:
            found = Answer(error.status, error_document(error, request_id), error.headers)
        except Exception as error:
            fault = error
            found = Answer(500, error_document(ApiError(500, "internal", FAULT_MESSAGE), request_id))
        milliseconds = round((time.perf_counter() - started) * 1000, 2)
        fields = {**caller.fields, "method": request.method, "status": found.status, "ms": milliseconds}
        log.log(logging.ERROR if fault else logging.INFO, "request", extra={"fields": fields}, exc_info=fault)
        return found

    def _score(self, request: Any) -> dict[str, Any]:
        if request.method != "POST":
            raise ApiError(405, "method_not_allowed", "Method Not Allowed", {"Allow": "POST"})
        try:
            declared = declared_of(request.headers)
            top = wanted_top(request.args)
        except ApiError:
            _discard(request.stream, self._limits.body_bytes)
            raise
        body = read_body(request.stream, request.content_length, self._limits.body_bytes)
        payload = images_of(declared, body, self._limits)
        score = partial(scored_or_refused, self._scorer)
        # One image is scored right here; handing it to a thread would only take time.
        scored = [score(payload.images[0])] if len(payload.images) == 1 else self._threads.map(score, payload.images)
        return answer(list(scored), payload.single, top) | self._identity


_entry: Entry | None = None


def init() -> None:
    """Load the model; the server calls it before the first request.

    Raises:
        FlowerOpsError: The model must not be served; the server ends, and its log says why.
    """
    global _entry  # noqa: PLW0603  # the server knows functions only
    _log_to_stderr()
    try:
        _entry = load_entry(os.environ)
    except FlowerOpsError as error:
        log_failure(error)
        raise


def run(request: Any) -> Any:
    """Answer a request of the inference server; `score.py` marks it as `rawhttp`."""
    from azureml_inference_server_http.api.aml_response import AMLResponse
    from flask import g

    assert _entry is not None, "init was not called"
    caller = caller_of(request.headers, g.request_id)
    g.request_id = caller.request_id  # the server puts it into the answer's headers and into Application Insights
    found = _entry.handle(request, caller)
    traced = {"traceresponse": caller.trace.response} if caller.trace else {}
    return AMLResponse(found.document, found.status, {**found.headers, **traced}, json_str=True)


def load_entry(env: Mapping[str, str], limits: Limits | None = None) -> Entry:
    """The entry to the model that the variables name; see the constants above.

    Raises:
        StoreIntegrityError, BadInputError: There is no bundle, another one than deployed, or a damaged one.
    """
    started = time.perf_counter()
    folder = find_bundle(Path(env.get(MODEL_DIR_VARIABLE, "")))
    threads = max(1, usable_cores() // int(env.get(WORKERS_VARIABLE, "1")))
    quantized = env.get(QUANTIZED_VARIABLE) == "1"
    scorer = Scorer.load(folder, env.get(DIGEST_VARIABLE) or None, threads, quantized=quantized)
    entry = Entry(scorer, env.get(NAME_VARIABLE, ""), int(env.get(VERSION_VARIABLE, "0")), limits or Limits())
    fields = {"digest": scorer.digest, "threads": threads, "seconds": round(time.perf_counter() - started, 3)}
    log.info("ready", extra={"fields": fields})
    return entry


def find_bundle(model_dir: Path) -> Path:
    """The bundle's folder below the folder of a registered model, which keeps the name that it was registered from.

    Raises:
        StoreIntegrityError: There is none, or more than one.
    """
    found = sorted(path.parent for path in model_dir.rglob(BUNDLE_FILE))
    if len(found) != 1:
        raise StoreIntegrityError(
            f"{len(found) or 'no'} model bundles below {model_dir}", "Register the model again, then deploy it."
        )
    return found[0]


def read_body(stream: Any, declared: int | None, limit: int) -> bytes:
    """A request's whole body.

    Raises:
        ApiError: 413, it is larger than the limit.
    """
    body = b"" if declared is not None and declared > limit else stream.read(limit + 1)
    if len(body) > limit or (declared or 0) > limit:
        _discard(stream, limit)
        raise too_large("the body exceeds", limit)
    return bytes(body)


def _discard(stream: Any, limit: int) -> None:
    """Drop what a refused client is still sending, so that it gets to read the answer."""
    while limit > 0 and (piece := stream.read(min(_PIECE, limit))):
        limit -= len(piece)


def _log_to_stderr() -> None:
    """Only our own lines: the server has set up everybody else's."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
