"""Endpoints of this machine over time: keys and their change, the network, a reboot, strays."""

from __future__ import annotations

import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from flowerops.domain.bundle import (
    BUNDLE_FILE,
    GOLDEN_FILE,
    INT8_FILE,
    TFLITE_FILE,
    BundleInfo,
    GoldenSet,
    QuantizedInfo,
)
from flowerops.errors import ConflictError, RemoteError, UsageError
from flowerops.io.http import send
from flowerops.targets.local.deployments import LocalDeployments
from flowerops.targets.local.endpoint_store import EndpointStore
from flowerops.targets.local.processes import boot_mark, daemons_with, free_port, is_alive, start_daemon, stop_all
from flowerops.targets.protocol import Access, StartOptions
from helpers.local_endpoints import DAISY, NAME, deploy, local_deployments, model, state_of, version_that_answers
from helpers.served import answers, wait_until
from helpers.tiny_bundle import reseal


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "endpoints"


@pytest.fixture
def deployments(root: Path) -> Iterator[LocalDeployments]:
    with local_deployments(root) as local:
        yield local


def status_with(url: str | None, key: str | None) -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return send("POST", f"{url}/score", DAISY, headers, timeout_s=60).status


def command_lines(root: Path) -> str:
    records = state_of(root).processes
    return " ".join(word for record in records for word in psutil.Process(record.pid).cmdline())


