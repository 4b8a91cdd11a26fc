"""Endpoints: proven before they get traffic, two colours, and a way back."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowerops.domain.bundle import GOLDEN_FILE
from flowerops.domain.canary import CanaryPolicy
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, CanaryFailedError, ConflictError, RemoteError, SmokeTestFailedError
from flowerops.io.http import send
from flowerops.io.presence import leave
from flowerops.services.archive import archive, remove
from flowerops.services.deploy import Deployed, DeployRequest, deploy, plan
from flowerops.services.predict import predict_with_endpoint
from flowerops.services.smoketest import SmokeTestRequest, smoketest
from flowerops.targets.protocol import Access, Probe
from helpers.both_targets import Place
from helpers.inference import require_serve_environment
from helpers.tiny_bundle import COLOURS, photo, reseal


@pytest.fixture(scope="module", autouse=True)
def _server(place: Place) -> None:
    if place.variables:  # an emulated endpoint is served on this machine
        require_serve_environment()


@pytest.fixture(scope="module")
def model(place: Place, tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two good versions, and a third whose golden answers are not those of its model."""
    name, models = place.fresh("model"), place.target.models
    for _ in range(2):
        models.register(name, tiny_bundle, "run-1", {})
    models.set_champion(name, 1)
    broken = tmp_path_factory.mktemp("broken") / "bundle"
    shutil.copytree(tiny_bundle, broken)
    golden = json.loads((broken / GOLDEN_FILE).read_text())
    golden["images"][0]["probabilities"] = [0.5, 0.5]
    (broken / GOLDEN_FILE).write_text(json.dumps(golden))
    reseal(broken)
    models.register(name, broken, "run-1", {})
    return name


@pytest.fixture(scope="module")
def endpoint(place: Place, model: str) -> Iterator[str]:
    """An endpoint after two deploys."""
    name = place.fresh("pair")
    first = deployed(place, name, model)
    second = deployed(place, name, model, 2)
    assert {first.colour, second.colour} == {"blue", "green"}
    assert first.endpoint.url == second.endpoint.url
    yield name
    place.target.endpoints.stop(name)


def deployed(place: Place, endpoint: str, model: str, version: int | None = None) -> Deployed:
    return deploy(place.target, DeployRequest(Selector(model, version), endpoint), place.caller)


def roles(place: Place, endpoint: str) -> list[tuple[str, int, str]]:
    return sorted(
        (one.role, one.model.version, one.status) for one in place.target.endpoints.find(endpoint).deployments
    )


def answering(place: Place, endpoint: str, tmp_path: Path) -> int:
    (tmp_path / "a.jpg").write_bytes(photo(COLOURS[1]))
    document = predict_with_endpoint(place.target, endpoint, [tmp_path / "a.jpg"])
    assert document["predictions"][0]["label"] == "roses"
    return int(document["model"]["version"])


def smoke(place: Place, endpoint: str, images: tuple[str, ...] = (), classes: tuple[str, ...] = ()) -> object:
    return smoketest(place.target, SmokeTestRequest(endpoint, images, classes, False, None, None)).document()


def test_the_second_deploy_takes_over_and_the_first_one_stays(place: Place, endpoint: str, tmp_path: Path) -> None:
    assert roles(place, endpoint) == [("active", 2, "running"), ("previous", 1, "running")]
    assert place.target.endpoints.find(endpoint).status == "running"
    assert endpoint in [one.name for one in place.target.endpoints.all()]
    assert answering(place, endpoint, tmp_path) == 2


def test_a_version_that_is_deployed_is_not_removed_or_archived_and_the_endpoint_is_named(
    place: Place, endpoint: str, model: str
) -> None:
    leave(place.home / "locks")  # else this process would be a writer that it has to wait for
    target, deployed_one = place.target, Selector(model, 2)
    with pytest.raises(ConflictError, match=f"deployed at endpoint {endpoint} .active.* cannot be removed"):
        remove(target, deployed_one, None, lambda: place.caller)
    with pytest.raises(ConflictError, match=f"deployed at endpoint {endpoint} .active.* cannot be archived"):
        archive(target, deployed_one, True, None, place.caller)
    assert [one.version for one in target.models.versions(model)] == [3, 2, 1]


