from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowerops.io.atomic import atomic_write
from flowerops.io.http import NoAnswerError, send
from flowerops.serving import front as front_module
from flowerops.serving.routes import Routes, read_routes
from helpers.scripted_server import ScriptedServer, Talk, reply, scripted_server
from helpers.served import ServerUnderTest, process, wait_until

FRONT = "flowerops.serving.front"


def switch(state: Path, server: ScriptedServer | None, colour: str = "green") -> None:
    deployments = {colour: {"port": server.port}} if server else {}
    atomic_write(state, json.dumps({"active": colour, "deployments": deployments}))


@contextlib.contextmanager
def front(state: Path) -> Iterator[tuple[ServerUnderTest, str]]:
    with process(FRONT, "--state", str(state), "--port", "0", log=state.with_suffix(".log")) as running:
        yield running, running.url


def connected(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def until_closed(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def test_bytes_go_through_unchanged_in_both_directions(tmp_path: Path) -> None:
    body = os.urandom(3_000_000)

    def echo(connection: socket.socket, head: bytes) -> None:
        data = head.partition(b"\r\n\r\n")[2]
        while len(data) < len(body):
            data += connection.recv(65536)
        reply(body=data)(connection, head)

    with scripted_server(echo) as server:
        switch(tmp_path / "state.json", server)
        with front(tmp_path / "state.json") as (_, url):
            assert send("POST", f"{url}/score", body).body == body


def test_a_slow_reader_does_not_make_the_front_swallow_the_whole_answer(tmp_path: Path) -> None:
    sent = [0]

    def pour(connection: socket.socket, _: bytes) -> None:
        while True:
            connection.settimeout(1)
            sent[0] += connection.send(bytes(65536))

    with scripted_server(pour) as server:
        switch(tmp_path / "state.json", server)
        with front(tmp_path / "state.json") as (running, url), connected(url) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            wait_until(lambda: sent[0] > 0, "the answer to begin")
            time.sleep(0.5)
            before = sent[0]
            time.sleep(0.2)
            assert sent[0] == before
            memory = Path(f"/proc/{running.process.pid}/status").read_text()
            assert int(memory.partition("VmRSS:")[2].split()[0]) < 60_000


def test_a_switch_takes_the_next_connection_and_leaves_the_one_in_flight_alone(tmp_path: Path) -> None:
    state, asked, go_on = tmp_path / "state.json", threading.Event(), threading.Event()

    def slow(connection: socket.socket, head: bytes) -> None:
        asked.set()
        assert go_on.wait(10)
        reply(body=b"old")(connection, head)

    with scripted_server(slow) as old, scripted_server(reply(body=b"new")) as new:
        switch(state, old, "blue")
        with front(state) as (_, url), ThreadPoolExecutor(1) as threads:
            in_flight = threads.submit(send, "GET", url)
            assert asked.wait(10)
            switch(state, new, "green")
            assert send("GET", url).body == b"new"
            go_on.set()
            assert in_flight.result(10).body == b"old"
            assert send("GET", url).body == b"new"


def test_no_request_is_refused_while_the_traffic_is_switched_to_and_fro(tmp_path: Path) -> None:
    state, answers, stop = tmp_path / "state.json", [], threading.Event()
    with scripted_server(reply(body=b"blue")) as blue, scripted_server(reply(body=b"green")) as green:
        switch(state, blue, "blue")
        with front(state) as (_, url):

            def ask() -> None:
                while not stop.is_set():
                    answers.append(send("GET", url).body)

            clients = [threading.Thread(target=ask) for _ in range(4)]
            for client in clients:
                client.start()
            for turn in range(60):
                switch(state, *((green, "green") if turn % 2 else (blue, "blue")))
            wait_until(lambda: len(answers) > 200, "some traffic")
            stop.set()
            for client in clients:
                client.join(10)
    assert set(answers) == {b"blue", b"green"}


@pytest.mark.parametrize("what", ["nobody listens", "no deployment", "no state", "a damaged state"])
def test_without_a_deployment_the_answer_is_a_503_in_json(tmp_path: Path, what: str) -> None:
    state = tmp_path / "state.json"
    if what == "nobody listens":
        with scripted_server(reply()) as gone:
            switch(state, gone)
    elif what == "no deployment":
        switch(state, None)
    elif what == "a damaged state":
        state.write_text('{"active": "green", "depl')
    with front(state) as (_, url):
        answer = send("POST", f"{url}/score", bytes(300_000))
        assert (answer.status, answer.json()["error"]["code"]) == (503, "no_deployment")
        assert answer.headers["retry-after"] == "1"


def test_the_whole_answer_arrives_though_the_server_closes_while_the_client_still_sends(tmp_path: Path) -> None:
    refusal: Talk = reply("413 Too Large", body=b"too large" * 1000)
    with scripted_server(refusal) as server:
        switch(tmp_path / "state.json", server)
        with front(tmp_path / "state.json") as (_, url), connected(url) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
            for _ in range(5):
                time.sleep(0.1)
                connection.sendall(bytes(100_000))
            received = until_closed(connection)
    assert received.startswith(b"HTTP/1.1 413")
    assert received.endswith(b"too large")


def test_a_deployment_that_is_gone_a_moment_after_the_look_at_the_state_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_server(reply()) as gone:
        pass
    with scripted_server(reply(body=b"here")) as server:
        routes = iter([Routes(gone.port), Routes(server.port)])
        monkeypatch.setattr(front_module, "read_routes", lambda _: next(routes))

        async def ask() -> bytes:
            front = front_module.Front(tmp_path / "state.json")
            listener = await asyncio.get_running_loop().create_server(front.accept, "127.0.0.1", 0)
            async with listener:
                url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
                return (await asyncio.to_thread(send, "GET", url)).body

        assert asyncio.run(ask()) == b"here"


def test_a_server_that_hangs_up_closes_the_clients_connection(tmp_path: Path) -> None:
    with scripted_server(lambda connection, _: None) as server:
        switch(tmp_path / "state.json", server)
        with front(tmp_path / "state.json") as (_, url), pytest.raises(NoAnswerError):
            send("GET", url)


def test_a_client_that_leaves_closes_the_servers_connection(tmp_path: Path) -> None:
    left = threading.Event()

    def wait(connection: socket.socket, _: bytes) -> None:
        if not connection.recv(1):
            left.set()

    with scripted_server(wait) as server:
        switch(tmp_path / "state.json", server)
        with front(tmp_path / "state.json") as (_, url):
            with connected(url) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
                wait_until(lambda: len(server.requests) == 1, "the request")
            assert left.wait(10)


def test_told_to_end_it_finishes_the_connections_in_flight_and_takes_no_new_ones(tmp_path: Path) -> None:
    go_on = threading.Event()

    def slow(connection: socket.socket, head: bytes) -> None:
        assert go_on.wait(10)
        reply(body=b"done")(connection, head)

    with scripted_server(slow) as server:
        switch(tmp_path / "state.json", server)
        with front(tmp_path / "state.json") as (running, url), ThreadPoolExecutor(1) as threads:
            in_flight = threads.submit(send, "GET", url)
            wait_until(lambda: len(server.requests) == 1, "the request")
            running.process.terminate()

            def refuses() -> bool:
                try:
                    connected(url).close()
                except ConnectionRefusedError:
                    return True
                return False

            wait_until(refuses, "the port to close")
            go_on.set()
            assert in_flight.result(10).body == b"done"
            assert running.process.wait(10) == 0


def test_a_taken_port_ends_it_with_6(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        call = ("--state", str(tmp_path / "state.json"), "--port", str(taken.getsockname()[1]))
        with process(FRONT, *call, log=tmp_path / "log") as running:
            assert running.process.wait(10) == 6
            assert (running.event("failed") or {})["code"] == "conflict"


def test_the_routes_come_from_the_state_of_the_active_colour_and_the_candidate(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    ports = '"deployments": {"blue": {"port": 7}, "green": {"port": 8}}'
    state.write_text(f'{{"active": "blue", {ports}}}')
    assert read_routes(state) == Routes(7)
    state.write_text(f'{{"active": "blue", {ports}, "candidate": {{"port": 9}}, "candidate_share": 0}}')
    assert read_routes(state) == Routes(7)
    state.write_text(f'{{"active": "blue", {ports}, "candidate": {{"port": 9}}, "candidate_share": 25}}')
    assert read_routes(state) == Routes(7, 9, 25)
    assert [list(read_routes(state).order(place)) for place in (24, 25)] == [[9, 7], [7]]
    state.write_text('{"active": null, "deployments": {"blue": {"port": 7}}}')
    assert read_routes(state) == Routes()


def share(state: Path, active: ScriptedServer, canary: ScriptedServer, percent: int) -> None:
    document = {"active": "blue", "deployments": {"blue": {"port": active.port}}}
    atomic_write(state, json.dumps({**document, "candidate": {"port": canary.port}, "candidate_share": percent}))


def test_a_canary_gets_its_share_of_the_requests(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with scripted_server(reply(body=b"old")) as old, scripted_server(reply(body=b"new")) as new:
        share(state, old, new, 10)
        with front(state) as (_, url):
            answers = [send("POST", url, bytes(100_000)).body for _ in range(100)]
            share(state, old, new, 50)
            halves = [send("GET", url).body for _ in range(20)]
    assert answers.count(b"new") == 10
    assert b"new" in answers[:20]
    assert 5 < halves.count(b"new") < 15


def test_the_same_request_goes_to_the_same_deployment_every_time(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with scripted_server(reply(body=b"old")) as old, scripted_server(reply(body=b"new")) as new:
        share(state, old, new, 50)
        with front(state) as (_, url):
            seen = {
                name: {send("GET", url, headers={"X-Request-ID": name}).body for _ in range(5)}
                for name in ("a", "b", "c", "d", "e", "f")
            }
    assert all(len(bodies) == 1 for bodies in seen.values())
    assert {body for bodies in seen.values() for body in bodies} == {b"old", b"new"}


def test_a_canary_that_is_gone_costs_no_answer(tmp_path: Path) -> None:
    with scripted_server(reply()) as gone:
        pass
    with scripted_server(reply(body=b"old")) as old:
        share(tmp_path / "state.json", old, gone, 50)
        with front(tmp_path / "state.json") as (_, url):
            assert {send("GET", url).body for _ in range(20)} == {b"old"}


def test_beside_a_canary_slow_and_half_closed_clients_are_served_whole(tmp_path: Path) -> None:
    def echo(connection: socket.socket, head: bytes) -> None:
        data = head
        while chunk := connection.recv(65536):
            data += chunk
        connection.sendall(b"got " + data)

    with scripted_server(echo) as old, scripted_server(echo) as new:
        share(tmp_path / "state.json", old, new, 50)
        with front(tmp_path / "state.json") as (_, url):
            for _ in range(4):
                with connected(url) as connection:
                    for piece in (b"POST / HTTP", b"/1.1\r\nX-Request", b"-Id: 7\r\n\r", b"\nthe body"):
                        connection.sendall(piece)
                        time.sleep(0.02)
                    connection.shutdown(socket.SHUT_WR)
                    assert until_closed(connection) == b"got POST / HTTP/1.1\r\nX-Request-Id: 7\r\n\r\nthe body"
                with connected(url) as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    connection.shutdown(socket.SHUT_WR)
                    assert until_closed(connection) == b"got GET / HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("keys", [None, "{}", '{"key": null}', "broken"])
def test_it_does_not_listen_to_the_network_without_a_key(tmp_path: Path, keys: str | None) -> None:
    key_file = tmp_path / "keys.json"
    if keys is not None:
        key_file.write_text(keys)
    call = ("--state", str(tmp_path / "s.json"), "--host", "0.0.0.0", "--port", "0", "--keys", str(key_file))
    with process(FRONT, *call, log=tmp_path / "log") as running:
        assert running.process.wait(60) == 2
        assert "without a key" in (running.event("failed") or {})["message"]


def test_the_front_needs_the_standard_library_only() -> None:
    script = (
        "import sys; before = set(sys.modules); import flowerops.serving.front; print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    assert tops - set(sys.stdlib_module_names) == {"flowerops"}
