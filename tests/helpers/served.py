"""Run an ASGI application, or one of our server processes, on loopback for the time of a test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from flowerops.io.http import NoAnswerError, send
from flowerops.serving.admission import Limits
from flowerops.serving.protocol import protocol_of
from flowerops.serving.service import ModelName, ScoringService

WAIT_S = 20.0


def wait_until(condition: Callable[[], bool], what: str, seconds: float = WAIT_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        time.sleep(0.01)


def answers(url: str, status: int = 200) -> bool:
    try:
        return send("GET", url, timeout_s=2).status == status
    except NoAnswerError:
        return False


@contextlib.contextmanager
def served(app: Any, limits: Limits | None = None) -> Iterator[str]:
    """Serve an application from a thread, over our own protocol when there are limits for it; gives its url."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    http = {"http": protocol_of(limits), "timeout_keep_alive": limits.keep_alive_seconds} if limits else {}
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False, **http)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread.start()
    try:
        wait_until(lambda: server.started, "the server to start")
        yield url
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


def ready_service(
    scorer: Any, limits: Limits | None = None, name: str = "m", version: int = 1, workers: int = 2
) -> ScoringService:
    """A service that has its model."""
    service = ScoringService(ModelName(name, version), limits or Limits(), workers)
    service.become_ready(scorer)
    return service


@dataclass
class ServerUnderTest:
    """A process of ours with its stderr in a file."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def event(self, name: str) -> dict[str, Any] | None:
        return next((line for line in self.lines() if line["event"] == name), None)

    @property
    def url(self) -> str:
        wait_until(lambda: self.event("listening") is not None or self.process.poll() is not None, "listening")
        listening = self.event("listening")
        assert listening is not None, self.log.read_text()
        return f"http://127.0.0.1:{listening['port']}"

    def ready(self) -> str:
        url = self.url
        wait_until(lambda: answers(f"{url}/readyz") or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, self.log.read_text()
        return url

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)


@contextlib.contextmanager
def process(module: str, *arguments: str, log: Path, env: dict[str, str] | None = None) -> Iterator[ServerUnderTest]:
    """Run `python -m module`; it is killed at the end if it still runs."""
    with log.open("wb") as stream:
        started = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments], stderr=stream, env={**os.environ, **(env or {})}
        )
    try:
        yield ServerUnderTest(started, log)
    finally:
        if started.poll() is None:
            started.kill()
        started.wait(WAIT_S)
