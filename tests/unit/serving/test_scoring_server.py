from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flowerops.errors import UsageError
from flowerops.io.hashing import SEAL_FILE, sha256_file
from flowerops.io.http import send
from flowerops.serving import requirements
from flowerops.serving.server import API_KEY_VARIABLE, check_bind, is_loopback
from helpers.served import ServerUnderTest, answers, process, wait_until
from helpers.slow_bundle import slow_bundle
from helpers.tiny_bundle import COLOURS, photo

SERVER = "flowerops.serving.server"
NAMED = ("--model-name", "flower_classifier", "--model-version", "3")
DAISY = photo(COLOURS[0])


def arguments(bundle: Path, *more: str) -> tuple[str, ...]:
    return ("--bundle", str(bundle), *NAMED, "--port", "0", *more)


def test_it_serves_says_so_in_json_lines_and_ends_with_0_on_sigterm(tiny_bundle: Path, tmp_path: Path) -> None:
    digest = sha256_file(tiny_bundle / SEAL_FILE)
    with process(SERVER, *arguments(tiny_bundle, "--digest", digest), log=tmp_path / "log") as server:
        url = server.ready()
        answer = send("POST", f"{url}/score", DAISY, {"Content-Type": "image/jpeg", "X-Request-Id": "one"})
        assert (answer.json()["label"], answer.json()["model"]["digest"]) == ("daisy", digest)
        assert "server" not in answer.headers
        assert server.end(signal.SIGTERM) == 0
    assert [line["event"] for line in server.lines()] == ["listening", "ready", "request", "stopped"]
    assert (server.event("request") or {})["request_id"] == "one"
    assert "Traceback" not in server.log.read_text()


def test_ctrl_c_ends_it_with_0(tiny_bundle: Path, tmp_path: Path) -> None:
    with process(SERVER, *arguments(tiny_bundle), log=tmp_path / "log") as server:
        server.ready()
        assert server.end(signal.SIGINT) == 0


def test_told_to_end_it_finishes_the_request_in_flight_and_says_meanwhile_that_it_is_not_ready(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with process(SERVER, *arguments(tiny_bundle), log=tmp_path / "log") as server:
        url = server.ready()
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(
                DAISY
            )
            connection.sendall(head + DAISY[:100])
            assert answers(f"{url}/readyz")
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: answers(f"{url}/readyz", 503), "the server to drain")
            time.sleep(0.4)
            assert answers(f"{url}/readyz", 503)
            connection.sendall(DAISY[100:])
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        assert received.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in received
        assert server.process.wait(10) == 0


def test_a_second_signal_ends_it_though_a_request_hangs(tiny_bundle: Path, tmp_path: Path) -> None:
    with process(SERVER, *arguments(tiny_bundle), log=tmp_path / "log") as server:
        url = server.ready()
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
            assert answers(f"{url}/readyz")
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: answers(f"{url}/readyz", 503), "the server to drain")
            assert server.end(signal.SIGTERM) == 0


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no such signal")
def test_a_retired_server_sends_its_clients_away_until_it_is_wanted_again(tiny_bundle: Path, tmp_path: Path) -> None:
    with process(SERVER, *arguments(tiny_bundle), log=tmp_path / "log") as server:
        url = server.ready()

        def closes() -> bool:
            return send("GET", f"{url}/readyz").headers.get("connection") == "close"

        assert not closes()
        server.process.send_signal(signal.SIGUSR1)
        wait_until(closes, "retirement")
        server.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: not closes(), "the return")


def ended(server: ServerUnderTest) -> tuple[int, dict[str, object]]:
    code = server.process.wait(20)
    return code, server.event("failed") or {}


