"""Passes requests to the blobs through the app while faults are switched on that shall meet them."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING

from starlette.responses import Response

from azure_emulator.routing import Call

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")


def relay(cloud: Cloud, call: Call) -> Response:
    context = ssl.create_default_context(cafile=str(cloud.certificates.authority))
    connection = http.client.HTTPSConnection("127.0.0.1", cloud.blob_port, timeout=60, context=context)
    target = call.path + (f"?{call.query_string}" if call.query_string else "")
    headers = {name: value for name, value in call.headers.items() if name not in _HOP}
    try:
        connection.request(call.method, target, call.raw or None, headers)
        reply = connection.getresponse()
        body = reply.read()
        kept = {name: value for name, value in reply.getheaders() if name.lower() not in _HOP}
        if call.method == "HEAD":
            kept["content-length"] = reply.headers.get("content-length") or "0"
        return Response(body, reply.status, kept)
    finally:
        connection.close()
