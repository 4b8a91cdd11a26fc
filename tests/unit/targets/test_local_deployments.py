from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flowerops.errors import BadInputError, ConflictError, RemoteError, StoreIntegrityError, UsageError
from flowerops.io.http import NoAnswerError, send
from flowerops.targets.local import launch
from flowerops.targets.local.deployments import LocalDeployments
from flowerops.targets.local.endpoint_state import EndpointState, LocalDeployment, ServerProcess
from flowerops.targets.local.endpoint_store import EndpointStore
from flowerops.targets.local.processes import free_port, is_alive, port_is_taken, send_signal, start_daemon, stop_all
from flowerops.targets.protocol import Access, Machines, StartOptions
from helpers.local_endpoints import DAISY, NAME, deploy, local_deployments, model, state_of, version_that_answers
from helpers.scripted_server import hang_up, scripted_server
from helpers.served import wait_until
from helpers.slow_bundle import slow_bundle
from helpers.tiny_bundle import reseal


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "endpoints"


@pytest.fixture
def deployments(root: Path) -> Iterator[LocalDeployments]:
    with local_deployments(root, ready_timeout_s=20, grace_s=5) as local:
        yield local


def deploy_script(root: Path, bundle: Path) -> str:
    return f"""
from pathlib import Path
from flowerops.domain.deployment import ModelRef
from flowerops.targets.local.deployments import LocalDeployments
local = LocalDeployments(Path({str(root)!r}))
ref = ModelRef(name="m", version=1, digest={model(bundle).digest!r})
local.activate({NAME!r}, local.start({NAME!r}, Path({str(bundle)!r}), ref))
"""


