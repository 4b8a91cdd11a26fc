"""Scoring: who may, which deployment answers, and what the service makes of the answer."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response

from azure_emulator import batch_endpoints, identity
from azure_emulator.answers import Json
from azure_emulator.names import SCORING_DOMAIN
from azure_emulator.online_endpoints import KIND
from azure_emulator.routing import Call
from azure_emulator.runner.plan import seconds

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

_NO_TRAFFIC = (
    "No valid deployments to route to. Please check that the endpoint has at least one deployment with positive weight "
    "values or use a deployment specific header to route."
)
_HEADER = "azureml-model-deployment"
# Steps of 37 visit each of the hundred shares once in a hundred requests, well mixed.
_STEP = 37
_calls: Counter[str] = Counter()
_lock = threading.Lock()


def handle(cloud: Cloud, call: Call) -> Response:
    """Any request to a host below inference.ml.azure.com."""
    name = call.host.removesuffix("." + SCORING_DOMAIN)
    if call.path == "/jobs" and call.method == "POST":
        return batch_endpoints.invoke(cloud, call, name)
    endpoint = cloud.state.get(f"{KIND}/{name}")
    if endpoint is None:
        return PlainTextResponse("The endpoint does not exist.", 404)
    if not _allowed(cloud, call, endpoint):
        return PlainTextResponse("Please use one of the configured keys or tokens.", 401)
    deployment = call.headers.get(_HEADER) or _route(endpoint)
    resource = cloud.state.get(f"{KIND}/{name}/deployments/{deployment}") if deployment else None
    if deployment is None:
        return PlainTextResponse(_NO_TRAFFIC, 424)
    if resource is None or resource["properties"]["provisioningState"] == "Failed":
        return PlainTextResponse(f"Specified deployment could not be found: {deployment}", 404)
    return _score(cloud, call, name, resource)


def _allowed(cloud: Cloud, call: Call, endpoint: Json) -> bool:
    bearer = call.headers.get("authorization", "").removeprefix("Bearer ")
    if endpoint["properties"]["authMode"].lower() == "aadtoken":
        return identity.audience(bearer) == "https://ml.azure.com"
    return bearer in cloud.state.keys[f"{KIND}/{endpoint['name']}".lower()].values()


def _route(endpoint: Json) -> str | None:
    traffic = {name: share for name, share in endpoint["properties"]["traffic"].items() if share}
    with _lock:
        _calls[endpoint["name"]] += 1
        place = _calls[endpoint["name"]] * _STEP % 100
    for name, share in traffic.items():
        if place < share:
            return str(name)
        place -= share
    return None


def _score(cloud: Cloud, call: Call, endpoint: str, resource: Json) -> Response:
    name, properties = resource["name"], resource["properties"]
    server = cloud.servers.find(endpoint, name)
    headers = {_HEADER: name}
    if server is None or server.process is None:
        return JSONResponse({"echo_bytes": len(call.raw), "deployment": name}, headers=headers)
    timeout = seconds(properties["requestSettings"]["requestTimeout"]) or 5.0
    target = call.path + (f"?{call.query_string}" if call.query_string else "")
    sent = {"Content-Type": call.headers.get("content-type", "application/json")}
    sent |= {key: value for key, value in call.headers.items() if key.startswith("x-")}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.request(call.method, target, call.raw or None, sent)
        reply = connection.getresponse()
        body, kind = reply.read(), reply.headers.get("content-type")
    except TimeoutError:
        return PlainTextResponse("upstream request timeout", 408, headers)
    except OSError:
        return PlainTextResponse("The deployment does not answer.", 503, headers)
    finally:
        connection.close()
    if reply.status == 200:
        return Response(body, 200, headers, kind)
    # What the model's server says, other than 200, is a model error of the endpoint.
    told = {"ms-azureml-model-error-statuscode": str(reply.status), "ms-azureml-model-error-reason": "model_error"}
    return Response(body, 424, {**headers, **told}, kind)