def test_what_a_deploy_says_has_the_same_members(place: Place, model: str) -> None:
    name = place.fresh("short")
    found = deployed(place, name, model)
    document = found.document()
    access = {"public", "needs_key"}
    assert set(document) == {"endpoint", "deployment", "url", "model", "smoke", "canary", "quantized"} | access
    assert (document["canary"], document["quantized"]) == (None, False)
    assert set(document["smoke"]) == {"passed", "checks"}
    assert set(found.smoke_document()) == {"endpoint", "passed", "checks", "latency_ms", "classes"}
    assert document["model"]["version"] == 1
    planned = plan(place.target, DeployRequest(Selector(model, 2), name))
    assert planned["replaces"] == {"name": model, "version": 1}
    with pytest.raises(ConflictError, match="no earlier deployment"):
        place.target.endpoints.rollback(name)
    assert place.target.endpoints.stop(name).status == "stopped"
    with pytest.raises((SmokeTestFailedError, BadInputError)):
        smoke(place, name)


def test_the_smoke_test_asks_the_model_that_serves(place: Place, endpoint: str, tmp_path: Path) -> None:
    document = smoke(place, endpoint)
    assert isinstance(document, dict)
    assert set(document) == {"endpoint", "url", "passed", "checks", "latency_ms", "classes"}
    assert document["passed"] is True
    (tmp_path / "a.jpg").write_bytes(photo(COLOURS[1]))
    with pytest.raises(SmokeTestFailedError) as caught:
        smoke(place, endpoint, (str(tmp_path / "a.jpg"),), ("daisy",))
    assert caught.value.exit_code == 10


def test_rollback_goes_to_and_fro(place: Place, endpoint: str, tmp_path: Path) -> None:
    place.target.endpoints.rollback(endpoint)
    assert answering(place, endpoint, tmp_path) == 1
    place.target.endpoints.rollback(endpoint)
    assert answering(place, endpoint, tmp_path) == 2
    assert roles(place, endpoint) == [("active", 2, "running"), ("previous", 1, "running")]


def test_a_model_that_does_not_prove_itself_never_serves(
    place: Place, endpoint: str, model: str, tmp_path: Path
) -> None:
    with pytest.raises(RemoteError) as caught:
        deployed(place, endpoint, model, 3)
    assert "golden image" in "\n".join([caught.value.message, *map(str, caught.value.details.get("log", []))])
    assert answering(place, endpoint, tmp_path) == 2
    assert place.target.endpoints.find(endpoint).status == "running"


