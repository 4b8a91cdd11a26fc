"""deploy: start a model beside the one that serves, prove it, then move the traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flowerops.domain.canary import CanaryCount, CanaryPolicy, CanaryResult
from flowerops.domain.deployment import Deployment, Endpoint, ModelRef
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, ConflictError, FlowerOpsError, SmokeTestFailedError
from flowerops.io.hashing import verify_seal
from flowerops.services.canary import Watch
from flowerops.services.pipeline import Caller
from flowerops.services.selection import find_model, refuse_archived
from flowerops.services.smoke import Case, SmokeResult, cases_from_bundle, run_smoke_test
from flowerops.targets.protocol import Access, Machines, ModelVersion, Probe, Target


@dataclass(frozen=True)
class DeployRequest:
    """model: which version, the champion when no number is given. port: None keeps the endpoint's, or finds one.

    machines: what it runs on, where the target has a choice. canary: how to try it on a share of the traffic first;
    None gives it all at once. access: who reaches the endpoint. quantized: serve the model's int8 form.
    """

    model: Selector
    endpoint: str
    port: int | None = None
    machines: Machines | None = None
    canary: CanaryPolicy | None = None
    access: Access | None = None
    quantized: bool = False


@dataclass(frozen=True)
class Deployed:
    """The endpoint after the switch, and the smoke test and the canary that allowed it."""

    endpoint: Endpoint
    colour: str
    model: ModelVersion
    smoke: SmokeResult
    quantized: bool = False
    canary: CanaryResult | None = None

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        return {
            "endpoint": self.endpoint.name,
            "deployment": self.colour,
            "url": self.endpoint.url,
            "model": {"name": self.model.name, "version": self.model.version, "digest": self.model.digest},
            "smoke": {"passed": self.smoke.passed, "checks": self.smoke.document()["checks"]},
            "canary": self.canary.model_dump() if self.canary else None,
            "quantized": self.quantized,
            "public": self.endpoint.public,
            "needs_key": self.endpoint.needs_key,
        }

    def smoke_document(self) -> dict[str, Any]:
        """The smoke test's own JSON members."""
        return {"endpoint": self.endpoint.name, **self.smoke.document()}


def plan(target: Target, request: DeployRequest) -> dict[str, Any]:
    """What `deploy` would do, without doing it."""
    model = find_model(target, request.model)
    refuse_archived(model)
    try:
        before = target.endpoints.find(request.endpoint).deployment("active")
    except BadInputError:  # it is to be made
        before = None
    return {
        "endpoint": request.endpoint,
        "model": {"name": model.name, "version": model.version, "digest": model.digest},
        "replaces": {"name": before.model.name, "version": before.model.version} if before else None,
        "canary": request.canary.model_dump() if request.canary and before else None,
    }


def deploy(target: Target, request: DeployRequest, caller: Caller) -> Deployed:
    """Deploy a model version to an endpoint.

    The new deployment is smoke-tested by itself before it gets any traffic; when it fails, then or as a canary, it is
    removed and the one that served goes on.

    Raises:
        BadInputError: There is no such model, or it has no int8 form.
        StoreIntegrityError: Its bundle was changed.
        ConflictError: The version is archived, the port is taken, another deploy is under way, or what a canary is to
            stand beside is down.
        RemoteError: The server did not become ready.
        SmokeTestFailedError: It answered, but not as it must.
        CanaryFailedError: It failed with its share of the traffic.
    """
    model = find_model(target, request.model)
    refuse_archived(model)
    verify_seal(target.models.open(model), model.digest)
    cases = cases_from_bundle(model.bundle, quantized=request.quantized)
    ref = ModelRef(name=model.name, version=model.version, digest=model.digest)
    with target.endpoints.deploying(request.endpoint):
        port = target.endpoints.choose_port(request.endpoint, request.port)
        policy = _possible_canary(target, request, caller)
        caller.progress.message(f"starting {model.name}:{model.version}")
        deployment = target.endpoints.start(
            request.endpoint,
            model.bundle,
            ref,
            port,
            request.machines,
            access=request.access,
            quantized=request.quantized,
        )
        try:
            smoke = prove(target.endpoints.probe(request.endpoint, deployment), model, cases)
            then = "trying it as a canary" if policy else "moving the traffic"
            caller.progress.message(f"smoke test passed ({len(smoke.checks)} checks); {then}")
            trial = _Trial(target, request, deployment, port)
            canary = trial.run(policy, cases, caller) if policy else None
            if canary is None or canary.outcome == "promoted":
                endpoint = target.endpoints.activate(request.endpoint, deployment, port, request.access)
            else:
                endpoint = target.endpoints.find(request.endpoint)
        except BaseException:  # Ctrl-C too: nobody would know of it, and it may cost money
            _discard(target, deployment, caller)
            raise
    return Deployed(endpoint, deployment.colour, model, smoke, request.quantized, canary)


