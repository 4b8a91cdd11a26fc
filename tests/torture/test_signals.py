"""Torture case 5: SIGTERM in train and SIGINT in register end with their codes, and nothing half is listed."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

from helpers.command import clean_environment, command_line, flowerops
from torture.harness import leftovers, signalled

TRAIN = ("train", "--backbone", "cnn", "--json")


def test_sigterm_in_train_ends_with_143_and_another_train_completes(trained: Path) -> None:
    (before,) = (trained / ".flowerops/runs").glob("*/train-*")
    with subprocess.Popen(
        command_line(*TRAIN, "--epochs", "10000"),
        cwd=trained,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as training:
        assert training.stderr is not None
        assert any(line.startswith("epoch 1/") for line in iter(training.stderr.readline, ""))
        training.send_signal(signal.SIGTERM)
        said = json.loads(training.communicate()[0])
    assert training.returncode == 143, said
    assert said["error"]["code"] == "terminated"
    assert leftovers(trained / ".flowerops") == []
    assert list((trained / ".flowerops/runs").glob("*/train-*")) == [before]
    assert flowerops(*TRAIN, "--epochs", "1", cwd=trained).document["run_id"] != before.parent.name


def test_sigint_in_register_ends_with_130_and_lists_nothing(trained: Path) -> None:
    interrupted = signalled(trained / ".flowerops/bundles", 3, signal.SIGINT)  # while the bundle is copied
    outcome = flowerops("register", "--json", cwd=trained, env=interrupted)
    assert outcome.code == 130, outcome
    assert outcome.document["error"]["code"] == "interrupted"
    assert "Traceback" not in outcome.stderr
    assert leftovers(trained / ".flowerops") == []
    assert list((trained / ".flowerops/bundles").iterdir()) == []
    document = flowerops("register", "--json", cwd=trained).document
    # Had it been listed before, it would exist: a run is registered once.
    assert (document["model"]["version"], document["existed"], document["champion"]) == (1, False, True)
