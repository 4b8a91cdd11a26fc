"""A canary on this machine: a share of the traffic beside the active deployment, then all of it or none."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowerops.errors import ConflictError
from flowerops.io.http import send
from flowerops.targets.local.deployments import LocalDeployments
from flowerops.targets.local.endpoint_state import LocalDeployment
from flowerops.targets.local.processes import is_alive, stop_all
from helpers.local_endpoints import DAISY, NAME, deploy, local_deployments, model, state_of, version_that_answers
from helpers.served import wait_until


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "endpoints"


@pytest.fixture
def deployments(root: Path) -> Iterator[LocalDeployments]:
    with local_deployments(root) as local:
        yield local


def canary(deployments: LocalDeployments, bundle: Path, version: int, percent: int) -> LocalDeployment:
    started = deployments.start(NAME, bundle, model(bundle, version))
    deployments.split(NAME, started, percent)
    return started


def versions(deployments: LocalDeployments, count: int) -> list[int]:
    url = deployments.find(NAME).url
    return [version_that_answers(url) for _ in range(count)]


def test_a_canary_gets_its_share_and_then_everything(deployments: LocalDeployments, tiny_bundle: Path) -> None:
    first = deploy(deployments, tiny_bundle, 1)
    second = canary(deployments, tiny_bundle, 2, 25)
    counter = deployments.requests_of(NAME, second)
    assert versions(deployments, 40).count(2) == 10
    endpoint = deployments.find(NAME)
    shares = [(one.role, one.model.version, one.traffic) for one in endpoint.deployments]
    assert shares == [("active", 1, 75), ("candidate", 2, 25)]
    assert endpoint.canary is not None

    def counted() -> bool:
        counter.look()
        return len(counter.times_ms) == 10

    wait_until(counted, "the canary's log", 60)
    assert counter.errors == 0

    assert deployments.promote(NAME).canary is None
    assert set(versions(deployments, 10)) == {2}
    assert is_alive(first)
    assert version_that_answers(deployments.rollback(NAME).url) == 1
    with pytest.raises(ConflictError, match="has no canary"):
        deployments.promote(NAME)


def test_a_kept_alive_client_takes_part_in_the_split(deployments: LocalDeployments, tiny_bundle: Path) -> None:
    deploy(deployments, tiny_bundle, 1)
    port = deployments.find(NAME).port
    request = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(DAISY) + DAISY
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        assert b"connection: close" not in connection.recv(65536).lower()
        started = canary(deployments, tiny_bundle, 2, 50)
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert b"connection: close" in received.lower()
    deployments.discard(NAME, started)
    url = deployments.find(NAME).url
    wait_until(lambda: "connection" not in send("GET", f"{url}/healthz").headers, "connections to be kept again", 60)


def test_rollback_ends_a_canary_and_leaves_the_way_back_as_it_was(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    deploy(deployments, tiny_bundle, 2)
    third = canary(deployments, tiny_bundle, 3, 50)
    endpoint = deployments.rollback(NAME)
    assert not is_alive(third)
    assert [(one.role, one.model.version, one.traffic) for one in endpoint.deployments] == [
        ("active", 2, 100),
        ("previous", 1, 0),
    ]
    assert set(versions(deployments, 10)) == {2}
    with pytest.raises(ConflictError, match="somebody else"):
        deployments.activate(NAME, third)
    assert version_that_answers(deployments.rollback(NAME).url) == 1
    assert state_of(root).candidate is None


def test_a_killed_canary_costs_no_answer_and_is_not_promoted(deployments: LocalDeployments, tiny_bundle: Path) -> None:
    deploy(deployments, tiny_bundle, 1)
    started = canary(deployments, tiny_bundle, 2, 50)
    stop_all([started], 10)
    assert set(versions(deployments, 10)) == {1}
    with pytest.raises(ConflictError, match="does not run"):
        deployments.promote(NAME)
    assert deployments.find(NAME).deployment("candidate").status == "stopped"  # type: ignore[union-attr]
    deploy(deployments, tiny_bundle, 3)
    assert set(versions(deployments, 5)) == {3}


def test_there_is_no_canary_without_something_beside_it(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    started = deployments.start(NAME, tiny_bundle, model(tiny_bundle))
    with pytest.raises(ConflictError, match="somebody else"):
        deployments.split(NAME, started, 10)
    assert state_of(root).front is None