def test_a_changed_bundle_ends_it_with_5(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    (copy / "MODEL_CARD.md").write_text("changed")
    with process(SERVER, *arguments(copy), log=tmp_path / "log") as server:
        code, said = ended(server)
    assert (code, said["exit_code"], said["code"]) == (5, 5, "integrity")
    assert "Traceback" not in server.log.read_text()


def test_a_missing_bundle_ends_it_with_3(tmp_path: Path) -> None:
    with process(SERVER, *arguments(tmp_path / "nowhere"), log=tmp_path / "log") as server:
        assert ended(server)[0] == 3


def test_a_taken_port_ends_it_with_6_and_is_named(tiny_bundle: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        call = ("--bundle", str(tiny_bundle), *NAMED, "--port", str(port))
        with process(SERVER, *call, log=tmp_path / "log") as server:
            code, said = ended(server)
    assert code == 6
    assert str(port) in str(said["message"])


def test_listening_to_the_network_without_a_key_ends_it_with_2(tiny_bundle: Path, tmp_path: Path) -> None:
    with process(SERVER, *arguments(tiny_bundle, "--host", "0.0.0.0"), log=tmp_path / "log") as server:
        code, said = ended(server)
    assert code == 2
    assert API_KEY_VARIABLE in str(said["hint"])


def test_the_key_comes_from_the_environment_and_shows_neither_in_the_command_line_nor_in_the_log(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    key = {API_KEY_VARIABLE: "very-secret"}
    call = arguments(tiny_bundle, "--host", "0.0.0.0")
    with process(SERVER, *call, log=tmp_path / "log", env=key) as server:
        server.ready()
        url = server.url
        assert send("POST", f"{url}/score", DAISY).status == 401
        assert send("POST", f"{url}/score", DAISY, {"Authorization": "Bearer wrong"}).status == 401
        assert send("POST", f"{url}/score", DAISY, {"Authorization": "Bearer very-secret"}).status == 200
        command = " ".join(psutil.Process(server.process.pid).cmdline())
        assert SERVER in command
        assert "secret" not in command
        server.end()
    assert "secret" not in server.log.read_text()


@pytest.mark.parametrize("key", ["", " ", "a b", "schlüssel", "a\nb"])
def test_what_cannot_stand_in_a_header_is_no_key(key: str) -> None:
    with pytest.raises(UsageError, match="cannot be a key"):
        check_bind("127.0.0.1", key)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)),
        *(("::", False), ("192.168.1.4", False), ("example.org", False), ("localhost.evil.example", False)),
    ],
)
def test_only_loopback_counts_as_private(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    if not loopback:
        with pytest.raises(UsageError):
            check_bind(host, None)
    check_bind(host, "a-key")


def test_while_the_model_loads_it_is_alive_but_not_ready(tiny_bundle: Path, tmp_path: Path) -> None:
    with (
        slow_bundle(tiny_bundle, tmp_path) as (slow, go_on),
        process(SERVER, *arguments(slow), log=tmp_path / "log") as server,
    ):
        url = server.url
        wait_until(lambda: answers(f"{url}/healthz"), "life")
        assert send("GET", f"{url}/readyz").json() == {"status": "loading"}
        assert send("POST", f"{url}/score", DAISY).status == 503
        go_on()
        assert answers(server.ready() + "/readyz")


def test_the_server_loads_nothing_that_it_does_not_need(tiny_bundle: Path) -> None:
    script = f"""
import sys
from pathlib import Path
import flowerops.serving.server, flowerops.serving.lifetime, flowerops.serving.front
from flowerops.serving.scorer import Scorer
Scorer.load(Path({str(tiny_bundle)!r}))
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    unwanted = {"tensorflow", "keras", "mlflow", "pandas", "sklearn", "rich", "typer", "pyarrow", "psutil", "azure"}
    assert "ai_edge_litert" in loaded
    assert not unwanted & loaded


def test_missing_packages_are_named_with_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "SERVER_PACKAGES", ("numpy", "no_such_package"))
    with pytest.raises(UsageError, match="no_such_package") as caught:
        requirements.require_server_packages()
    assert 'pip install "flowerops[serve]"' in (caught.value.hint or "")
