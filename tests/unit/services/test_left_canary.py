"""A canary whose watch was killed keeps its share of the traffic; the next deploy says what becomes of it."""

from __future__ import annotations

import pytest

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import VersionRef
from flowerops.domain.deployment import Endpoint, ModelRef, ObservedDeployment, Role
from flowerops.domain.names import Selector
from flowerops.domain.progress import SilentProgress
from flowerops.services.deploy import DeployRequest, _possible_canary
from flowerops.services.pipeline import Caller


class Told(SilentProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


def deployment(role: Role, version: int, traffic: int) -> ObservedDeployment:
    return ObservedDeployment(
        endpoint="flowers",
        colour="blue" if role == "active" else "green",
        model=ModelRef(name="m", version=version, digest="d" * 64),
        dataset=VersionRef(name="p", version=2, digest="e" * 64),
        build_id=None,
        created="2024-05-01T12:00:00+00:00",
        role=role,
        status="running",
        traffic=traffic,
    )


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (20, ["the canary m:2 still had 20% of the traffic, and nobody watches it any more: it makes way"]),
        (0, []),
    ],
)
def test_the_next_deploy_says_that_a_canary_was_left(share: int, said: list[str]) -> None:
    deployments = [deployment("active", 1, 100 - share), deployment("candidate", 2, share)]
    endpoint = Endpoint(name="flowers", url=None, status="running", active="blue", deployments=deployments)
    told = Told()
    caller = Caller(BuildInfo(kind="laptop", id="tester@laptop"), CodeInfo(), told)
    _possible_canary(endpoint, DeployRequest(Selector("m"), "flowers"), caller)
    assert told.lines == said
