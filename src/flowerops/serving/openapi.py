"""The interface in the words of OpenAPI 3.1, for clients, gateways and tools that make code of it."""

from __future__ import annotations

from typing import Any

from flowerops import __version__
from flowerops.serving.admission import Limits

_Schema = dict[str, Any]
_TEXT: _Schema = {"type": "string"}
_COUNT: _Schema = {"type": "integer", "minimum": 0}


def openapi_document(limits: Limits, key_scheme: str | None) -> dict[str, Any]:
    """The document.

    Args:
        limits: The server's bounds, which the texts name.
        key_scheme: How a client shows its key, or None where none is wanted.
    """
    guarded: dict[str, Any] = {"security": [{"key": []}]} if key_scheme else {}
    schemes = {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}} if key_scheme else {}
    return {
        "openapi": "3.1.0",
        "info": {"title": "flowerops scoring server", "version": __version__, "license": {"name": "MIT"}},
        "servers": [{"url": "./"}],
        "paths": {
            "/score": {"post": _score(limits) | guarded},
            "/healthz": {"get": _get("Whether the process lives", {"200": _json("It does", {"type": "object"})})},
            "/readyz": {"get": _get("Whether it takes requests, and which model answers", _ready_answers())},
            "/metrics": {"get": _get("Numbers for Prometheus", _metrics_answers(key_scheme)) | guarded},
            "/openapi.json": {"get": _get("This document", {"200": _json("It", {"type": "object"})})},
            "/": {"get": _get("A page to try it; JSON about the server for Accept: application/json", _root_answers())},
        },
        "components": {"schemas": _schemas(limits), **schemes},
    }


def _score(limits: Limits) -> dict[str, Any]:
    top = {
        "name": "top",
        "in": "query",
        "description": "Answer only so many of the most probable labels, best first.",
        "schema": {"type": "integer", "minimum": 1},
    }
    image = {"schema": {"type": "string", "format": "binary"}}
    mib = limits.body_bytes / 1024 / 1024
    return {
        "operationId": "score",
        "summary": "Score images",
        "description": f"One image, or up to {limits.images}; at most {mib:g} MiB. The server decodes and resizes.",
        "parameters": [
            top,
            _header("X-Request-Id", "1 to 128 letters, digits, dots, dashes and underscores; the answer repeats it."),
            _header("traceparent", "W3C Trace Context; the log names the trace, the answer has traceresponse."),
            _header("Content-Encoding", "What it inflates to has the same limit.", ["identity", "gzip", "x-gzip"]),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "image/*": image,
                "application/octet-stream": image,
                "multipart/form-data": {"schema": _ref("Form")},
                "application/json": {"schema": _ref("Images")},
            },
        },
        "responses": {
            "200": _json("The scores: one for an image sent by itself, else a list", _ref("Answer")),
            **{str(status): _json(text, _ref("Refusal")) for status, text in _REFUSALS.items()},
        },
    }


_REFUSALS = {
    400: "The body is not what its type says, or an image is refused; the message says why",
    401: "A key is wanted and is missing or another one",
    408: "The body did not arrive in time",
    413: "The body is too large, as it is or inflated",
    415: "Another type or encoding than these",
    429: "Too many requests wait; come back after Retry-After seconds",
    500: "The server failed; its log says why, under the request id",
    503: "No model is loaded yet, the server is about to end, or it took too long; see Retry-After",
}


def _schemas(limits: Limits) -> dict[str, _Schema]:
    encoded = {"type": "string", "contentEncoding": "base64"}
    several = {"type": "array", "minItems": 1, "maxItems": limits.images}
    pixel = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}, "minItems": 3, "maxItems": 3}
    rows = {"type": "array", "items": {"type": "array", "items": pixel}}
    file = {"type": "string", "format": "binary"}
    identity = {
        "model": _object({"name": _TEXT, "version": _COUNT, "digest": _TEXT}),
        "dataset": _object({"name": _TEXT, "version": {"type": ["integer", "null"]}, "digest": _TEXT}),
        "build_id": {"type": ["string", "null"]},
    }
    prediction = {
        "label": _TEXT,
        "probabilities": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}},
    }
    shared = identity | {"request_id": _TEXT}
    return {
        "Form": {"type": "object", "properties": {"image": {"type": "array", "items": file}}},
        "Images": {
            "oneOf": [
                _object({"image": encoded}),
                _object({"images": several | {"items": encoded}}),
                _object({"data": several | {"items": rows}}),
            ]
        },
        "Prediction": _object(prediction),
        "Answer": {
            "oneOf": [
                _object(prediction | shared),
                _object({"predictions": {"type": "array", "items": _ref("Prediction")}} | shared),
            ]
        },
        "Identity": _object({"status": _TEXT} | identity),
        "Refusal": _object(
            {"error": _object({"code": _TEXT, "message": _TEXT}), "request_id": {"type": ["string", "null"]}}
        ),
    }


def _get(summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": responses}


def _ready_answers() -> dict[str, Any]:
    loading = _json("It is loading or draining", _object({"status": _TEXT}))
    return {"200": _json("It does", _ref("Identity")), "503": loading}


def _metrics_answers(key_scheme: str | None) -> dict[str, Any]:
    refused = {"401": _json(_REFUSALS[401], _ref("Refusal"))} if key_scheme else {}
    return {"200": {"description": "The numbers", "content": {"text/plain": {"schema": _TEXT}}}, **refused}


def _root_answers() -> dict[str, Any]:
    content = {"text/html": {"schema": _TEXT}, "application/json": {"schema": {"type": "object"}}}
    return {"200": {"description": "The page, or the JSON", "content": content}}


def _header(name: str, text: str, choices: list[str] | None = None) -> dict[str, Any]:
    schema = _TEXT | {"enum": choices} if choices else _TEXT
    return {"name": name, "in": "header", "description": text, "schema": schema}


def _json(text: str, schema: _Schema) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _object(properties: dict[str, _Schema]) -> _Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/components/schemas/{name}"}
