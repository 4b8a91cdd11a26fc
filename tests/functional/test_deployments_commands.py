"""deploy, deployments and smoketest as commands: a canary, keys, logs that are followed, a crash and a new start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from flowerops.targets.local.processes import free_port
from flowerops.targets.local.target import LocalTarget
from helpers.command import clean_environment, flowerops
from helpers.served import wait_until
from helpers.tiny_bundle import COLOURS, photo

MODEL = "flower_classifier"
_INTERRUPTIBLE = """
import signal, sys
from flowerops.cli.app import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what it puts into the background deaf to it
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def place(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two versions of a model, the first of which serves."""
    folder = tmp_path_factory.mktemp("deployments")
    models = LocalTarget(folder / ".flowerops").models
    for _ in range(2):
        models.register(MODEL, tiny_bundle, "run-1", {})
    models.set_champion(MODEL, 1)
    (folder / "a.jpg").write_bytes(photo(COLOURS[1]))
    try:
        assert ok(folder, "deploy", "--port", str(free_port()))["model"]["version"] == 1
        yield folder
    finally:
        flowerops("deployments", "stop", cwd=folder)


def ok(place: Path, *arguments: str) -> dict[str, Any]:
    outcome = flowerops(*arguments, "--json", cwd=place)
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    return outcome.document


def listed(place: Path) -> list[tuple[str, int, int, str]]:
    (endpoint,) = ok(place, "deployments", "list")["items"]
    return sorted(
        (one["role"], one["model"]["version"], one["traffic"], one["status"]) for one in endpoint["deployments"]
    )


def test_a_slow_canary_is_rolled_back_with_10(place: Path) -> None:
    terms = ("--traffic", "10", "--watch", "10", "--max-latency-ms", "1")
    outcome = flowerops("deploy", "--model", f"{MODEL}:2", *terms, "--json", cwd=place)
    assert outcome.code == 10, outcome
    error = outcome.document["error"]
    assert (error["code"], error["canary"]["outcome"]) == ("canary_failed", "rolled_back")
    assert "(at most 1 ms)" in error["message"]
    assert listed(place) == [("active", 1, 100, "running")]


def test_a_canary_is_left_to_us_and_promoted(place: Path) -> None:
    planned = ok(place, "deploy", "--model", f"{MODEL}:2", "--traffic", "10", "--dry-run")
    assert planned["canary"]["percent"] == 10
    said = flowerops("deploy", "--model", f"{MODEL}:2", "--traffic", "10", "--watch", "0", cwd=place)
    assert said.code == 0, said
    assert "has 10% of the traffic" in said.stdout
    assert "flowerops deployments promote flowers" in said.stdout
    assert listed(place) == [("active", 1, 90, "running"), ("candidate", 2, 10, "running")]
    assert ok(place, "deployments", "promote", "--dry-run")["dry_run"] is True
    ok(place, "deployments", "promote")
    assert listed(place) == [("active", 2, 100, "running"), ("previous", 1, 0, "running")]
    assert flowerops("deployments", "promote", cwd=place).code == 6
    ok(place, "deployments", "rollback")


def test_terms_without_a_canary_and_two_addresses_are_usage_errors(place: Path) -> None:
    for wrong in (("--watch", "3"), ("--traffic", "51"), ("--public", "--host", "127.0.0.1"), ("--public", "--no-key")):
        assert flowerops("deploy", *wrong, cwd=place).code == 2
    assert listed(place)[0] == ("active", 1, 100, "running")


def test_a_killed_server_and_front_come_back_with_start(place: Path) -> None:
    state = json.loads((place / ".flowerops/endpoints/flowers/state.json").read_text())
    for record in (state["front"], *state["deployments"].values()):
        os.kill(record["pid"], signal.SIGKILL)
    wait_until(lambda: {one[3] for one in listed(place)} == {"stopped"}, "the ends", 60)
    assert flowerops("smoketest", cwd=place).code == 10
    assert ok(place, "deployments", "start")["status"] == "running"
    document = ok(place, "smoketest", "--load", "0.5")
    assert document["load"]["errors"] == 0
    assert document["classes"]["untested"] == []


def test_logs_are_followed_until_ctrl_c(place: Path) -> None:
    out = place / "followed.txt"
    with out.open("wb") as stream:
        following = subprocess.Popen(
            [sys.executable, "-c", _INTERRUPTIBLE, "deployments", "logs", "-n", "1", "-f"],
            cwd=place,
            env=clean_environment(),
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: out.stat().st_size > 0, "the last line", 120)
        ok(place, "predict", "a.jpg", "--endpoint", "flowers")
        wait_until(lambda: '"event": "request"' in out.read_text().partition("\n")[2], "the next line", 120)
        following.send_signal(signal.SIGINT)
        assert following.wait(60) == 0
    finally:
        following.kill()
        following.wait()
    assert "error" not in out.read_text()
    assert flowerops("deployments", "logs", "-f", "--json", cwd=place).code == 2


def test_a_key_is_asked_for_used_and_replaced(place: Path) -> None:
    assert flowerops("deployments", "key", cwd=place).code == 6
    deployed = ok(place, "deploy", "--key")
    assert deployed["needs_key"] is True
    key = flowerops("deployments", "key", cwd=place).stdout.strip()
    assert key not in json.dumps(deployed)
    assert ok(place, "predict", "a.jpg", "--endpoint", "flowers")["predictions"][0]["label"] == "roses"
    assert "missing and wrong key are refused" in [check["name"] for check in ok(place, "smoketest")["checks"]]
    replaced = ok(place, "deployments", "key", "--rotate")
    assert replaced["key"] != key
    request = Request(f"{deployed['url']}/score", photo(COLOURS[0]), {"Authorization": f"Bearer {key}"})
    with pytest.raises(HTTPError, match="401"):
        urlopen(request, timeout=60)
    assert ok(place, "smoketest")["passed"] is True
    assert ok(place, "deploy", "--no-key")["needs_key"] is False
    assert flowerops("deployments", "key", "--keep-old", cwd=place).code == 2
