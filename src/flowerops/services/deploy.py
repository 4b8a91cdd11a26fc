"""deploy: start a model beside the one that serves, prove it, then move the traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flowerops.domain.canary import CanaryCount, CanaryPolicy, CanaryResult
from flowerops.domain.deployment import Deployment, Endpoint
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, ConflictError, FlowerOpsError, SmokeTestFailedError
from flowerops.io.hashing import verify_seal
from flowerops.services.canary import Watch
from flowerops.services.pipeline import Caller
from flowerops.services.selection import find_model, refuse_archived
from flowerops.services.smoke import Case, SmokeResult, cases_from_bundle, run_smoke_test
from flowerops.targets.protocol import AS_BEFORE, Access, Machines, ModelVersion, Probe, StartOptions, Target


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
            "model": self.model.ref.model_dump(),
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
    there = _endpoint(target, request.endpoint)
    before = there.deployment("active") if there else None
    return {
        "endpoint": request.endpoint,
        "model": model.ref.model_dump(),
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
    host, name = target.endpoints, request.endpoint
    with host.deploying(name):
        host.choose_port(name, request.port)  # known to be there before anything is started
        access = replace(request.access or AS_BEFORE, port=request.port)
        policy = _possible_canary(_endpoint(target, name), request, caller)
        caller.progress.message(f"starting {model}")
        options = StartOptions(request.machines or Machines(), access, request.quantized)
        deployment = host.start(name, model.bundle, model.ref, options)
        try:
            smoke = prove(host.probe(name, deployment), model, cases)
            then = "trying it as a canary" if policy else "moving the traffic"
            caller.progress.message(f"smoke test passed ({len(smoke.checks)} checks); {then}")
            canary = _try_out(target, deployment, access, policy, cases, caller) if policy else None
            decided = canary is None or canary.outcome == "promoted"
            endpoint = host.activate(name, deployment, access) if decided else host.find(name)
        except BaseException:  # Ctrl-C too: nobody would know of it, and it may cost money
            _discard(target, deployment, caller)
            raise
    return Deployed(endpoint, deployment.colour, model, smoke, request.quantized, canary)


def _endpoint(target: Target, name: str) -> Endpoint | None:
    try:
        return target.endpoints.find(name)
    except BadInputError:  # it is to be made
        return None


def _possible_canary(endpoint: Endpoint | None, request: DeployRequest, caller: Caller) -> CanaryPolicy | None:
    """The canary that was asked for; None where there is nothing beside which it could have a share of the traffic.

    Raises:
        ConflictError: What has the traffic does not answer.
    """
    if endpoint is not None and (left := endpoint.canary) is not None:
        caller.progress.message(
            f"the canary {left.model.name}:{left.model.version} still had {left.traffic}% of the traffic, and nobody "
            "watches it any more: it makes way"
        )
    if request.canary is None:
        return None
    if endpoint is None or endpoint.deployment("active") is None:
        caller.progress.message("nothing serves yet: the first model gets all the traffic at once")
        return None
    if endpoint.status != "running":
        raise ConflictError(
            f"endpoint {endpoint.name} is {endpoint.status}, so a canary would stand beside nothing",
            f"Mend it with: flowerops deployments start {endpoint.name}, or deploy without --traffic.",
        )
    return request.canary


def _try_out(
    target: Target,
    deployment: Deployment,
    access: Access,
    policy: CanaryPolicy,
    cases: Sequence[Case],
    caller: Caller,
) -> CanaryResult:
    """Give a started deployment its share of the traffic, and watch it.

    Raises:
        CanaryFailedError: It is no good.
    """
    name, model, host = deployment.endpoint, deployment.model, target.endpoints
    host.split(name, deployment, policy.percent, access)
    caller.progress.message(f"{policy.percent}% of the traffic goes to {model.name}:{model.version}")
    if policy.watch_s <= 0:
        nothing = CanaryCount()
        return CanaryResult(
            percent=policy.percent, outcome="undecided", seconds=0.0, asked=nothing, served=None, reasons=[]
        )
    watch = Watch(host.probe(name, deployment), cases, host.requests_of(name, deployment), policy)
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
    result = run_smoke_test(probe, cases or cases_from_bundle(model.bundle), expected_model=model.ref)
    if not result.passed:
        failed = [check for check in result.checks if not check.passed]
        raise SmokeTestFailedError(
            f"{model} failed its smoke test: {failed[0].name}: {failed[0].detail}",
            "The deployment that served before still serves.",
            result.document(),
        )
    return result
