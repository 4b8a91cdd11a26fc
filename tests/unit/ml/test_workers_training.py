"""Several processes, or several devices of one, train what one would have trained alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowerops.errors import RemoteError
from flowerops.ml.checkpoint_place import checkpoints_in
from flowerops.targets.local.processes import free_port

TESTS = Path(__file__).parents[2]
KINDS = ("head", "cnn", "fine-tune")
BOUND_S = 120.0
"""A worker that is alone notices it within half a minute; machines that run tests are slow."""

Result = Mapping[str, Any]


def start(kinds: str, folder: Path, devices: int, worker: int, ports: list[int], dies_in: int = 0) -> Any:
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    task = {"type": "worker", "index": worker}
    variables = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})} if len(ports) > 1 else {}
    log = (folder / f"log-{worker}").open("w")
    return subprocess.Popen(
        [sys.executable, "-m", "helpers.workers", kinds, str(folder), str(devices), str(dies_in)],
        env={**os.environ, "PYTHONPATH": str(TESTS), **variables},
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def together(kinds: str, folder: Path, workers: int = 1, devices: int = 1, dies_in: int = 0) -> list[int]:
    """Let so many workers train; gives their exit codes. With `dies_in`, the last one kills itself in that epoch."""
    folder.mkdir(exist_ok=True)
    ports = [free_port() for _ in range(workers)]
    running = [
        start(kinds, folder, devices, index, ports, dies_in if index == workers - 1 else 0) for index in range(workers)
    ]
    end = time.monotonic() + BOUND_S * 2
    try:
        return [process.wait(end - time.monotonic()) for process in running]
    finally:
        for process in running:
            process.kill()


def results(folder: Path, kind: str, workers: int = 1) -> list[Result]:
    return [dict(np.load(folder / f"{kind}-{index}.npz")) for index in range(workers)]


def logs(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("log-*")))


def assert_close(one: Result, other: Result) -> None:
    assert one.keys() == other.keys()
    for name in one.keys() - {"read", "computed", "cached", "resumed"}:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-4, atol=1e-4, err_msg=name)
    # Losses agree in all of float32's digits but the last: a gradient of another scale, which Adam hides, would not.
    np.testing.assert_allclose(one["loss"], other["loss"], rtol=1e-6)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    assert together(",".join(KINDS), folder) == [0], logs(folder)
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    assert together(",".join(KINDS), folder, workers=2) == [0, 0], logs(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_two_workers_give_the_model_of_one(kind: str, alone: Path, pair: Path) -> None:
    expected = results(alone, kind)[0]
    for found in results(pair, kind, workers=2):
        assert_close(found, expected)


def test_each_worker_computes_features_of_its_share_only(alone: Path, pair: Path) -> None:
    images = int(results(alone, "head")[0]["computed"])
    found = results(pair, "head", workers=2)
    assert [int(result["computed"]) for result in found] == [images, images]
    read = [int(result["read"]) for result in found]
    assert sum(read) == images
    assert min(read) > images / 4


def test_two_devices_of_one_process_give_the_model_of_one(alone: Path, tmp_path: Path) -> None:
    assert together("head,cnn", tmp_path, devices=2) == [0], logs(tmp_path)
    for kind in ("head", "cnn"):
        assert_close(results(tmp_path, kind)[0], results(alone, kind)[0])


def test_a_worker_that_dies_ends_the_others_and_all_go_on_from_the_chiefs_checkpoint(
    alone: Path, tmp_path: Path
) -> None:
    begun = time.monotonic()
    chief, other = together("head", tmp_path, workers=2, dies_in=2)
    assert time.monotonic() - begun < BOUND_S, logs(tmp_path)
    assert (chief, other) == (RemoteError.exit_code, -9), logs(tmp_path)
    assert "worker 0 of 2 lost the others" in (tmp_path / "log-0").read_text()
    assert checkpoints_in(tmp_path / "checkpoints-head")
    assert together("head", tmp_path, workers=2) == [0, 0], logs(tmp_path)
    found = results(tmp_path, "head", workers=2)
    assert [int(result["resumed"]) >= 1 for result in found] == [True, True]
    for result in found:
        assert_close(result, results(alone, "head")[0])
