"""smoketest: ask a running endpoint what its model must answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.domain.deployment import Deployment, Endpoint
from flowerops.domain.names import Selector
from flowerops.errors import SmokeTestFailedError
from flowerops.services.selection import find_model
from flowerops.services.smoke import (
    Case,
    SmokeResult,
    cases_from_bundle,
    cases_from_images,
    run_smoke_test,
)
from flowerops.services.smoke_junit import write_junit
from flowerops.targets.protocol import Target


@dataclass(frozen=True)
class SmokeTestRequest:
    """images: files, folders or URLs with their classes; none means the model's golden images. junit: a file to write.

    latency_budget_ms: what 95 of 100 answers may take. load_s: for how many seconds to put it under load.
    """

    endpoint: str
    images: Sequence[str]
    classes: Sequence[str]
    allow_private: bool
    latency_budget_ms: float | None
    junit: Path | None
    load_s: float = 0.0


@dataclass(frozen=True)
class SmokeTested:
    """A passed smoke test."""

    endpoint: Endpoint
    result: SmokeResult

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        return {"endpoint": self.endpoint.name, "url": self.endpoint.url, **self.result.document()}


def smoketest(target: Target, request: SmokeTestRequest) -> SmokeTested:
    """Test an endpoint.

    Raises:
        BadInputError: No such endpoint, or nothing to test it with.
        SmokeTestFailedError: A check failed, or nothing serves there.
    """
    endpoint = target.endpoints.find(request.endpoint)
    active = endpoint.deployment("active")
    if endpoint.url is None or active is None or endpoint.status == "stopped":
        raise SmokeTestFailedError(
            f"endpoint {endpoint.name} serves nothing", f"Deploy a model: flowerops deploy --endpoint {endpoint.name}"
        )
    if request.images:
        cases: Sequence[Case] = cases_from_images(request.images, request.classes, allow_private=request.allow_private)
    else:
        cases = cases_from_bundle(_bundle(target, active), quantized=active.quantized)
    result = run_smoke_test(
        # While a canary has a share of the traffic the endpoint answers with two models; asked is the one that stays.
        target.endpoints.probe(endpoint.name, active if endpoint.canary else None),
        cases,
        expected_model=active.model,
        latency_budget_ms=request.latency_budget_ms,
        load_s=request.load_s,
    )
    if request.junit is not None:
        write_junit(result, request.junit)
    tested = SmokeTested(endpoint, result)
    if not result.passed:
        failed = [check for check in result.checks if not check.passed]
        raise SmokeTestFailedError(
            f"endpoint {endpoint.name}: {len(failed)} of {len(result.checks)} checks failed; "
            f"the first: {failed[0].name}: {failed[0].detail}",
            f"See its log: flowerops deployments logs {endpoint.name}",
            tested.document(),
        )
    return tested


def _bundle(target: Target, deployment: Deployment) -> Path:
    """The served model's bundle: the folder that it was loaded from, or what the registry keeps of it."""
    if deployment.bundle:
        return Path(deployment.bundle)
    return target.models.open(find_model(target, Selector(deployment.model.name, deployment.model.version)))
