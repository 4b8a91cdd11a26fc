"""The life of one scoring server: listen, load, serve, drain."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from flowerops.errors import FlowerOpsError
from flowerops.io.parallel import usable_cores
from flowerops.serving.admission import Limits
from flowerops.serving.app import build_app
from flowerops.serving.keys import Keys
from flowerops.serving.log_files import keep_small
from flowerops.serving.logs import log, log_failure
from flowerops.serving.protocol import protocol_of
from flowerops.serving.scorer import Scorer
from flowerops.serving.service import ModelName, ScoringService

_CLOSE_SECONDS = 5
"""How long connections may take to close after the last request was answered."""


@dataclass(frozen=True)
class ServedBundle:
    """What to serve, under which name: the arguments of the server's command line."""

    folder: Path
    digest: str | None
    name: str
    version: int
    threads: int | None
    quantized: bool = False


async def serve_until_stopped(
    bundle: ServedBundle,
    api_key: str | Keys | None,
    listener: socket.socket,
    limits: Limits | None = None,
    log_file: Path | None = None,
) -> int:
    """Serve on a listening socket until a signal comes or the model turns out not to be servable.

    Args:
        bundle: What to serve.
        api_key: The key that clients need, or the keys.
        listener: Where.
        limits: Bounds of what is taken on.
        log_file: The file that stderr leads into, to be kept small.

    Returns:
        The process's exit code: 0 after a signal, else that of the loading error.
    """
    threads = bundle.threads or usable_cores()
    service = ScoringService(ModelName(bundle.name, bundle.version), limits or Limits(), threads)
    server = _Server(build_app(service, api_key), service)
    _obey_retirement(service)
    log.info("listening", extra={"fields": {"port": listener.getsockname()[1]}})
    loading = asyncio.create_task(_load(bundle, threads, service, server))
    tidying = asyncio.create_task(keep_small(log_file)) if log_file else None
    await server.serve(sockets=[listener])
    exit_code = await loading
    if tidying:
        tidying.cancel()
    log.info("stopped", extra={"fields": {"exit_code": exit_code}})
    return exit_code


class _Server(uvicorn.Server):  # type: ignore[misc]
    """uvicorn that, told to end, first finishes what it accepted while /readyz says 503, and then exits with 0."""

    def __init__(self, app: object, service: ScoringService) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            http=protocol_of(service.limits),
            timeout_keep_alive=service.limits.keep_alive_seconds,
            timeout_graceful_shutdown=_CLOSE_SECONDS,
        )
        super().__init__(config)
        self._service = service
        self._drain_until = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start to drain; a second signal ends at once."""
        if self._service.draining:
            self.should_exit = self.force_exit = True
        self._drain_until = time.monotonic() + self._service.limits.drain_seconds
        self._service.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Whether to end now (asked ten times a second)."""
        drained = self._service.admission.active == 0 or time.monotonic() > self._drain_until
        return bool(await super().on_tick(counter)) or (self._service.draining and drained)


async def _load(bundle: ServedBundle, threads: int, service: ScoringService, server: _Server) -> int:
    started = time.perf_counter()
    try:
        scorer = await asyncio.to_thread(_scorer, bundle, threads)
    except FlowerOpsError as error:
        log_failure(error)
        server.should_exit = True
        return error.exit_code
    except Exception as error:
        log.error("failed", exc_info=error, extra={"fields": {"message": str(error)}})
        server.should_exit = True
        return 1
    service.become_ready(scorer)
    fields = {"digest": scorer.digest, "threads": threads, "seconds": round(time.perf_counter() - started, 3)}
    log.info("ready", extra={"fields": fields})
    return 0


def _scorer(bundle: ServedBundle, threads: int) -> Scorer:
    return Scorer.load(bundle.folder, bundle.digest, threads, quantized=bundle.quantized)


def _obey_retirement(service: ScoringService) -> None:
    """SIGUSR1: another deployment has the traffic now, so kept-alive clients should leave; SIGUSR2 undoes it."""
    if not hasattr(signal, "SIGUSR1"):
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, setattr, service, "retired", True)
    loop.add_signal_handler(signal.SIGUSR2, setattr, service, "retired", False)
