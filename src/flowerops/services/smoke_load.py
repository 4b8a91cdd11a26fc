"""A short load on an endpoint: several clients that ask one thing after the other, for some seconds."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from flowerops.domain.canary import percentiles
from flowerops.domain.documents import Document
from flowerops.errors import FlowerOpsError
from flowerops.services.smoke_cases import Case
from flowerops.services.smoke_client import EndpointClient
from flowerops.targets.protocol import Probe

CLIENTS = 4
LONGEST_S = 60.0


class LoadResult(Document):
    """What a load came to.

    clients: so many asked at once, each over a new connection for each request. latency_ms: p50, p95 and p99 of the
    right answers. errors: no answer, a refusal or another label; first_error: why, of the first one.
    """

    seconds: float
    clients: int
    requests: int
    errors: int
    per_second: float
    latency_ms: dict[str, float]
    first_error: str | None = None


def put_under_load(probe: Probe, cases: Sequence[Case], seconds: float, clients: int = CLIENTS) -> LoadResult:
    """Ask an endpoint from several threads.

    Args:
        probe: How to reach it.
        cases: The images to ask, in turn.
        seconds: How long; at most a minute.
        clients: How many threads ask at once.
    """
    load = _Load(EndpointClient(probe, patient=False), cases)
    started = time.monotonic()
    until = started + min(seconds, LONGEST_S)
    with ThreadPoolExecutor(clients, thread_name_prefix="load") as threads:
        for done in [threads.submit(load.ask_until, until) for _ in range(clients)]:
            done.result()
    took = time.monotonic() - started
    requests = len(load.times_ms) + len(load.errors)
    return LoadResult(
        seconds=round(took, 3),
        clients=clients,
        requests=requests,
        errors=len(load.errors),
        per_second=round(len(load.times_ms) / took, 1),
        latency_ms=percentiles(load.times_ms, (50, 95, 99)),
        first_error=load.errors[0] if load.errors else None,
    )


class _Load:
    def __init__(self, client: EndpointClient, cases: Sequence[Case]) -> None:
        self._client = client
        self._cases = itertools.cycle(cases)
        self._turn = threading.Lock()
        self.times_ms: list[float] = []
        self.errors: list[str] = []

    def ask_until(self, until: float) -> None:
        while time.monotonic() < until:
            with self._turn:
                case = next(self._cases)
            try:
                answer = self._client.score(case.data)
            except FlowerOpsError as error:
                self.errors.append(error.message)
                time.sleep(0.05)  # a server that refuses at once is not to be flooded
                continue
            if case.accepts(answer.label):
                self.times_ms.append(answer.ms)
            else:
                self.errors.append(f"{case.name}: expected {case.label}, got {answer.label}")
