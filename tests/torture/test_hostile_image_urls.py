"""Torture cases 33 and 34: what servers of test images may do to a smoke test, on public addresses of a net of its own.

The network namespace has no way out; its loopback device has two addresses of the public internet, so that nothing of
the fetch has to be told to look away.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.command import clean_environment

_PUBLIC, _OTHER = "93.184.215.14", "93.184.215.15"
_PROGRAM = """
import json, socket, sys, threading, time
from flowerops.errors import FlowerOpsError
from flowerops.services.smoke_cases import cases_from_images

public, other, allowed = sys.argv[1], sys.argv[2], sys.argv[3] == "allowed"
count = {}

def answer(connection, path):
    count[path] = count.get(path, 0) + 1
    def say(status, body=b"", **headers):
        lines = [f"HTTP/1.1 {status}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.sendall("\\r\\n".join(lines).encode() + b"\\r\\n\\r\\n" + body)
    if path == "/image":
        say("200 OK", b"JPEG", Content_Length=4)
    elif path.startswith("/to/"):
        say("302 Found", Location=path[4:], Content_Length=0)
    elif path == "/busy" and count[path] < 3:
        say("503 Busy", Content_Length=0, Retry_After=0)
    elif path == "/patient" and count[path] < 2:
        say("503 Busy", Content_Length=0, Retry_After=86400)
    elif path in ("/busy", "/patient"):
        say("200 OK", b"JPEG", Content_Length=4)
    elif path in ("/401", "/404"):
        say(path[1:] + " No", Content_Length=0)
    elif path == "/short":
        say("200 OK", b"JPEG", Content_Length=4000)
    elif path == "/huge":
        say("200 OK", Content_Length=10**12)
    elif path == "/endless":
        say("200 OK")
        while True:
            connection.sendall(bytes(1 << 20))

def serve(address, port):
    listener = socket.create_server((address, port))
    def loop():
        while True:
            connection, _ = listener.accept()
            def talk(connection=connection):
                with connection:
                    try:
                        head = connection.recv(65536).decode()
                        answer(connection, head.split()[1])
                    except OSError:
                        pass
            threading.Thread(target=talk, daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()

for address in (public, other, "127.0.0.1"):
    serve(address, 80)
said = {}
for path in sys.argv[4:]:
    began = time.monotonic()
    try:
        (case,) = cases_from_images([f"http://{public}{path}"], ["daisy"], allow_private=allowed)
        said[path] = {"got": case.data.decode()}
    except FlowerOpsError as error:
        said[path] = {"code": error.exit_code, "message": error.message}
    said[path] |= {"asked": count.get(path, 0), "seconds": time.monotonic() - began}
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def public_net() -> list[str]:
    """What to put before a command line so that it has the two addresses, and nothing else."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("a network of one's own needs unshare and ip (Debian: util-linux, iproute2)")
    options = "-n" if os.geteuid() == 0 else "-Urn"
    addresses = " && ".join(f"ip addr add {one}/32 dev lo" for one in (_PUBLIC, _OTHER))
    prefix = ["unshare", options, "sh", "-c", f'ip link set lo up && {addresses} && exec "$@"', "sh"]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")
    return prefix


def fetched(public_net: list[str], *paths: str, allowed: bool = False) -> dict[str, Any]:
    arguments = [_PUBLIC, _OTHER, "allowed" if allowed else "public", *paths]
    done = subprocess.run(
        [*public_net, sys.executable, "-c", _PROGRAM, *arguments],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_redirects_lead_to_public_addresses_only(public_net: list[str], tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    inside = ("/to/http://169.254.169.254/latest/meta-data/", "/to/http://127.0.0.1/image")
    file = f"/to/file://{tmp_path}/secret.jpg"
    outside = ("/image", f"/to/http://{_OTHER}/image", f"/to/http://{_OTHER}/to/http://{_PUBLIC}/image")
    said = fetched(public_net, *inside, file, *outside)
    for path in inside:
        assert (said[path]["code"], "not a public address" in said[path]["message"]) == (3, True), said[path]
    assert said[file]["code"] == 3
    assert "http" in said[file]["message"]
    assert [said[path].get("got") for path in outside] == ["JPEG"] * 3


def test_private_addresses_need_to_be_allowed_and_files_never_are(public_net: list[str], tmp_path: Path) -> None:
    file = f"/to/file://{tmp_path}/secret.jpg"
    said = fetched(public_net, "/to/http://127.0.0.1/image", file, allowed=True)
    assert said["/to/http://127.0.0.1/image"]["got"] == "JPEG"
    assert said[file]["code"] == 3


def test_what_is_busy_is_asked_again_and_what_is_refused_is_not(public_net: list[str]) -> None:
    said = fetched(public_net, "/busy", "/patient", "/401", "/404")
    assert (said["/busy"]["got"], said["/busy"]["asked"]) == ("JPEG", 3)
    assert (said["/patient"]["got"], said["/patient"]["asked"]) == ("JPEG", 2)
    assert said["/patient"]["seconds"] < 120  # it was told to wait for a day
    for path in ("/401", "/404"):
        assert (said[path]["code"], said[path]["asked"]) == (7, 1)


def test_bodies_are_whole_or_nothing_and_bounded(public_net: list[str]) -> None:
    said = fetched(public_net, "/short", "/huge", "/endless")
    assert "got" not in said["/short"]
    assert (said["/huge"]["code"], said["/endless"]["code"]) == (3, 3)
