"""The ASGI application: host names, faults and handlers."""

from __future__ import annotations

import asyncio
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from azure_emulator import (
    assets,
    batch_endpoints,
    blob_relay,
    computes,
    identity,
    jobs,
    mlflow_relay,
    online_endpoints,
    operations,
    run_history,
    schedules,
    scoring,
    subscription,
    workspace,
)
from azure_emulator.answers import RefusalError, answer, error_body
from azure_emulator.cloud import Cloud
from azure_emulator.faults import Fault
from azure_emulator.names import API_HOST, MANAGEMENT_HOST, SCORING_DOMAIN
from azure_emulator.routing import Call, Router

_MODULES = (
    workspace,
    assets,
    computes,
    jobs,
    schedules,
    online_endpoints,
    batch_endpoints,
    operations,
    run_history,
    mlflow_relay,
    identity,
    subscription,
)
_WORDS = {
    401: "AuthenticationFailed",
    403: "AuthorizationFailed",
    404: "NotFound",
    409: "Conflict",
    429: "TooManyRequests",
}


class App:
    """Answers every request; handlers are plain functions and run in threads."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._router = Router([route for module in _MODULES for route in module.ROUTES])
        self._pool = ThreadPoolExecutor(32, "request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        call = await _call(Request(scope, receive))
        response = await asyncio.get_running_loop().run_in_executor(self._pool, self._answer, call)
        self._cloud.note(call, response.status_code if response else 0)
        if response is None and self._cloud.proxy.break_connection(call.client_port):
            return
        await (response or Response(b"", 200, {"content-length": "1"}))(scope, receive, send)

    def _answer(self, call: Call) -> Response | None:
        """The answer, or None where the connection is to break."""
        blobs = call.host.endswith(".blob.core.windows.net")
        target = call.path + (f"?{call.query_string}" if call.query_string else "")
        fault = self._cloud.faults.of_request("blobs" if blobs else "service", call.method, target)
        if fault:
            time.sleep(fault.delay)
            if fault.drop:
                return None
            if fault.status:
                return _failing(fault, fault.status)
        try:
            return blob_relay.relay(self._cloud, call) if blobs else self._handle(call)
        except RefusalError as refused:
            return answer(refused.body, refused.status)
        except Exception as error:
            traceback.print_exc()
            return answer(error_body("InternalServerError", f"{type(error).__name__}: {error}", []), 500)

    def _handle(self, call: Call) -> Response:
        if call.host.endswith("." + SCORING_DOMAIN):
            return scoring.handle(self._cloud, call)
        handler = self._router.find(call)
        if handler is None and "/workspaces/" in call.path and "/providers/" in call.path:
            raise _unknown(call)
        if handler is None:
            raise RefusalError(404, "NotFound", f"{call.method} {call.host}{call.path} is not emulated.")
        if (
            call.host in (MANAGEMENT_HOST, API_HOST)
            and call.path != "/discovery"
            and "authorization" not in call.headers
        ):
            text = "Authentication failed. The 'Authorization' header is missing."
            return answer({"error": {"code": "AuthenticationFailed", "message": text}}, 401)
        return handler(self._cloud, call)


def _unknown(call: Call) -> RefusalError:
    name = call.path.split("/workspaces/", 1)[1].split("/")[0]
    text = (
        f"The Resource 'Microsoft.MachineLearningServices/workspaces/{name}' was not found, "
        f"or {call.method} {call.path} is not emulated."
    )
    return RefusalError(404, "ResourceNotFound", text, text, top="ResourceNotFound")


def _failing(fault: Fault, status: int) -> Response:
    code = fault.code or _WORDS.get(status, "InternalServerError")
    text = fault.message or f"A fault was switched on: {status}."
    headers = {"retry-after": str(fault.retry_after)} if fault.retry_after is not None else {}
    if fault.where == "blobs":
        body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'
        return Response(body, status, {"x-ms-error-code": code, **headers}, "application/xml")
    top = code if status in (401, 403, 429) else "UserError"
    return answer(error_body(top, text, [(code, text)]), status, headers)


async def _call(request: Request) -> Call:
    return Call(
        request.method,
        request.headers.get("host", "").split(":")[0],
        request.url.path,
        request.query_params,
        request.url.query,
        request.headers,
        await request.body(),
        request.client.port if request.client else 0,
    )