def _possible_canary(target: Target, request: DeployRequest, caller: Caller) -> CanaryPolicy | None:
    """The canary that was asked for; None where there is nothing beside which it could have a share of the traffic.

    Raises:
        ConflictError: What has the traffic does not answer.
    """
    if request.canary is None:
        return None
    try:
        endpoint = target.endpoints.find(request.endpoint)
    except BadInputError:  # it is to be made
        endpoint = None
    if endpoint is None or endpoint.deployment("active") is None:
        caller.progress.message("nothing serves yet: the first model gets all the traffic at once")
        return None
    if endpoint.status != "running":
        raise ConflictError(
            f"endpoint {endpoint.name} is {endpoint.status}, so a canary would stand beside nothing",
            f"Mend it with: flowerops deployments start {endpoint.name}, or deploy without --traffic.",
        )
    return request.canary


@dataclass(frozen=True)
class _Trial:
    """A started deployment's time as a canary."""

    target: Target
    request: DeployRequest
    deployment: Deployment
    port: int | None

    def run(self, policy: CanaryPolicy, cases: Sequence[Case], caller: Caller) -> CanaryResult:
        """Give it its share, and watch it.

        Raises:
            CanaryFailedError: It is no good.
        """
        name, endpoints = self.request.endpoint, self.target.endpoints
        endpoints.split(name, self.deployment, policy.percent, self.port, self.request.access)
        model = self.deployment.model
        caller.progress.message(f"{policy.percent}% of the traffic goes to {model.name}:{model.version}")
        if policy.watch_s <= 0:
            nothing = CanaryCount()
            return CanaryResult(
                percent=policy.percent, outcome="undecided", seconds=0.0, asked=nothing, served=None, reasons=[]
            )
        probe = endpoints.probe(name, self.deployment)
        watch = Watch(probe, cases, endpoints.requests_of(name, self.deployment), policy)
        return watch.run(f"{model.name}:{model.version}", caller.progress)


def _discard(target: Target, deployment: Deployment, caller: Caller) -> None:
    """Remove a deployment that must not serve; why it must not is the error to show, whatever comes of this."""
    try:
        target.endpoints.discard(deployment.endpoint, deployment)
    except FlowerOpsError as error:
        caller.progress.message(f"deployment {deployment.colour} of {deployment.endpoint} stays: {error.message}")


def prove(probe: Probe, model: ModelVersion, cases: Sequence[Case] | None = None) -> SmokeResult:
    """Smoke-test a deployment of a model with these images, or else with the model's golden ones.

    Raises:
        SmokeTestFailedError: It does not answer as it must.
    """
    expected = ModelRef(name=model.name, version=model.version, digest=model.digest)
    result = run_smoke_test(probe, cases or cases_from_bundle(model.bundle), expected_model=expected)
    if not result.passed:
        failed = [check for check in result.checks if not check.passed]
        raise SmokeTestFailedError(
            f"{model.name}:{model.version} failed its smoke test: {failed[0].name}: {failed[0].detail}",
            "The deployment that served before still serves.",
            result.document(),
        )
    return result