def test_a_key_is_made_where_it_is_asked_for_and_changes_without_a_restart(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    assert deployments.key(NAME) is None
    with pytest.raises(ConflictError, match="needs no key"):
        deployments.rotate_key(NAME)
    started = deployments.start(NAME, tiny_bundle, model(tiny_bundle, 2), StartOptions(access=Access(key=True)))
    endpoint = deployments.activate(NAME, started)
    key = deployments.key(NAME)
    assert key is not None
    assert len(key) == 43
    assert endpoint.needs_key
    assert (status_with(endpoint.url, None), status_with(endpoint.url, key)) == (401, 200)
    assert deployments.probe(NAME).key == key
    file = EndpointStore(root, NAME).keys.path
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key not in command_lines(root)
    assert not [path for path in root.rglob("*") if path.is_file() and path != file and key in path.read_text()]

    second = deployments.rotate_key(NAME, keep_former=True)
    assert (status_with(endpoint.url, key), status_with(endpoint.url, second)) == (200, 200)
    third = deployments.rotate_key(NAME)
    assert [status_with(endpoint.url, one) for one in (key, second, third)] == [401, 401, 200]
    # The deployment before obeys the same file, though it was started when no key was needed.
    back = deployments.rollback(NAME)
    assert [status_with(back.url, one) for one in (None, third)] == [401, 200]
    file.unlink()
    assert status_with(back.url, third) == 401
    assert status_with(back.url, None) == 401


def test_the_network_needs_a_key_and_gets_one(deployments: LocalDeployments, tiny_bundle: Path, root: Path) -> None:
    port = free_port()
    everywhere = "0.0.0.0"
    with pytest.raises(UsageError, match="everybody on the network"):
        deployments.start(NAME, tiny_bundle, model(tiny_bundle), StartOptions(access=Access(everywhere, key=False)))
    assert not EndpointStore(root, NAME).exists()
    deploy(deployments, tiny_bundle, 1, port)
    started = deployments.start(NAME, tiny_bundle, model(tiny_bundle, 2), StartOptions(access=Access(everywhere)))
    endpoint = deployments.activate(NAME, started, Access(everywhere))
    assert (endpoint.public, endpoint.needs_key, endpoint.port) == (True, True, port)
    assert endpoint.url == f"http://127.0.0.1:{port}"
    assert status_with(endpoint.url, None) == 401
    assert status_with(endpoint.url, deployments.key(NAME)) == 200
    front = state_of(root).front
    assert front is not None
    listening = [one.laddr.ip for one in psutil.Process(front.pid).net_connections() if one.status == "LISTEN"]
    assert listening == [everywhere]
    # The next deploy keeps both, and nobody can take the key away while the network reaches it.
    third = deployments.start(NAME, tiny_bundle, model(tiny_bundle, 3))
    assert deployments.activate(NAME, third).public
    for access in (Access(key=False), Access("127.0.0.1", key=False)):
        with pytest.raises(UsageError, match="everybody on the network"):
            deployments.start(NAME, tiny_bundle, model(tiny_bundle, 4), StartOptions(access=access))
    assert status_with(deployments.find(NAME).url, None) == 401


def test_an_address_that_this_machine_has_not_is_refused(deployments: LocalDeployments, tiny_bundle: Path) -> None:
    deploy(deployments, tiny_bundle, 1)
    access = Access("203.0.113.7")
    started = deployments.start(NAME, tiny_bundle, model(tiny_bundle, 2), StartOptions(access=access))
    with pytest.raises(UsageError, match=r"cannot listen on 203\.0\.113\.7"):
        deployments.activate(NAME, started, replace(access, port=free_port()))
    assert status_with(deployments.find(NAME).url, deployments.key(NAME)) == 200


def test_after_a_reboot_it_says_stopped_and_starts_again_where_it_was(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    deploy(deployments, tiny_bundle, 2)
    before = deployments.find(NAME)
    stop_all(state_of(root).processes, 10)
    assert deployments.find(NAME).status == "stopped"
    after = deployments.resume(NAME)
    assert (after.status, after.url, after.active) == ("running", before.url, before.active)
    assert [(one.role, one.status) for one in after.deployments] == [("active", "running"), ("previous", "stopped")]
    assert version_that_answers(after.url) == 2
    assert deployments.resume(NAME).deployments == after.deployments
    stop_all([state_of(root).current], 10)
    assert deployments.find(NAME).status == "unhealthy"
    assert version_that_answers(deployments.resume(NAME).url) == 2
    deployments.stop(NAME)
    with socket.create_server(("127.0.0.1", before.port or 0)), pytest.raises(ConflictError, match="in use"):
        deployments.resume(NAME)
    assert version_that_answers(deployments.resume(NAME).url) == 2
    assert version_that_answers(deployments.rollback(NAME).url) == 1


def test_a_clock_that_is_set_makes_no_server_a_stranger(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    first = deploy(deployments, tiny_bundle, 1)
    assert first.mark is not None
    assert first.mark == boot_mark(first.pid)
    later = first.model_copy(update={"started": first.started - 3600})
    assert is_alive(later)
    another = first.model_copy(update={"mark": f"{first.mark}0"})
    before_the_reboot = first.model_copy(update={"mark": f"00000000-0000{first.mark[13:]}"})
    assert not is_alive(another)
    assert not is_alive(before_the_reboot)
    assert boot_mark(2**30) is None


def test_a_server_that_hangs_is_replaced(deployments: LocalDeployments, tiny_bundle: Path, root: Path) -> None:
    first = deploy(deployments, tiny_bundle, 1)
    psutil.Process(first.pid).suspend()
    assert deployments.find(NAME).status == "unhealthy"
    with local_deployments(root, grace_s=0.5) as impatient:
        endpoint = impatient.resume(NAME)
        assert endpoint.status == "running"
        assert not is_alive(first)
        assert version_that_answers(endpoint.url) == 1


def test_a_server_that_no_record_names_is_stopped_by_the_next_change(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    store, port = EndpointStore(root, NAME), free_port()
    bundle, log = str(tiny_bundle), store.logs / "00099-green.log"
    arguments = ["--bundle", bundle, "--port", str(port), "--model-name", "m", "--model-version", "9"]
    start_daemon("flowerops.serving.server", [*arguments, "--log", str(log)], log)
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "the stray", 60)
    assert len(daemons_with(store.logs)) == 3
    started = deployments.start(NAME, tiny_bundle, model(tiny_bundle, 2))
    assert not answers(f"http://127.0.0.1:{port}/readyz")
    assert len(daemons_with(store.logs)) == 3
    assert version_that_answers(started.url) == 2
    assert version_that_answers(deployments.find(NAME).url) == 1
    deployments.stop(NAME)
    assert daemons_with(store.logs) == []


def test_an_int8_model_is_served_as_such_also_after_a_new_start(
    deployments: LocalDeployments, tiny_bundle: Path, tmp_path: Path, root: Path
) -> None:
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "int8"))
    with pytest.raises(RemoteError, match="no int8 model"):
        deployments.start(NAME, bundle, model(bundle), StartOptions(quantized=True))
    shutil.copy(bundle / TFLITE_FILE, bundle / INT8_FILE)
    info = BundleInfo.from_json((bundle / BUNDLE_FILE).read_bytes(), BUNDLE_FILE)
    kept = QuantizedInfo(
        accuracy=1, float_accuracy=1, drop=0, max_drop=0.01, kept=True, images=2, bytes=1, float_bytes=1,
        calibration_images=2,
    )  # fmt: skip
    (bundle / BUNDLE_FILE).write_text(info.model_copy(update={"quantized": kept}).to_json())
    golden = GoldenSet.from_json((bundle / GOLDEN_FILE).read_bytes(), GOLDEN_FILE)
    images = [one.model_copy(update={"quantized": one.probabilities}) for one in golden.images]
    (bundle / GOLDEN_FILE).write_text(GoldenSet(images=images).to_json())
    reseal(bundle)
    started = deployments.start(NAME, bundle, model(bundle), StartOptions(quantized=True))
    deployments.activate(NAME, started)
    assert "--quantized" in command_lines(root)
    stop_all([started], 10)
    active = deployments.resume(NAME).deployment("active")
    assert active is not None
    assert active.quantized
    assert "--quantized" in command_lines(root)


def test_who_waits_for_another_deploy_says_so(deployments: LocalDeployments, root: Path, tmp_path: Path) -> None:
    script = """
import sys, time
from pathlib import Path
from flowerops.targets.local.deployments import LocalDeployments
with LocalDeployments(Path(sys.argv[1])).deploying("flowers"):
    print("held", flush=True)
    time.sleep(60)
"""
    told: list[str] = []

    class Told:
        def message(self, text: str) -> None:
            told.append(text)

    with subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        waiting = LocalDeployments(root, progress=Told())  # type: ignore[arg-type]
        with pytest.raises(ConflictError, match=f"locked by process {holder.pid}"), waiting.deploying(NAME, 0.2):
            pass
        assert [f"waiting for process {holder.pid} on" in line for line in told] == [True]
        holder.kill()
    with waiting.deploying(NAME, 10):
        assert len(told) == 1
