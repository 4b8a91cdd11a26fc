"""The workspace's MLflow address: passes on to the MLflow server; runs have their Azure names there."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import Response

from azure_emulator.answers import RefusalError
from azure_emulator.routing import Call, Route

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud


def relay(cloud: Cloud, call: Call) -> Response:
    if cloud.mlflow is None:
        raise RefusalError(404, "NotFound", "This emulator runs without an MLflow server.")
    names = {run.identifier: run.mlflow_run for run in list(cloud.state.runs.values()) if run.mlflow_run}
    target, body = "/" + call.values["rest"], call.raw
    if call.query_string:
        target += "?" + call.query_string
    for ours, theirs in names.items():
        target = target.replace(ours, theirs)
        body = body.replace(f'"{ours}"'.encode(), f'"{theirs}"'.encode())
    address = urlsplit(cloud.mlflow.url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=60)
    try:
        connection.request(call.method, target, body or None, {"Content-Type": call.headers.get("content-type", "")})
        reply = connection.getresponse()
        text, kind = reply.read(), reply.headers.get("content-type")
    finally:
        connection.close()
    for ours, theirs in names.items():
        text = text.replace(f'"{theirs}"'.encode(), f'"{ours}"'.encode())
    return Response(text, reply.status, media_type=kind)


ROUTES = [
    Route(method, f"/mlflow/{version}{{ws}}/{{rest...}}", relay)
    for version in ("v1.0", "v2.0")
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
]
