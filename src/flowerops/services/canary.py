"""Watch a canary: ask it what its model must answer, count what its clients get, and say soon when it is no good."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

from flowerops.domain.canary import FEWEST_ANSWERS, CanaryCount, CanaryPolicy, CanaryResult, count_of, faults
from flowerops.domain.progress import Progress
from flowerops.errors import CanaryFailedError, FlowerOpsError
from flowerops.services.smoke import problem_with
from flowerops.services.smoke_cases import Case
from flowerops.services.smoke_client import EndpointClient
from flowerops.targets.protocol import Probe, RequestCounter


class Watch:
    """One watch over one canary.

    Args:
        probe: How to reach the canary by itself, past the split.
        cases: The images to ask, with the answers that it must give.
        clients: Counts the requests of its clients; None where nobody counts them.
        policy: How long, and what is borne.
    """

    def __init__(
        self, probe: Probe, cases: Sequence[Case], clients: RequestCounter | None, policy: CanaryPolicy
    ) -> None:
        self._client = EndpointClient(probe, patient=False)
        self._cases = itertools.cycle(cases)
        self._clients = clients
        self._policy = policy
        self._asked = self._failed = 0
        self._times_ms: list[float] = []
        self._said: dict[str, None] = {}

    def run(self, what: str, progress: Progress) -> CanaryResult:
        """Watch until the time is over or it is clear that the canary is no good.

        Args:
            what: The canary's model, for people.
            progress: Told how it gets on.

        Raises:
            CanaryFailedError: It is no good; the details have what was seen.
        """
        seconds, started = self._policy.watch_s, time.monotonic()
        reasons: list[str] = []
        with progress.task("canary", max(1, round(seconds)), "second") as task:
            told = 0
            while not reasons and time.monotonic() - started < seconds:
                self._ask()
                reasons = self._reasons(ended=False)
                passed = min(round(seconds), int(time.monotonic() - started))
                task.advance(passed - told, self._status())
                told = passed
                time.sleep(min(self._policy.pause_s, max(0.0, started + seconds - time.monotonic())))
            if not reasons:
                reasons = self._reasons(ended=True)
                task.advance(max(1, round(seconds)) - told, self._status())
        result = self._result("rolled_back" if reasons else "promoted", time.monotonic() - started, reasons)
        if reasons:
            raise CanaryFailedError(
                f"{what} failed as a canary: {'; '.join(reasons)}",
                "Its share of the traffic is back at the deployment that served before.",
                {"canary": result.model_dump()},
            )
        return result

    def _ask(self) -> None:
        case = next(self._cases)
        self._asked += 1
        try:
            answer = self._client.score(case.data)
        except FlowerOpsError as error:
            self._fail(error.message)
            return
        self._times_ms.append(answer.ms)
        problem = problem_with(case, answer)
        if problem:
            self._fail(problem)

    def _fail(self, why: str) -> None:
        self._failed += 1
        self._said.setdefault(why)

    def _reasons(self, *, ended: bool) -> list[str]:
        asked, served = self._counts()
        found = faults(self._policy, asked, "test", ended=ended)
        if found and self._said:
            found.append(next(iter(self._said)))
        if served is not None:
            found += faults(self._policy, served, "client", ended=ended)
        if ended and len(self._times_ms) < FEWEST_ANSWERS:
            found.append(f"only {len(self._times_ms)} answers in the whole watch, which prove nothing")
        return found

    def _counts(self) -> tuple[CanaryCount, CanaryCount | None]:
        asked = count_of(self._times_ms, self._failed, self._asked)
        if self._clients is None:
            return asked, None
        self._clients.look()
        times = self._clients.times_ms
        return asked, count_of(times, self._clients.errors, len(times))

    def _result(self, outcome: str, seconds: float, reasons: list[str]) -> CanaryResult:
        asked, served = self._counts()
        return CanaryResult(
            percent=self._policy.percent,
            outcome=outcome,
            seconds=round(seconds, 3),
            asked=asked,
            served=served,
            reasons=reasons,
        )

    def _status(self) -> str:
        asked, served = self._counts()
        p95 = asked.latency_ms.get("p95")
        text = f"asked {asked.requests}, failed {asked.errors}" + (f", p95 {p95:.0f} ms" if p95 is not None else "")
        return text + (f"; clients {served.requests}, failed {served.errors}" if served else "")