def test_when_the_smoke_test_fails_the_first_one_goes_on_serving(
    place: Place, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new deployment is there, but what is asked is the old one: as if the platform had mixed them up."""
    name, host = place.fresh("mixed"), place.target.endpoints
    deployed(place, name, model)
    ask = host.probe

    def mixed_up(endpoint: str, deployment: object = None) -> Probe:
        return ask(endpoint)

    with monkeypatch.context() as patch, pytest.raises(SmokeTestFailedError, match="model: answers are from") as caught:
        patch.setattr(host, "probe", mixed_up)
        deployed(place, name, model, 2)
    assert (caught.value.exit_code, caught.value.details["passed"]) == (10, False)
    assert roles(place, name) == [("active", 1, "running")]
    assert answering(place, name, tmp_path) == 1
    host.stop(name)


@pytest.fixture(scope="module")
def tried(place: Place, model: str) -> Iterator[str]:
    """An endpoint on which version 1 serves, for canaries."""
    name = place.fresh("tried")
    deployed(place, name, model)
    yield name
    place.target.endpoints.stop(name)


def canary(place: Place, endpoint: str, model: str, **terms: float) -> Deployed:
    policy = CanaryPolicy(percent=25, **{"watch_s": 2.0, "max_latency_ms": 60_000.0, **terms})
    return deploy(place.target, DeployRequest(Selector(model, 2), endpoint, canary=policy), place.caller)


def shares(place: Place, endpoint: str) -> list[tuple[str, int, int]]:
    return sorted(
        (one.role, one.model.version, one.traffic) for one in place.target.endpoints.find(endpoint).deployments
    )


def test_a_canary_that_is_no_good_loses_its_share_and_goes(
    place: Place, tried: str, model: str, tmp_path: Path
) -> None:
    with pytest.raises(CanaryFailedError, match="failed as a canary: 95% of test requests") as caught:
        canary(place, tried, model, max_latency_ms=0.001)
    assert caught.value.details["canary"]["outcome"] == "rolled_back"
    assert shares(place, tried) == [("active", 1, 100)]
    assert answering(place, tried, tmp_path) == 1


def test_a_canary_can_be_left_to_somebody_who_ends_it(place: Place, tried: str, model: str, tmp_path: Path) -> None:
    found = canary(place, tried, model, watch_s=0.0)
    assert found.canary is not None
    assert found.canary.outcome == "undecided"
    assert shares(place, tried) == [("active", 1, 75), ("candidate", 2, 25)]
    assert {answering(place, tried, tmp_path) for _ in range(12)} == {1, 2}
    document = smoke(place, tried)
    assert isinstance(document, dict)
    assert document["passed"] is True
    place.target.endpoints.rollback(tried)
    assert shares(place, tried) == [("active", 1, 100)]
    with pytest.raises(ConflictError, match="has no canary"):
        place.target.endpoints.promote(tried)


def test_a_canary_that_is_promoted_by_hand_takes_over(place: Place, tried: str, model: str, tmp_path: Path) -> None:
    canary(place, tried, model, watch_s=0.0)
    place.target.endpoints.promote(tried)
    assert shares(place, tried) == [("active", 2, 100), ("previous", 1, 0)]
    assert answering(place, tried, tmp_path) == 2
    place.target.endpoints.rollback(tried)


def test_a_good_canary_is_promoted_after_its_watch(place: Place, tried: str, model: str, tmp_path: Path) -> None:
    found = canary(place, tried, model)
    assert found.canary is not None
    assert (found.canary.outcome, found.canary.asked.errors) == ("promoted", 0)
    assert found.canary.asked.requests >= 5
    assert f"25% of the traffic goes to {model}:2" in place.told.lines
    assert shares(place, tried) == [("active", 2, 100), ("previous", 1, 0)]
    assert answering(place, tried, tmp_path) == 2
    assert place.target.endpoints.resume(tried).status == "running"


def test_the_first_model_of_an_endpoint_is_no_canary(place: Place, model: str) -> None:
    name = place.fresh("first")
    assert canary(place, name, model).canary is None
    assert shares(place, name) == [("active", 2, 100)]
    assert "nothing serves yet: the first model gets all the traffic at once" in place.told.lines
    place.target.endpoints.stop(name)


def test_a_model_without_an_int8_form_is_not_served_as_one(place: Place, tried: str, model: str) -> None:
    request = DeployRequest(Selector(model, 2), tried, quantized=True)
    with pytest.raises(BadInputError, match="no int8 form"):
        deploy(place.target, request, place.caller)


def test_a_key_that_was_replaced_is_refused(place: Place, model: str) -> None:
    name, host = place.fresh("keyed"), place.target.endpoints
    access = Access(key=True)
    endpoint = deploy(place.target, DeployRequest(Selector(model, 1), name, access=access), place.caller).endpoint
    assert endpoint.needs_key
    before = host.key(name)
    after = host.rotate_key(name)
    assert before != after == host.key(name)
    assert smoke(place, name)["passed"] is True  # type: ignore[index]
    headers = {"Authorization": f"Bearer {before}", "Content-Type": "image/jpeg"}
    assert send("POST", f"{endpoint.url}/score", photo(COLOURS[0]), headers).status == 401
    host.stop(name)


def test_a_followed_log_goes_on(place: Place, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowerops.targets.azureml.endpoint_upkeep._FOLLOW_S", 0.2)
    lines = place.target.endpoints.follow(endpoint, 1)
    next(lines)
    answering(place, endpoint, tmp_path)
    assert any('"event": "request"' in line for line in itertools.islice(lines, 3))


def test_logs_are_those_of_what_serves(place: Place, endpoint: str, tmp_path: Path) -> None:
    answering(place, endpoint, tmp_path)
    assert '"event": "request"' in place.target.endpoints.logs(endpoint, 30)


def test_an_unknown_endpoint_comes_with_a_hint(place: Place, endpoint: str) -> None:
    with pytest.raises(BadInputError, match="no endpoint") as caught:
        place.target.endpoints.find(endpoint[:-1])
    assert caught.value.hint == f"Did you mean {endpoint!r}?"
