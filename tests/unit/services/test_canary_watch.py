from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from flowerops.domain.canary import CanaryPolicy, CanaryResult
from flowerops.domain.progress import SilentProgress
from flowerops.errors import CanaryFailedError
from flowerops.services.canary import Watch
from flowerops.services.smoke import Case
from flowerops.targets.protocol import Probe, RequestCounter
from helpers.scripted_server import Talk, reply, scripted_server
from helpers.tiny_bundle import COLOURS, photo

CASES = [Case("daisy.jpg", "daisy", photo(COLOURS[0]), {"daisy": 0.9, "roses": 0.1})]
GOOD = {"label": "daisy", "probabilities": {"daisy": 0.9, "roses": 0.1}, "model": {"name": "m"}}
POLICY = CanaryPolicy(percent=10, watch_s=1.0)


@dataclass
class Clients:
    """What clients' requests come to, as a test says."""

    times_ms: list[float] = field(default_factory=list)
    errors: int = 0

    def look(self) -> None:
        pass


def answering(document: Any, status: str = "200 OK", seconds: float = 0.0) -> Talk:
    def talk(connection: Any, head: bytes) -> None:
        time.sleep(seconds)
        reply(status, body=json.dumps(document).encode(), Content_Type="application/json")(connection, head)

    return talk


def result_of(talk: Talk, policy: CanaryPolicy = POLICY, clients: RequestCounter | None = None) -> CanaryResult:
    with scripted_server(talk) as server:
        return Watch(Probe(server.url), CASES, clients, policy).run("m:2", SilentProgress())


def test_a_good_canary_passes_with_what_was_seen() -> None:
    result = result_of(answering(GOOD), POLICY, Clients([3.0, 5.0]))
    assert (result.outcome, result.reasons, result.percent) == ("promoted", [], 10)
    assert result.asked.requests >= 5
    assert result.asked.errors == 0
    assert result.served is not None
    assert (result.served.requests, result.served.latency_ms) == (2, {"p50": 3.0, "p95": 5.0})
    assert result.seconds >= 1.0


@pytest.mark.parametrize(
    ("document", "status", "why"),
    [
        ({"error": {"message": "melted"}}, "500 Error", "status 500: melted"),
        (GOOD | {"label": "roses"}, "200 OK", "expected daisy, got roses"),
        (GOOD | {"probabilities": {"daisy": 0.8, "roses": 0.2}}, "200 OK", "off by 0.1"),
        ([], "200 OK", "no JSON object"),
    ],
)
def test_a_canary_that_answers_wrongly_fails_long_before_the_watch_ends(document: Any, status: str, why: str) -> None:
    started = time.monotonic()
    with pytest.raises(CanaryFailedError, match="m:2 failed as a canary: 3 of 3 test requests failed") as caught:
        result_of(answering(document, status), POLICY.model_copy(update={"watch_s": 600.0}))
    assert time.monotonic() - started < 300
    assert why in caught.value.message
    assert (caught.value.exit_code, caught.value.details["canary"]["outcome"]) == (10, "rolled_back")


def test_a_slow_canary_fails() -> None:
    policy = POLICY.model_copy(update={"max_latency_ms": 50.0})
    with pytest.raises(CanaryFailedError, match=r"95% of test requests took up to \d+ ms \(at most 50 ms\)"):
        result_of(answering(GOOD, "200 OK", 0.1), policy)


def test_errors_that_only_clients_get_fail_it() -> None:
    with pytest.raises(CanaryFailedError, match=r"5 of 50 client requests failed \(10.0%, at most 1.0%\)"):
        result_of(answering(GOOD), POLICY, Clients([1.0] * 50, 5))


def test_a_canary_that_died_fails() -> None:
    with scripted_server(reply()) as gone:
        pass
    with pytest.raises(CanaryFailedError, match="3 of 3 test requests failed"):
        Watch(Probe(gone.url), CASES, None, POLICY).run("m:2", SilentProgress())


def test_too_few_answers_prove_nothing() -> None:
    policy = POLICY.model_copy(update={"watch_s": 0.3, "max_latency_ms": 60_000.0})
    with pytest.raises(CanaryFailedError, match="answers in the whole watch, which prove nothing"):
        result_of(answering(GOOD, "200 OK", 0.2), policy)
