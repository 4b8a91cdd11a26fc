from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flowerops.domain.bundle import VersionRef
from flowerops.domain.deployment import Colour, Deployment, ModelRef
from flowerops.targets.azureml.endpoint_view import PREVIOUS_TAG, base_url, deployment_of, mark_of, observed, tags_of


def ours(colour: Colour, version: int = 1) -> Deployment:
    return Deployment(
        endpoint="flowers",
        colour=colour,
        model=ModelRef(name="m", version=version, digest="d" * 64),
        dataset=VersionRef(name="p", version=2, digest="e" * 64),
        build_id="b-1",
        created=f"2024-05-01T12:00:0{version}.000+00:00",
    )


def theirs(deployment: Deployment, state: str = "Succeeded", **tags: str) -> Any:
    return SimpleNamespace(name=deployment.colour, provisioning_state=state, tags={**tags_of(deployment), **tags})


def endpoint(traffic: dict[str, int], previous: str = "", state: str = "Succeeded") -> Any:
    return SimpleNamespace(
        name="flowers",
        traffic=traffic,
        tags={PREVIOUS_TAG: previous},
        scoring_uri="https://x.test/score",
        provisioning_state=state,
    )


def test_tags_say_everything_about_a_deployment() -> None:
    assert deployment_of("flowers", theirs(ours("blue"))) == ours("blue")


@pytest.mark.parametrize("tags", [{"model_version": "one"}, {"bundle_digest": None}])
def test_a_deployment_of_somebody_else_is_none_of_ours(tags: dict[str, Any]) -> None:
    found = theirs(ours("blue"))
    found.tags = {name: text for name, text in {**found.tags, **tags}.items() if text is not None}
    assert deployment_of("flowers", found) is None
    found = theirs(ours("blue"))
    found.name = "canary"
    assert deployment_of("flowers", found) is None


def test_only_what_had_the_traffic_before_is_the_previous_one() -> None:
    blue, green = ours("blue"), ours("green", 2)
    found = [theirs(blue), theirs(green)]
    seen = observed(endpoint({"green": 100, "blue": 0}, mark_of(blue)), found)
    assert [(one.colour, one.role) for one in seen.deployments] == [("green", "active"), ("blue", "previous")]
    assert (seen.status, seen.active, seen.url) == ("running", "green", "https://x.test")
    newer = observed(endpoint({"green": 100}, mark_of(blue)), [theirs(ours("blue", 3)), theirs(green)])
    assert [(one.colour, one.role) for one in newer.deployments] == [("green", "active"), ("blue", "candidate")]


@pytest.mark.parametrize(
    ("traffic", "state", "status"),
    [
        ({"blue": 100}, "Succeeded", "running"),
        ({"blue": 100}, "Failed", "unhealthy"),
        ({"blue": 100}, "Updating", "unhealthy"),
        ({}, "Succeeded", "unhealthy"),
    ],
)
def test_an_endpoint_runs_when_its_active_deployment_does(traffic: dict[str, int], state: str, status: str) -> None:
    assert observed(endpoint(traffic), [theirs(ours("blue"), state)]).status == status


def test_an_endpoint_without_deployments_has_stopped() -> None:
    assert observed(endpoint({}), []).status == "stopped"
    assert observed(endpoint({"blue": 100}, state="Deleting"), [theirs(ours("blue"))]).status == "stopped"


@pytest.mark.parametrize(("uri", "url"), [("https://a.b/score", "https://a.b"), ("https://a.b/", "https://a.b")])
def test_the_base_of_an_endpoints_url(uri: str, url: str) -> None:
    assert base_url(uri) == url
    assert base_url(None) is None
