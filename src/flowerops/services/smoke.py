"""The smoke test: does an endpoint answer as its model answered at training? Plain HTTP against a url."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from flowerops.domain.deployment import PARITY_TOLERANCE, ModelRef
from flowerops.domain.documents import Document
from flowerops.errors import BadInputError, FlowerOpsError, RemoteError
from flowerops.io.atomic import atomic_write
from flowerops.services.smoke_cases import Case, cases_from_bundle, cases_from_images
from flowerops.services.smoke_client import EndpointClient, Prediction, status_of
from flowerops.targets.protocol import Probe

__all__ = ["Case", "Check", "SmokeResult", "cases_from_bundle", "cases_from_images", "run_smoke_test", "write_junit"]

DEFAULT_LATENCY_BUDGET_MS = 2000.0
_NOT_AN_IMAGE = b"<html>this is not an image</html>"
_REFUSALS = (400, 415, 422)


class Check(Document):
    """One thing that was looked at, and what was seen."""

    name: str
    passed: bool
    detail: str


class SmokeResult(Document):
    """All checks; passed only when every one is. latency_ms: p50 and p95 of the scored cases, none without any."""

    passed: bool
    checks: list[Check]
    latency_ms: dict[str, float]

    def document(self) -> dict[str, Any]:
        """The JSON members."""
        return self.model_dump()


def run_smoke_test(
    probe: Probe,
    cases: Sequence[Case],
    *,
    expected_model: ModelRef | None = None,
    latency_budget_ms: float | None = None,
) -> SmokeResult:
    """Test an endpoint; its failures are failed checks, never exceptions.

    Args:
        probe: How to reach it; /healthz, /readyz (where it has them) and /score are asked.
        cases: The images; at least one.
        expected_model: The version that must answer; None only wants all answers to be from one version.
        latency_budget_ms: What the 95th percentile of the answers may take; None means 2 s.

    Raises:
        BadInputError: There is no case, or the url is not an http(s) one.
    """
    if not cases:
        raise BadInputError("a smoke test without any image proves nothing", "Give test images, or a bundle's own.")
    client = EndpointClient(probe)
    if probe.has_health_routes:
        checks = [_route_check(client, "alive", "/healthz"), _route_check(client, "ready", "/readyz")]
    else:
        checks = [_ready_check(client, cases[0])]
    if not all(check.passed for check in checks):
        return SmokeResult(passed=False, checks=checks, latency_ms={})
    answers: list[Prediction] = []
    checks += _case_checks(client, cases, answers)
    checks += [_model_check(answers, expected_model), _refusal_check(client)]
    latency = _percentiles([answer.ms for answer in answers])
    checks.append(_latency_check(latency, latency_budget_ms or DEFAULT_LATENCY_BUDGET_MS))
    return SmokeResult(passed=all(check.passed for check in checks), checks=checks, latency_ms=latency)


def write_junit(result: SmokeResult, path: Path) -> None:
    """Write the checks as JUnit XML, which every build server shows."""
    failed = sum(not check.passed for check in result.checks)
    suite = ElementTree.Element(
        "testsuite", name="flowerops smoke test", tests=str(len(result.checks)), failures=str(failed), errors="0"
    )
    for check in result.checks:
        case = ElementTree.SubElement(suite, "testcase", classname="smoketest", name=_xml(check.name))
        if check.passed:
            ElementTree.SubElement(case, "system-out").text = _xml(check.detail)
        else:
            ElementTree.SubElement(case, "failure", message=_xml(check.detail))
    ElementTree.indent(suite)
    atomic_write(path, ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))


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
        problem = _problem(case, answer)
        seen = f"{answer.label} {answer.probabilities[answer.label]:.3f}"
        yield Check(name=name, passed=problem is None, detail=problem or seen)


def _problem(case: Case, answer: Prediction) -> str | None:
    """What is wrong with an answer."""
    if case.label not in answer.probabilities:
        return f"the model knows no class {case.label!r}; it knows {', '.join(sorted(answer.probabilities))}"
    if not case.accepts(answer.label):
        return f"expected {case.label}, got {answer.label} {answer.probabilities[answer.label]:.3f}"
    if case.probabilities is None:
        return None
    if set(case.probabilities) != set(answer.probabilities):
        return f"expected the classes {', '.join(case.probabilities)}, got {', '.join(answer.probabilities)}"
    distance = max(abs(answer.probabilities[label] - share) for label, share in case.probabilities.items())
    if not distance <= PARITY_TOLERANCE:
        return f"off by {distance:.2g} from what the model answered at training (at most {PARITY_TOLERANCE:g})"
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


def _latency_check(latency: dict[str, float], budget_ms: float) -> Check:
    if not latency:
        return Check(name="latency", passed=False, detail="nothing was scored")
    detail = f"p95 {latency['p95']:.1f} ms, budget {budget_ms:g} ms"
    return Check(name="latency", passed=latency["p95"] <= budget_ms, detail=detail)


def _percentiles(times: list[float]) -> dict[str, float]:
    """p50 and p95 by the nearest rank."""
    ranked = sorted(times)
    if not ranked:
        return {}
    return {f"p{share}": round(ranked[math.ceil(share / 100 * len(ranked)) - 1], 3) for share in (50, 95)}


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