def test_a_started_deployment_is_ready_but_has_no_traffic(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    started = deployments.start(NAME, tiny_bundle, model(tiny_bundle))
    assert version_that_answers(started.url) == 1
    assert (started.colour, started.dataset.name, started.build_id) == ("blue", "tiny", "tester@laptop")
    endpoint = deployments.find(NAME)
    assert (endpoint.active, endpoint.url, endpoint.status) == (None, None, "unhealthy")
    assert [(one.role, one.status) for one in endpoint.deployments] == [("candidate", "running")]
    assert state_of(root).candidate == started


def test_the_next_version_takes_over_on_the_same_port_and_the_one_before_stays(
    deployments: LocalDeployments, tiny_bundle: Path
) -> None:
    port = free_port()
    started = deployments.start(NAME, tiny_bundle, model(tiny_bundle), StartOptions(access=Access(port=port)))
    endpoint = deployments.activate(NAME, started, Access(port=port))
    assert (endpoint.url, endpoint.status, endpoint.active) == (f"http://127.0.0.1:{port}", "running", "blue")
    assert version_that_answers(endpoint.url) == 1
    with pytest.raises(ConflictError, match=f"port {port} is in use"):
        deployments.choose_port("other", port)

    deploy(deployments, tiny_bundle, 2, port)
    endpoint = deployments.find(NAME)
    assert endpoint.port == port
    assert version_that_answers(endpoint.url) == 2
    roles = [(one.role, one.colour, one.model.version, one.status) for one in endpoint.deployments]
    assert roles == [("active", "green", 2, "running"), ("previous", "blue", 1, "running")]


def test_the_oldest_of_three_is_stopped_and_rollback_goes_to_and_fro_between_the_other_two(
    deployments: LocalDeployments, tiny_bundle: Path
) -> None:
    first, second, third = (deploy(deployments, tiny_bundle, version) for version in (1, 2, 3))
    assert [is_alive(one) for one in (first, second, third)] == [False, True, True]
    assert version_that_answers(deployments.find(NAME).url) == 3
    assert version_that_answers(deployments.rollback(NAME).url) == 2
    assert version_that_answers(deployments.rollback(NAME).url) == 3


def test_rollback_starts_the_previous_one_again_when_it_no_longer_runs(
    deployments: LocalDeployments, tiny_bundle: Path
) -> None:
    first = deploy(deployments, tiny_bundle, 1)
    deploy(deployments, tiny_bundle, 2)
    candidate = deployments.start(NAME, tiny_bundle, model(tiny_bundle, 3))
    stop_all([first], 5)
    endpoint = deployments.rollback(NAME)
    assert not is_alive(candidate)
    assert version_that_answers(endpoint.url) == 1
    assert [one.status for one in endpoint.deployments] == ["running", "running"]


def test_after_a_reboot_the_state_reads_as_stopped_and_rollback_and_deploy_work(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    deploy(deployments, tiny_bundle, 2)
    state = state_of(root)
    stop_all([state.front, *state.deployments.values()], 5)
    assert deployments.find(NAME).status == "stopped"
    assert version_that_answers(deployments.rollback(NAME).url) == 1
    deploy(deployments, tiny_bundle, 3)
    assert version_that_answers(deployments.find(NAME).url) == 3


def test_the_only_deployment_can_neither_be_rolled_back_nor_discarded(
    deployments: LocalDeployments, tiny_bundle: Path
) -> None:
    first = deploy(deployments, tiny_bundle, 1)
    with pytest.raises(ConflictError, match="no earlier deployment"):
        deployments.rollback(NAME)
    with pytest.raises(ConflictError, match="took traffic"):
        deployments.discard(NAME, first)
    assert version_that_answers(deployments.find(NAME).url) == 1


def test_a_discarded_deployment_is_gone_and_the_serving_one_stays(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    green = deployments.start(NAME, tiny_bundle, model(tiny_bundle, 2))
    deployments.discard(NAME, green)
    assert not is_alive(green)
    assert state_of(root).candidate is None
    assert version_that_answers(deployments.find(NAME).url) == 1
    with pytest.raises(ConflictError, match="somebody else"):
        deployments.activate(NAME, green)


def test_a_server_left_behind_by_a_killed_deploy_is_on_record_and_stopped_by_the_next(
    deployments: LocalDeployments, tiny_bundle: Path, tmp_path: Path, root: Path
) -> None:
    with slow_bundle(tiny_bundle, tmp_path) as (slow, _):
        killed = subprocess.Popen([sys.executable, "-c", deploy_script(root, slow)])
        wait_until(lambda: state_of(root).candidate is not None, "the server's start")
        killed.kill()
        killed.wait()
        abandoned = state_of(root).candidate
        assert is_alive(abandoned)
        LocalDeployments(root, grace_s=0.2).start(NAME, tiny_bundle, model(tiny_bundle, 2))
        assert not is_alive(abandoned)


def test_a_front_is_on_record_before_it_is_waited_for(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[ServerProcess | None] = []
    waits = launch.Launcher._await_listening

    def looks(self: launch.Launcher, front: ServerProcess) -> None:
        recorded.append(state_of(root).front)
        waits(self, front)

    monkeypatch.setattr(launch.Launcher, "_await_listening", looks)
    deploy(deployments, tiny_bundle, 1)
    assert recorded == [state_of(root).front]
    assert is_alive(recorded[0])


def test_a_candidate_that_was_overtaken_by_a_rollback_gets_no_traffic(
    deployments: LocalDeployments, tiny_bundle: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    deploy(deployments, tiny_bundle, 2)
    candidate = deployments.start(NAME, tiny_bundle, model(tiny_bundle, 3))
    deployments.rollback(NAME)
    with pytest.raises(ConflictError, match="somebody else"):
        deployments.activate(NAME, candidate)
    assert version_that_answers(deployments.find(NAME).url) == 1
    deployments.discard(NAME, candidate)


def test_requests_go_on_without_a_single_failure_while_versions_change(
    deployments: LocalDeployments, tiny_bundle: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    url, stop, seen, failures = deployments.find(NAME).url, threading.Event(), [], []

    def ask() -> None:
        while not stop.is_set():
            try:
                seen.append(version_that_answers(url))
            except Exception as error:
                failures.append(error)

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    for version in (2, 3):
        deploy(deployments, tiny_bundle, version)
    deployments.rollback(NAME)
    stop.set()
    for client in clients:
        client.join(10)
    assert failures == []
    assert set(seen) == {1, 2, 3}


def test_a_kept_alive_client_is_sent_to_the_new_version_by_its_next_answer(
    deployments: LocalDeployments, tiny_bundle: Path
) -> None:
    port = free_port()
    deploy(deployments, tiny_bundle, 1, port)
    request = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(DAISY) + DAISY
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        assert b"connection: close" not in connection.recv(65536).lower()
        deploy(deployments, tiny_bundle, 2)
        received = b""
        connection.sendall(request)
        while chunk := connection.recv(65536):
            received += chunk
    assert b"connection: close" in received.lower()
    url = deployments.find(NAME).url
    assert version_that_answers(url) == 2
    deployments.rollback(NAME)
    wait_until(lambda: "connection" not in send("GET", f"{url}/healthz").headers, "the first one to take clients again")
    assert version_that_answers(url) == 1


def test_stop_ends_the_front_and_all_deployments(deployments: LocalDeployments, tiny_bundle: Path, root: Path) -> None:
    deploy(deployments, tiny_bundle, 1)
    deploy(deployments, tiny_bundle, 2)
    before = state_of(root)
    endpoint = deployments.stop(NAME)
    assert endpoint.status == "stopped"
    assert not any(is_alive(one) for one in [before.front, *before.deployments.values()])
    with pytest.raises(NoAnswerError):
        send("GET", f"{endpoint.url}/healthz")
    assert deployments.stop(NAME).status == "stopped"


def test_a_killed_server_shows_as_unhealthy_and_clients_get_a_503(
    deployments: LocalDeployments, tiny_bundle: Path
) -> None:
    first = deploy(deployments, tiny_bundle, 1)
    psutil.Process(first.pid).kill()
    psutil.wait_procs([psutil.Process(first.pid)], timeout=5)
    endpoint = deployments.find(NAME)
    assert (endpoint.status, [one.status for one in endpoint.deployments]) == ("unhealthy", ["stopped"])
    assert send("POST", f"{endpoint.url}/score", DAISY).status == 503


def test_a_dead_front_shows_as_unhealthy_and_the_next_deploy_brings_it_back(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    url = deployments.find(NAME).url
    stop_all([state_of(root).front], 5)
    assert deployments.find(NAME).status == "unhealthy"
    deploy(deployments, tiny_bundle, 2)
    assert deployments.find(NAME).url == url
    assert version_that_answers(url) == 2


def test_another_port_moves_the_endpoint(deployments: LocalDeployments, tiny_bundle: Path, root: Path) -> None:
    deploy(deployments, tiny_bundle, 1, free_port())
    old_front = state_of(root).front
    port = free_port()
    deploy(deployments, tiny_bundle, 2, port)
    assert deployments.find(NAME).port == port
    assert version_that_answers(deployments.find(NAME).url) == 2
    assert old_front is not None
    psutil.wait_procs([psutil.Process(old_front.pid)] if psutil.pid_exists(old_front.pid) else [], timeout=5)
    assert not is_alive(old_front)


def test_a_taken_port_is_refused_before_anything_is_started(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConflictError, match=f"port {port} is in use"):
            deployments.start(NAME, tiny_bundle, model(tiny_bundle), StartOptions(access=Access(port=port)))
    assert not root.exists()


def test_a_port_that_is_taken_at_the_last_moment_leaves_the_traffic_where_it_is(
    deployments: LocalDeployments, tiny_bundle: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    green = deployments.start(NAME, tiny_bundle, model(tiny_bundle, 2))
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConflictError, match="in use"):
        deployments.activate(NAME, green, Access(port=taken.getsockname()[1]))
    assert version_that_answers(deployments.find(NAME).url) == 1
    assert is_alive(green)


def test_a_free_port_that_is_taken_at_the_last_moment_is_passed_over(
    deployments: LocalDeployments, tiny_bundle: Path
) -> None:
    chosen = deployments.choose_port(NAME, None)
    assert chosen is not None
    blue = deployments.start(NAME, tiny_bundle, model(tiny_bundle))
    with contextlib.ExitStack() as taken:
        with contextlib.suppress(OSError):  # another test took it in the same moment, which is as good
            taken.enter_context(socket.create_server(("127.0.0.1", chosen)))
        endpoint = deployments.activate(NAME, blue)
        assert endpoint.port is not None
        assert endpoint.port > chosen
        assert version_that_answers(endpoint.url) == 1


@pytest.mark.parametrize("port", [0, -1, 65536, 10**9])
def test_a_port_that_cannot_be_is_a_usage_error(deployments: LocalDeployments, port: int) -> None:
    with pytest.raises(UsageError, match="no port"):
        deployments.choose_port(NAME, port)


def test_a_broken_model_never_takes_traffic_and_its_last_words_are_in_the_error(
    deployments: LocalDeployments, tiny_bundle: Path, tmp_path: Path, root: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    broken = Path(shutil.copytree(tiny_bundle, tmp_path / "broken"))
    (broken / "model.tflite").write_bytes(b"not a model")
    reseal(broken)
    with pytest.raises(RemoteError, match="ended before it was ready: not a LiteRT model") as caught:
        deployments.start(NAME, broken, model(broken, 2))
    assert any("not a LiteRT model" in line for line in caught.value.details["log"])
    assert state_of(root).candidate is None
    assert version_that_answers(deployments.find(NAME).url) == 1


def test_a_server_that_is_not_ready_in_time_is_stopped(tiny_bundle: Path, tmp_path: Path, root: Path) -> None:
    deployments = LocalDeployments(root, ready_timeout_s=1.0, grace_s=0.5)
    with slow_bundle(tiny_bundle, tmp_path) as (slow, _):
        with pytest.raises(RemoteError, match=r"not ready within 1 s"):
            deployments.start(NAME, slow, model(slow))
        state = state_of(root)
        assert state.candidate is None
        assert not [one for one in psutil.process_iter(["cmdline"]) if str(slow) in (one.info["cmdline"] or [])]


def test_a_lost_race_for_the_free_port_is_run_again(
    deployments: LocalDeployments, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_server(hang_up) as taken:
        ports = iter([taken.port, free_port()])
        monkeypatch.setattr(launch, "free_port", lambda: next(ports))
        assert version_that_answers(deployments.start(NAME, tiny_bundle, model(tiny_bundle)).url) == 1


def test_ctrl_c_while_waiting_leaves_no_process_behind(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[LocalDeployment] = []

    def interrupted(deployment: LocalDeployment, timeout_s: float) -> bool:
        started.append(deployment)
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "is_ready", interrupted)
    with pytest.raises(KeyboardInterrupt):
        deployments.start(NAME, tiny_bundle, model(tiny_bundle))
    assert not is_alive(started[0])
    assert state_of(root).candidate is None


def test_a_deployment_survives_the_process_that_started_it_and_its_ctrl_c(
    tiny_bundle: Path, root: Path, deployments: LocalDeployments
) -> None:
    subprocess.run([sys.executable, "-c", deploy_script(root, tiny_bundle)], check=True, timeout=60)
    state = state_of(root)
    for record in (state.current, state.front):
        assert record is not None
        assert os.getsid(record.pid) == record.pid
    assert version_that_answers(deployments.find(NAME).url) == 1


def test_two_deploys_at_once_come_one_after_the_other(deployments: LocalDeployments) -> None:
    second = deployments.deploying(NAME, timeout_s=0.1)
    with deployments.deploying(NAME), pytest.raises(ConflictError, match="deploying to endpoint flowers is locked"):
        second.__enter__()
    with deployments.deploying(NAME, timeout_s=0.1), deployments.deploying("other", timeout_s=0.1):
        pass


def test_the_key_reaches_the_server_and_only_there(tiny_bundle: Path, root: Path) -> None:
    deployments = LocalDeployments(root, api_key="very-secret")
    try:
        deploy(deployments, tiny_bundle, 1)
        url = deployments.find(NAME).url
        assert send("POST", f"{url}/score", DAISY).status == 401
        assert send("POST", f"{url}/score", DAISY, {"Authorization": "Bearer very-secret"}).status == 200
        holders = [path for path in root.rglob("*") if path.is_file() and "very-secret" in path.read_text()]
        assert [(path.name, path.stat().st_mode & 0o777) for path in holders] == [("keys.json", 0o600)]
    finally:
        deployments.stop(NAME)


def test_logs_are_those_of_the_active_deployment_and_old_ones_are_cleared_away(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    deploy(deployments, tiny_bundle, 1)
    send("POST", f"{deployments.find(NAME).url}/score", DAISY, {"X-Request-Id": "look-for-me"})
    wait_until(lambda: "look-for-me" in deployments.logs(NAME, 5), "the log line")
    assert len(deployments.logs(NAME, 2).splitlines()) == 2
    assert deployments.logs(NAME, 0) == ""
    logs = root / NAME / "logs"
    for number in range(20):
        (logs / f"00000-old{number:02d}.log").write_text("old")
    deploy(deployments, tiny_bundle, 2)
    kept = {path.name for path in logs.iterdir()}
    assert {"00001-blue.log", "00002-front.log", "00003-green.log"} <= kept
    assert len(kept) <= 12


@pytest.mark.parametrize("name", ["../x", "/etc", "a", "Flowers", "1st", "a_b", "x" * 33, "%2e%2e", "a\n", ""])
def test_names_that_are_no_endpoint_names_are_refused_and_create_nothing(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="endpoint name"):
        deployments.start(name, tiny_bundle, model(tiny_bundle))
    assert not root.exists()


def test_an_unknown_endpoint_gets_the_nearest_name_as_a_hint(deployments: LocalDeployments, root: Path) -> None:
    EndpointStore(root, NAME).save(EndpointState(name=NAME))
    for call in (deployments.find, deployments.stop, deployments.rollback, deployments.logs):
        with pytest.raises(BadInputError, match="no endpoint 'flower'") as caught:
            call("flower")
        assert "flowers" in (caught.value.hint or "")


def test_a_missing_bundle_starts_nothing(deployments: LocalDeployments, tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no model bundle"):
        deployments.start(NAME, tmp_path / "nowhere", model(tiny_bundle))
    assert deployments.all() == []


def test_a_damaged_state_file_is_named(deployments: LocalDeployments, root: Path) -> None:
    (root / NAME).mkdir(parents=True)
    (root / NAME / "state.json").write_text('{"name": 5')
    with pytest.raises(StoreIntegrityError, match=r"state\.json"):
        deployments.find(NAME)
    shutil.rmtree(root)


def test_a_pid_that_was_given_out_again_is_neither_alive_nor_signalled(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        started = psutil.Process(bystander.pid).create_time()
        gone = ServerProcess(pid=bystander.pid, started=started - 60, port=1, log="")
        same = ServerProcess(pid=bystander.pid, started=started, port=1, log="")
        assert (is_alive(gone), is_alive(same)) == (False, True)
        send_signal(gone, "SIGTERM")
        stop_all([gone, None], 0.1)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    assert not is_alive(same)


def test_a_process_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    log = tmp_path / "logs" / "log"
    pid, started = start_daemon("stubborn", [], log, {"PYTHONPATH": str(tmp_path)})
    record = ServerProcess(pid=pid, started=started, port=1, log=str(log))
    while "deaf" not in log.read_text():
        assert is_alive(record)
    stop_all([record], 0.2)
    assert not is_alive(record)


def test_relative_search_paths_still_mean_the_same_for_a_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "greeter.py").write_text("print('hello', flush=True)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "lib")
    log = tmp_path / "elsewhere" / "log"
    pid, started = start_daemon("greeter", [], log, {})
    record = ServerProcess(pid=pid, started=started, port=1, log=str(log))
    psutil.wait_procs([psutil.Process(pid)] if is_alive(record) else [], timeout=10)
    assert log.read_text() == "hello\n"


def test_a_daemon_is_no_left_over_of_the_job_that_started_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agents of CI systems end what carries the job's mark when the job is over."""
    marks = ("RUNNER_TRACKING_ID", "VSTS_PROCESS_LOOKUP_ID", "JENKINS_NODE_COOKIE")
    for name in (*marks, "OURS"):
        monkeypatch.setenv(name, "job-1")
    (tmp_path / "teller.py").write_text("import os; print(*sorted(os.environ), flush=True)")
    log = tmp_path / "logs" / "log"
    pid, started = start_daemon("teller", [], log, {"PYTHONPATH": str(tmp_path)})
    record = ServerProcess(pid=pid, started=started, port=1, log=str(log))
    psutil.wait_procs([psutil.Process(pid)] if is_alive(record) else [], timeout=60)
    seen = log.read_text().split()
    assert "OURS" in seen
    assert not set(marks) & set(seen)


def test_a_listening_port_is_taken_and_a_free_one_is_not() -> None:
    port = free_port()
    assert not port_is_taken(port)
    with socket.create_server(("127.0.0.1", port)):
        assert port_is_taken(port)
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        assert port_is_taken(everywhere.getsockname()[1])


def test_a_deleted_endpoint_leaves_no_trace_and_its_name_is_free(
    deployments: LocalDeployments, tiny_bundle: Path, root: Path
) -> None:
    started = deploy(deployments, tiny_bundle, 1)
    assert deployments.delete(NAME).status == "stopped"
    assert not is_alive(started)
    assert deployments.all() == []
    with pytest.raises(BadInputError):
        deployments.find(NAME)
    deploy(deployments, tiny_bundle, 2)
    assert version_that_answers(deployments.find(NAME).url) == 2


def test_a_probe_leads_to_one_deployment_or_to_the_endpoint(deployments: LocalDeployments, tiny_bundle: Path) -> None:
    started = deployments.start(NAME, tiny_bundle, model(tiny_bundle))
    assert deployments.probe(NAME, started).url == started.url
    with pytest.raises(RemoteError, match="serves nothing"):
        deployments.probe(NAME)
    endpoint = deployments.activate(NAME, started)
    assert deployments.probe(NAME).url == endpoint.url


def test_other_machines_cannot_be_had(deployments: LocalDeployments, tiny_bundle: Path) -> None:
    with pytest.raises(UsageError, match="this machine only"):
        deployments.start(NAME, tiny_bundle, model(tiny_bundle), StartOptions(Machines(count=2)))


def test_a_state_that_an_earlier_version_stored_is_read(tiny_bundle: Path, root: Path) -> None:
    process = {"pid": 1, "started": 2.0, "port": 3, "log": "/tmp/x.log"}
    reference = {"name": "m", "version": 1, "digest": "d" * 64}
    stored = {
        "endpoint": NAME,
        "colour": "blue",
        "model": reference,
        "dataset": {**reference, "name": "p"},
        "build_id": "b",
        "bundle": "/tmp/bundle",
        "created": "2024-05-01T12:00:00+00:00",
    }
    document = {"name": NAME, "port": 3, "active": "blue", "deployments": {"blue": {**process, **stored}}}
    state = EndpointState.from_json(json.dumps(document), "state.json")
    assert state.current is not None
    assert (state.current.pid, state.current.bundle) == (1, "/tmp/bundle")
