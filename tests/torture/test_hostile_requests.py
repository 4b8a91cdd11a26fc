"""Torture cases 27 to 30: a scoring server as it really runs, and clients that mean it no good."""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from flowerops.io.http import HttpAnswer, NoAnswerError, send
from flowerops.serving.binding import API_KEY_VARIABLE
from helpers.served import ServerUnderTest, process, wait_until
from helpers.tiny_bundle import COLOURS, photo

KEY = "the-very-secret-key"
BEARER = {"Authorization": f"Bearer {KEY}"}
DAISY = photo(COLOURS[0])
MIB = 1024 * 1024
ROOM = 400 * MIB
"""What hostile requests may make the server hold on top: its documented 256 MiB of bodies, and what parsing takes."""


@pytest.fixture(scope="module")
def server(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    call = ("--bundle", str(tiny_bundle), "--model-name", "m", "--model-version", "1", "--port", "0")
    log = tmp_path_factory.mktemp("server") / "log"
    with process("flowerops.serving.server", *call, log=log, env={API_KEY_VARIABLE: KEY}) as server:
        server.ready()
        yield server


def score(server: ServerUnderTest, body: bytes, media_type: str = "image/jpeg", **headers: str) -> HttpAnswer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return send("POST", f"{server.url}/score", body, {"Content-Type": media_type, **BEARER, **given}, timeout_s=60)


def talk(server: ServerUnderTest, *pieces: bytes) -> bytes:
    """Send raw bytes for as long as the server takes them; gives its answer."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except OSError:
            pass  # it has closed; its answer may be there all the same
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except OSError:
            pass
        return received


def memory(server: ServerUnderTest) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


def head(*lines: str) -> bytes:
    common = ["POST /score HTTP/1.1", "Host: x", "Content-Type: application/json", f"Authorization: Bearer {KEY}"]
    return "\r\n".join([*common, *lines, "", ""]).encode()


def test_27_it_listens_to_this_machine_only_and_its_key_shows_nowhere(server: ServerUnderTest) -> None:
    this = psutil.Process(server.process.pid)
    listening = [one.laddr.ip for one in this.net_connections("inet") if one.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}"}):
        answer = send("POST", f"{server.url}/score", DAISY, headers)
        assert answer.status == 401
        assert KEY.encode() not in answer.body
    assert score(server, DAISY).status == 200
    assert KEY not in " ".join(this.cmdline())
    assert KEY not in server.log.read_text()


def test_27_a_public_bind_without_a_key_ends_with_2(tiny_bundle: Path, tmp_path: Path) -> None:
    call = ("--bundle", str(tiny_bundle), "--model-name", "m", "--model-version", "1", "--port", "0")
    with process("flowerops.serving.server", *call, "--host", "0.0.0.0", log=tmp_path / "log") as public:
        assert public.process.wait(60) == 2


def test_28_bodies_without_end_are_cut_off_and_memory_stays_bounded(server: ServerUnderTest) -> None:
    before = memory(server)
    chunk = b"100000\r\n" + bytes(MIB) + b"\r\n"
    bomb = gzip.compress(bytes(300 * MIB), 9)
    shapes = [
        lambda: talk(server, head("Content-Length: 99999999999", "Expect: 100-continue")),
        lambda: talk(server, head("Transfer-Encoding: chunked"), *[chunk] * 60),
        lambda: talk(server, head("Content-Encoding: gzip", f"Content-Length: {len(bomb)}", "Connection: close"), bomb),
    ]
    with ThreadPoolExecutor(6) as clients:
        answers = [clients.submit(shape) for shape in shapes * 2]
        received = [answer.result(120) for answer in answers]
    for answer in received:
        assert answer.startswith(b"HTTP/1.1 413 ") or not answer, answer[:200]  # an answer may drown in what they send
    assert sum(bool(answer) for answer in received) >= 4
    assert memory(server) - before < ROOM
    assert score(server, DAISY).status == 200


def test_28_documents_that_eat_memory_are_refused(server: ServerUnderTest) -> None:
    before = memory(server)
    for body in (b'{"data": [' + b"[]," * (6 * MIB) + b"[]]}", b"[" * (19 * MIB), b'{"data": [' + b"{}," * (6 * MIB)):
        assert score(server, body, "application/json").status == 400
    assert memory(server) - before < ROOM


def test_29_two_hundred_at_once_are_answered_or_told_to_come_back_while_health_answers(
    server: ServerUnderTest,
) -> None:
    pixels = base64.b64encode(photo(COLOURS[1], 3000, 2000)).decode()
    body = json.dumps({"images": [pixels] * 4}).encode()

    def ask(_: int) -> HttpAnswer | None:
        try:
            return score(server, body, "application/json")
        except NoAnswerError:  # refused while it was sending, and so without its answer
            return None

    with ThreadPoolExecutor(200) as clients:
        asked = [clients.submit(ask, number) for number in range(200)]
        wait_until(lambda: any(one.done() for one in asked), "the first answer", 120)
        assert send("GET", f"{server.url}/healthz", timeout_s=60).status == 200
        answers = [one.result(240) for one in asked]
    statuses = [answer.status for answer in answers if answer]
    assert set(statuses) <= {200, 429, 503}
    assert 200 in statuses
    assert any(status != 200 for status in statuses)
    assert all(answer.headers["retry-after"] for answer in answers if answer and answer.status != 200)
    assert score(server, DAISY).status == 200


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        *((b"{", "application/json"), (b"[" * 100_000, "application/json"), (b'{"a":' * 100_000, "application/json")),
        *((b"\xff" * 99, "application/json"), (b"9" * 100_000, "application/json"), (b"", "application/json")),
        *((b'{"image": "%%%"}', "application/json"), (b'{"images": ["YQ="]}', "application/json")),
        *((b"--x", "multipart/form-data; boundary=x"), (b"", "multipart/form-data; boundary=" + "x" * 4000)),
        *((b"\x1f\x8b\x08\x00 cut off", ""), (b"MZ" + bytes(99), "application/octet-stream")),
    ],
)
def test_30_nonsense_gets_a_400_with_a_request_id_and_nothing_of_the_servers_inside(
    server: ServerUnderTest, body: bytes, media_type: str
) -> None:
    answer = score(server, body, media_type, X_Request_Id="nonsense-1")
    assert answer.status == 400, answer.body
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "nonsense-1"
    assert not re.search(rb"Traceback|File |/home|/usr|/tmp|site-packages|\.py", answer.body)


def test_30_after_all_that_the_log_has_a_line_for_each_request_and_no_traceback(server: ServerUnderTest) -> None:
    text = server.log.read_text()
    assert "Traceback" not in text
    assert KEY not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["event"] for line in lines} >= {"listening", "ready", "request"}
    assert all(len(json.dumps(line)) < 2000 for line in lines)
