"""Deploying to managed online endpoints of the emulated Azure ML, with the real SDK and the real inference server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import GOLDEN_FILE
from flowerops.domain.deployment import Endpoint
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, ConflictError, RemoteError, SmokeTestFailedError
from flowerops.io.http import send
from flowerops.services.deploy import Deployed, DeployRequest, deploy, plan
from flowerops.services.pipeline import Caller
from flowerops.services.predict import predict_with_endpoint
from flowerops.services.smoketest import SmokeTestRequest, smoketest
from flowerops.settings import load_settings
from flowerops.targets.azureml.target import AzureTarget
from flowerops.targets.protocol import Machines
from helpers.command import flowerops
from helpers.inference import require_serve_environment
from helpers.tiny_bundle import COLOURS, photo, reseal

if TYPE_CHECKING:
    from azure_emulator import Emulator

MODEL = "flower_classifier"


class Told:
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)

    def task(self, label: str, total: int, unit: str) -> Any:
        from flowerops.domain.progress import SilentProgress

        return SilentProgress().task(label, total, unit)


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


@pytest.fixture(scope="module")
def target(azure: Emulator, told: Told, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureTarget]:
    require_serve_environment()
    folder = tmp_path_factory.mktemp("azure-home")
    with azure.here():
        yield AzureTarget(load_settings({"target": "azureml", "home": folder / "home"}, folder), told)


@pytest.fixture(scope="module")
def models(target: AzureTarget, tiny_bundle: Path) -> AzureTarget:
    """Two good versions, of which the first is the champion, and a third that does not answer as it must."""
    for _ in range(2):
        target.models.register(MODEL, tiny_bundle, "run-1", {"build_id": "tester@laptop"})
    target.models.set_champion(MODEL, 1)
    broken = target.mirror.root.parent / "broken"
    shutil.copytree(tiny_bundle, broken)
    golden = json.loads((broken / GOLDEN_FILE).read_text())
    golden["images"][0]["probabilities"] = [0.5, 0.5]
    (broken / GOLDEN_FILE).write_text(json.dumps(golden))
    reseal(broken)
    target.models.register(MODEL, broken, "run-1", {})
    return target


def deployed(target: AzureTarget, endpoint: str, version: int | None = None, **more: Any) -> Deployed:
    told = target._progress
    caller = Caller(BuildInfo(kind="laptop", id="tester"), CodeInfo(), told)
    return deploy(target, DeployRequest(Selector(MODEL, version), endpoint, **more), caller)


def version_that_answers(target: AzureTarget, endpoint: str) -> int:
    probe = target.endpoints.probe(endpoint)
    answer = send("POST", f"{probe.url}/score", photo(COLOURS[0]), {"Content-Type": "image/jpeg", **probe.all_headers})
    assert answer.status == 200, answer.body
    return int(answer.json()["model"]["version"])


def roles(endpoint: Endpoint) -> list[tuple[str, str, int, str]]:
    return [(one.role, one.colour, one.model.version, one.status) for one in endpoint.deployments]


@pytest.fixture(scope="module")
def two(models: AzureTarget) -> AzureTarget:
    """The endpoint `pair` after two deploys."""
    first = deployed(models, "pair")
    assert (first.colour, first.endpoint.url) == ("blue", "https://pair.westeurope.inference.ml.azure.com")
    deployed(models, "pair", 2)
    return models


def test_the_second_deploy_takes_over_and_the_first_one_stays(two: AzureTarget, told: Told) -> None:
    endpoint = two.endpoints.find("pair")
    assert (endpoint.status, endpoint.active) == ("running", "green")
    assert roles(endpoint) == [("active", "green", 2, "running"), ("previous", "blue", 1, "running")]
    assert endpoint.deployments[0].build_id == "tester@laptop"
    assert version_that_answers(two, "pair") == 2
    assert "traffic to green: updating" in told.lines
    assert [one.name for one in two.endpoints.all()].count("pair") == 1


def test_a_deployment_is_made_as_the_settings_say(two: AzureTarget, azure: Emulator) -> None:
    ml = two.client.ml
    made = ml.online_deployments.get("green", endpoint_name="pair")
    assert (made.instance_type, made.instance_count, made.app_insights_enabled) == ("Standard_DS3_v2", 1, True)
    assert made.environment_variables["FLOWEROPS_MODEL_VERSION"] == "2"
    assert made.request_settings.max_concurrent_requests_per_instance == 2
    assert made.request_settings.request_timeout_ms == 30_000
    assert "/environments/flowerops-serve/versions/" in made.environment
    assert made.model.endswith(f"/models/{MODEL}/versions/2")


def test_the_smoke_test_and_predict_ask_a_managed_endpoint(two: AzureTarget, tmp_path: Path) -> None:
    tested = smoketest(two, SmokeTestRequest("pair", [], [], False, None, tmp_path / "smoke.xml"))
    names = [check.name for check in tested.result.checks]
    assert names[0] == "ready"
    assert "bad image is refused" in names
    assert (tmp_path / "smoke.xml").is_file()
    (tmp_path / "a.jpg").write_bytes(photo(COLOURS[1]))
    (tmp_path / "b.jpg").write_bytes(b"no image")
    document = predict_with_endpoint(two, "pair", [tmp_path / "a.jpg"])
    assert document["predictions"][0]["label"] == "roses"
    with pytest.raises(BadInputError, match=r"b.jpg: the endpoint answered 400: image rejected"):
        predict_with_endpoint(two, "pair", [tmp_path / "b.jpg"])


def test_rollback_goes_to_and_fro(two: AzureTarget) -> None:
    assert roles(two.endpoints.rollback("pair"))[0] == ("active", "blue", 1, "running")
    assert version_that_answers(two, "pair") == 1
    assert roles(two.endpoints.rollback("pair")) == [
        ("active", "green", 2, "running"),
        ("previous", "blue", 1, "running"),
    ]
    assert version_that_answers(two, "pair") == 2


def test_the_log_is_that_of_the_serving_container(two: AzureTarget) -> None:
    version_that_answers(two, "pair")
    text = two.endpoints.logs("pair", 30)
    assert '"event": "request"' in text


def test_a_plan_names_what_would_be_replaced(two: AzureTarget) -> None:
    planned = plan(two, DeployRequest(Selector(MODEL, 1), "pair"))
    assert planned["replaces"] == {"name": MODEL, "version": 2}
    assert plan(two, DeployRequest(Selector(MODEL, 1), "nowhere"))["replaces"] is None


def test_when_the_smoke_test_fails_the_new_one_goes_and_the_old_one_serves(
    models: AzureTarget, azure: Emulator
) -> None:
    deployed(models, "smoky", machines=Machines("Standard_F4s_v2", 2))
    assert models.client.ml.online_deployments.get("blue", endpoint_name="smoky").instance_count == 2
    from azure_emulator import Fault

    azure.switch_on(Fault("POST", "/score", times=1, status=500))
    try:
        with pytest.raises(SmokeTestFailedError, match="answered 500"):
            deployed(models, "smoky", 2)
    finally:
        azure.switch_off()
    assert roles(models.endpoints.find("smoky")) == [("active", "blue", 1, "running")]
    assert version_that_answers(models, "smoky") == 1
    with pytest.raises(ConflictError, match="no earlier deployment"):
        models.endpoints.rollback("smoky")


def test_a_deployment_that_does_not_start_is_told_with_its_log_and_removed(models: AzureTarget) -> None:
    with pytest.raises(
        RemoteError, match="cannot start deployment blue of endpoint broken: User container has crashed"
    ) as caught:
        deployed(models, "broken", 3)
    assert "golden image" in "\n".join(caught.value.details["log"])
    models.endpoints._managed._waiting.until_gone("it", lambda: models.endpoints._managed.deployment("broken", "blue"))
    endpoint = models.endpoints.find("broken")
    assert (endpoint.deployments, endpoint.status, endpoint.active) == ([], "stopped", None)
    with pytest.raises(RemoteError, match="serves nothing"):
        models.endpoints.probe("broken")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_stumbles_is_asked_again(models: AzureTarget, azure: Emulator, status: int) -> None:
    from azure_emulator import Fault

    azure.switch_on(Fault("GET", "/onlineEndpoints", times=2, status=status, retry_after=0))
    try:
        assert models.endpoints.find("pair").name == "pair"
    finally:
        azure.switch_off()


def test_an_unknown_endpoint_is_named_with_the_nearest(two: AzureTarget) -> None:
    with pytest.raises(BadInputError) as caught:
        two.endpoints.find("pairs")
    assert "pair" in str(caught.value.hint)


def test_an_endpoint_can_ask_for_tokens_instead_of_keys(models: AzureTarget, tmp_path: Path) -> None:
    settings = load_settings({"target": "azureml", "home": tmp_path / "home", "endpoint_auth": "aad_token"}, tmp_path)
    target = AzureTarget(settings)
    deployed(target, "tokens")
    probe = target.endpoints.probe("tokens")
    assert probe.key is not None
    assert probe.key.count(".") == 2
    assert "key" not in repr(probe)
    assert version_that_answers(target, "tokens") == 1
    assert send("POST", f"{probe.url}/score", b"", {"Authorization": "Bearer other"}).status == 401


def test_traffic_that_cannot_be_moved_stays_and_the_new_one_goes(two: AzureTarget, azure: Emulator) -> None:
    from azure_emulator import Fault

    before = roles(two.endpoints.find("pair"))
    azure.switch_on(Fault("PUT", r"/onlineEndpoints/pair\?", times=1, status=400, message="no, not now"))
    try:
        with pytest.raises(BadInputError, match="move the traffic of endpoint pair: no, not now"):
            deployed(two, "pair", 1)
    finally:
        azure.switch_off()
    assert roles(two.endpoints.find("pair")) == before[:1]
    assert version_that_answers(two, "pair") == 2


def test_two_deploys_come_one_after_the_other(two: AzureTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowerops.targets.azureml.endpoints._LOCK_S", 0.2)
    with (
        two.endpoints.deploying("pair"),
        pytest.raises(ConflictError, match="being changed by another command"),
        two.endpoints.deploying("pair"),
    ):
        pass


def test_stopping_removes_the_endpoint(models: AzureTarget, azure: Emulator) -> None:
    deployed(models, "short")
    stopped = models.endpoints.stop("short")
    assert (stopped.status, stopped.url, [one.status for one in stopped.deployments]) == ("stopped", None, ["stopped"])
    with pytest.raises(BadInputError):
        models.endpoints.find("short")


def test_the_commands_print_one_document_and_nothing_else(two: AzureTarget, azure: Emulator, tmp_path: Path) -> None:
    env = {**azure.environment(), "FLOWEROPS_TARGET": "azureml"}
    done = flowerops("deploy", "--endpoint", "by-command", "--model", f"{MODEL}:2", "--json", cwd=tmp_path, env=env)
    assert done.code == 0, done.stdout + done.stderr
    assert "ActivityCompleted" not in done.stderr
    assert done.document["url"] == "https://by-command.westeurope.inference.ml.azure.com"
    assert done.document["smoke"]["passed"] is True
    python = str(require_serve_environment())
    tried = flowerops("deploy", "--local-preview", "--serve-python", python, "--json", cwd=tmp_path, env=env)
    assert (tried.code, tried.document["preview"]) == (0, True), tried.stderr
    listed = flowerops("deployments", "list", "--json", cwd=tmp_path, env=env).document["items"]
    assert {"pair", "by-command"} <= {one["name"] for one in listed}
    deleted = flowerops("deployments", "delete", "by-command", "--json", cwd=tmp_path, env=env)
    assert (deleted.code, deleted.document["status"]) == (0, "stopped")
