"""Torture case 31: an endpoint is told to end, meets a broken model or a taken port, while a request is under way."""

from __future__ import annotations

import json
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flowerops.errors import ConflictError, RemoteError
from flowerops.io.http import send
from flowerops.targets.local.deployments import LocalDeployments
from flowerops.targets.local.processes import free_port, is_alive
from flowerops.targets.protocol import Access, StartOptions
from helpers.local_endpoints import DAISY, NAME, deploy, local_deployments, model, state_of, version_that_answers
from helpers.served import answers, wait_until
from helpers.tiny_bundle import reseal


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalDeployments]:
    with local_deployments(tmp_path / "endpoints") as found:
        yield found


class HalfARequest:
    """A request of which the endpoint has the head and half of the photo."""

    def __init__(self, port: int | None) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port or 0), timeout=60)
        head = b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(DAISY)
        self._connection.sendall(head + DAISY[:100])

    def finished(self) -> tuple[int, dict]:  # type: ignore[type-arg]
        """Send the rest; gives status and document of the answer."""
        received = b""
        with self._connection as connection:
            connection.sendall(DAISY[100:])
            while chunk := connection.recv(65536):
                received += chunk
        head, _, body = received.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


def test_a_server_told_to_end_finishes_its_request_says_503_and_ends_with_0(
    local: LocalDeployments, tiny_bundle: Path, tmp_path: Path
) -> None:
    first = deploy(local, tiny_bundle, 1)
    wait_until(lambda: answers(f"{first.url}/readyz"), "the server", 60)
    under_way = HalfARequest(local.find(NAME).port)
    process = psutil.Process(first.pid)
    wait_until(lambda: len(process.net_connections()) > 1, "the request to arrive", 60)
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: answers(f"{first.url}/readyz", 503), "the server to say that it ends", 60)
    status, document = under_way.finished()
    assert (status, document["label"]) == (200, "daisy")
    assert process.wait(60) in (0, None)  # None: the system does not say, it is no child of this process
    assert '"exit_code": 0' in local.logs(NAME, 3)
    assert send("POST", f"{local.find(NAME).url}/score", DAISY).status == 503


def test_a_stop_lets_the_request_through_the_front_finish(local: LocalDeployments, tiny_bundle: Path) -> None:
    deploy(local, tiny_bundle, 1)
    under_way = HalfARequest(local.find(NAME).port)
    state = state_of(local._root)
    assert state.front is not None
    psutil.Process(state.front.pid).send_signal(signal.SIGTERM)
    status, document = under_way.finished()
    assert (status, document["model"]["version"]) == (200, 1)
    wait_until(lambda: not is_alive(state.front), "the front to end", 60)


def test_a_broken_model_and_a_taken_port_leave_the_old_model_serving(
    local: LocalDeployments, tiny_bundle: Path, tmp_path: Path
) -> None:
    deploy(local, tiny_bundle, 1)
    url = local.find(NAME).url
    broken = Path(shutil.copytree(tiny_bundle, tmp_path / "broken"))
    (broken / "model.tflite").write_bytes(b"not a model")
    reseal(broken)
    with pytest.raises(RemoteError, match="not a LiteRT model"):
        local.start(NAME, broken, model(broken, 2))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConflictError, match=f"port {port} is in use"):
            local.start(NAME, tiny_bundle, model(tiny_bundle, 2), StartOptions(access=Access(port=port)))
    started = local.start(NAME, tiny_bundle, model(tiny_bundle, 2))
    with socket.create_server(("127.0.0.1", free_port())) as taken, pytest.raises(ConflictError, match="in use"):
        local.activate(NAME, started, Access(port=taken.getsockname()[1]))
    local.discard(NAME, started)
    assert version_that_answers(url) == 1
    assert [(one.role, one.status) for one in local.find(NAME).deployments] == [("active", "running")]
