"""A server on loopback that gives one file, whole or from a byte on, and can be told to fail."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """Serves one file with ranges. cuts: after how many bytes the first answers break off. statuses: come before."""

    data: bytes
    cuts: list[int] = field(default_factory=list)
    statuses: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def serving(server: FileServer) -> Iterator[FileServer]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.asked.append(asked)
            if server.statuses:
                status, headers = server.statuses.pop(0)
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                return
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
            if start >= len(server.data):
                self.send_error(416)
                return
            self.send_response(206 if asked and server.ranges else 200)
            body = server.data[start:]
            if asked and server.ranges:
                self.send_header("Content-Range", f"bytes {start}-{len(server.data) - 1}/{len(server.data)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listener.server_port}/file.tgz"
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join(5)
