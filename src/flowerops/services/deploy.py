"""deploy: start a model beside the one that serves, prove it, then move the traffic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowerops.domain.deployment import Deployment, Endpoint, ModelRef
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, FlowerOpsError, SmokeTestFailedError
from flowerops.io.hashing import verify_seal
from flowerops.services.pipeline import Caller
from flowerops.services.selection import find_model, refuse_archived
from flowerops.services.smoke import SmokeResult, cases_from_bundle, run_smoke_test
from flowerops.targets.protocol import Machines, ModelVersion, Probe, Target


@dataclass(frozen=True)
class DeployRequest:
    """model: which version, the champion when no number is given. port: None keeps the endpoint's, or finds one.

    machines: what it runs on, where the target has a choice.
    """

    model: Selector
    endpoint: str
    port: int | None = None
    machines: Machines | None = None


@dataclass(frozen=True)
class Deployed:
    """The endpoint after the switch, and the smoke test that allowed it."""

    endpoint: Endpoint
    colour: str
    model: ModelVersion
    smoke: SmokeResult

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        return {
            "endpoint": self.endpoint.name,
            "deployment": self.colour,
            "url": self.endpoint.url,
            "model": {"name": self.model.name, "version": self.model.version, "digest": self.model.digest},
            "smoke": {"passed": self.smoke.passed, "checks": self.smoke.document()["checks"]},
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
    }


def deploy(target: Target, request: DeployRequest, caller: Caller) -> Deployed:
    """Deploy a model version to an endpoint.

    The new deployment is smoke-tested by itself before it gets any traffic; when it fails it is removed and the one
    that served goes on.

    Raises:
        BadInputError: There is no such model.
        StoreIntegrityError: Its bundle was changed.
        ConflictError: The version is archived, the port is taken, or another deploy is under way.
        RemoteError: The server did not become ready.
        SmokeTestFailedError: It answered, but not as it must.
    """
    model = find_model(target, request.model)
    refuse_archived(model)
    verify_seal(target.models.open(model), model.digest)
    ref = ModelRef(name=model.name, version=model.version, digest=model.digest)
    with target.endpoints.deploying(request.endpoint):
        port = target.endpoints.choose_port(request.endpoint, request.port)
        caller.progress.message(f"starting {model.name}:{model.version} beside what serves now")
        deployment = target.endpoints.start(request.endpoint, model.bundle, ref, port, request.machines)
        try:
            smoke = prove(target.endpoints.probe(request.endpoint, deployment), model)
            caller.progress.message(f"smoke test passed ({len(smoke.checks)} checks); moving the traffic")
            endpoint = target.endpoints.activate(request.endpoint, deployment, port)
        except BaseException:  # Ctrl-C too: nobody would know of it, and it may cost money
            _discard(target, deployment, caller)
            raise
    return Deployed(endpoint, deployment.colour, model, smoke)


def _discard(target: Target, deployment: Deployment, caller: Caller) -> None:
    """Remove a deployment that must not serve; why it must not is the error to show, whatever comes of this."""
    try:
        target.endpoints.discard(deployment.endpoint, deployment)
    except FlowerOpsError as error:
        caller.progress.message(f"deployment {deployment.colour} of {deployment.endpoint} stays: {error.message}")


def prove(probe: Probe, model: ModelVersion) -> SmokeResult:
    """Smoke-test a deployment of a model with the model's golden images.

    Raises:
        SmokeTestFailedError: It does not answer as it must.
    """
    expected = ModelRef(name=model.name, version=model.version, digest=model.digest)
    result = run_smoke_test(probe, cases_from_bundle(model.bundle), expected_model=expected)
    if not result.passed:
        failed = [check for check in result.checks if not check.passed]
        raise SmokeTestFailedError(
            f"{model.name}:{model.version} failed its smoke test: {failed[0].name}: {failed[0].detail}",
            "The deployment that served before still serves.",
            result.document(),
        )
    return result
