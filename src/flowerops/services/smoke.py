"""The smoke test: does an endpoint answer as its model answered at training? Plain HTTP against a url."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flowerops.domain.canary import percentiles
from flowerops.domain.deployment import ModelRef
from flowerops.domain.documents import Document
from flowerops.errors import BadInputError, FlowerOpsError, RemoteError
from flowerops.services.smoke_cases import Case, cases_from_bundle, cases_from_images
from flowerops.services.smoke_client import EndpointClient, Prediction, status_of
from flowerops.services.smoke_load import LoadResult, put_under_load
from flowerops.targets.protocol import Probe

__all__ = ["Case", "Check", "SmokeResult", "cases_from_bundle", "cases_from_images", "run_smoke_test"]

DEFAULT_LATENCY_BUDGET_MS = 2000.0
_NOT_AN_IMAGE = b"<html>this is not an image</html>"
_REFUSALS = (400, 415, 422)
_UNAUTHORISED = (401, 403)
MOST_LOAD_ERRORS = 0.01


class Check(Document):
    """One thing that was looked at, and what was seen."""

    name: str
    passed: bool
    detail: str


class SmokeResult(Document):
    """All checks; passed only when every one is. latency_ms: p50 and p95 of the scored cases, none without any.

    classes: by `tested` and `untested`, those that the model knows. load: what the load came to, where there was one.
    """

    passed: bool
    checks: list[Check]
    latency_ms: dict[str, float]
    classes: dict[str, list[str]] = {}
    load: LoadResult | None = None

    def document(self) -> dict[str, Any]:
        """The JSON members."""
        return self.model_dump(exclude=None if self.load else {"load"})


def run_smoke_test(
    probe: Probe,
    cases: Sequence[Case],
    *,
    expected_model: ModelRef | None = None,
    latency_budget_ms: float | None = None,
    load_s: float = 0.0,
) -> SmokeResult:
    """Test an endpoint; its failures are failed checks, never exceptions.

    Args:
        probe: How to reach it; /healthz, /readyz (where it has them) and /score are asked.
        cases: The images; at least one.
        expected_model: The version that must answer; None only wants all answers to be from one version.
        latency_budget_ms: What the 95th percentile of the answers may take; None means 2 s.
        load_s: For how many seconds to ask it from several threads at once, when all else is well.

    Raises:
        BadInputError: There is no case, or the url is not an http(s) one.
    """
    if not cases:
        raise BadInputError("a smoke test without any image proves nothing", "Give test images, or a bundle's own.")
    client = EndpointClient(probe)
    checks = _health_checks(client, probe, cases[0])
    if not all(check.passed for check in checks):
        return SmokeResult(passed=False, checks=checks, latency_ms={})
    answers: list[Prediction] = []
    checks += _case_checks(client, cases, answers)
    checks += [_model_check(answers, expected_model), _refusal_check(client)]
    if probe.key:
        checks.append(_key_check(client, cases[0]))
    latency = percentiles([answer.ms for answer in answers], (50, 95))
    budget_ms = latency_budget_ms or DEFAULT_LATENCY_BUDGET_MS
    checks.append(_latency_check(latency, budget_ms))
    load = None
    if load_s and all(check.passed for check in checks):
        load = put_under_load(probe, cases, load_s)
        checks.append(_load_check(load, budget_ms))
    classes = _classes(cases, answers)
    return SmokeResult(
        passed=all(check.passed for check in checks), checks=checks, latency_ms=latency, classes=classes, load=load
    )


def _health_checks(client: EndpointClient, probe: Probe, case: Case) -> list[Check]:
    if not probe.has_health_routes:
        return [_ready_check(client, case)]
    return [_route_check(client, "alive", "/healthz"), _route_check(client, "ready", "/readyz")]


def _ready_check(client: EndpointClient, case: Case) -> Check:
    """Whether anything is scored at all; the endpoint is warm then, and the latency is that of later requests."""
    try:
        answer, _ = client.post_image(case.data, "application/octet-stream")
    except RemoteError as error:
        return Check(name="ready", passed=False, detail=error.message)
    return Check(name="ready", passed=answer.status == 200, detail=f"/score answered {status_of(answer)}")


def _route_check(client: EndpointClient, name: str, path: str) -> Check:
    try:
        answer = client.get(path)
        if answer.status == 200:
            answer.json()
        return Check(name=name, passed=answer.status == 200, detail=f"{path} answered {answer.status}")
    except RemoteError as error:
        return Check(name=name, passed=False, detail=error.message)


def _case_checks(client: EndpointClient, cases: Sequence[Case], answers: list[Prediction]) -> Iterator[Check]:
    for case in cases:
        name = f"{case.label}: {case.name}"
        try:
            answer = client.score(case.data)
        except FlowerOpsError as error:
            yield Check(name=name, passed=False, detail=error.message)
            continue
        answers.append(answer)
        problem = problem_with(case, answer)
        seen = f"{answer.label} {answer.probabilities[answer.label]:.3f}"
        yield Check(name=name, passed=problem is None, detail=problem or seen)


def problem_with(case: Case, answer: Prediction) -> str | None:
    """What is wrong with an answer; None when nothing is."""
    if case.label not in answer.probabilities:
        return f"the model knows no class {case.label!r}; it knows {', '.join(sorted(answer.probabilities))}"
    if not case.accepts(answer.label):
        return f"expected {case.label}, got {answer.label} {answer.probabilities[answer.label]:.3f}"
    if case.probabilities is None:
        return None
    if set(case.probabilities) != set(answer.probabilities):
        return f"expected the classes {', '.join(case.probabilities)}, got {', '.join(answer.probabilities)}"
    distance = max(abs(answer.probabilities[label] - share) for label, share in case.probabilities.items())
    if not distance <= case.tolerance:
        return f"off by {distance:.2g} from what the model answered at training (at most {case.tolerance:g})"
    return None


def _model_check(answers: Sequence[Prediction], expected: ModelRef | None) -> Check:
    said = {tuple(str(answer.model.get(part)) for part in ("name", "version", "digest")) for answer in answers}
    shown = "; ".join(sorted(f"{name}:{version} ({digest[:12]})" for name, version, digest in said)) or "nothing"
    if expected is None:
        complete = len(said) == 1 and "None" not in next(iter(said))
        return Check(name="model", passed=complete, detail=f"answers are from {shown}")
    passed = said == {(expected.name, str(expected.version), expected.digest)}
    wanted = f"{expected.name}:{expected.version} ({expected.digest[:12]})"
    detail = f"answers are from {shown}" + ("" if passed else f", expected {wanted}")
    return Check(name="model", passed=passed, detail=detail)


def _refusal_check(client: EndpointClient) -> Check:
    name = "bad image is refused"
    try:
        answer, _ = client.post_image(_NOT_AN_IMAGE, "image/jpeg")
        status = status_of(answer)
        if answer.status in _REFUSALS:
            answer.json()
        return Check(name=name, passed=status in _REFUSALS, detail=f"answered {status}")
    except RemoteError as error:
        return Check(name=name, passed=False, detail=error.message)


def _key_check(client: EndpointClient, case: Case) -> Check:
    """An endpoint with a key must not answer without it, nor with another one."""
    name = "missing and wrong key are refused"
    seen = []
    try:
        for key in (None, "this-is-not-the-key"):
            seen.append(client.post_with_key(case.data, key).status)
    except RemoteError as error:
        return Check(name=name, passed=False, detail=error.message)
    passed = all(status in _UNAUTHORISED for status in seen)
    return Check(name=name, passed=passed, detail=f"answered {seen[0]} without a key, {seen[1]} to a wrong one")


def _load_check(load: LoadResult, budget_ms: float) -> Check:
    p95 = load.latency_ms.get("p95")
    passed = load.errors <= MOST_LOAD_ERRORS * load.requests and p95 is not None and p95 <= budget_ms
    shown = ", ".join(f"{name} {ms:.1f} ms" for name, ms in load.latency_ms.items()) or "no answers"
    detail = f"{load.per_second:g} requests/s from {load.clients} clients, {shown}, {load.errors} errors"
    return Check(name="load", passed=passed, detail=detail + (f"; {load.first_error}" if load.first_error else ""))


def _classes(cases: Sequence[Case], answers: Sequence[Prediction]) -> dict[str, list[str]]:
    """Which of the classes that the endpoint knows were tested, and which were not."""
    known = list(dict.fromkeys(label for answer in answers for label in answer.probabilities))
    tested = {case.label for case in cases}
    return {
        "tested": [label for label in known if label in tested],
        "untested": [label for label in known if label not in tested],
    }


def _latency_check(latency: dict[str, float], budget_ms: float) -> Check:
    if not latency:
        return Check(name="latency", passed=False, detail="nothing was scored")
    detail = f"p95 {latency['p95']:.1f} ms, budget {budget_ms:g} ms"
    return Check(name="latency", passed=latency["p95"] <= budget_ms, detail=detail)
