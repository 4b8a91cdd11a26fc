"""Torture case 32: without credentials and without a network a command ends soon, with 8, and asks nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from helpers.command import Outcome, clean_environment, command_line

LIMIT_S = 10.0
"""For a process with a core of its own; on a busy machine it gets as much longer as others are in its way."""
WORKSPACE = {"SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000001", "RESOURCE_GROUP": "r", "WORKSPACE_NAME": "w"}
PRINCIPAL = {
    "AZURE_TENANT_ID": "22222222-3333-4444-5555-666666666666",
    "AZURE_CLIENT_ID": "33333333-4444-5555-6666-777777777777",
    "AZURE_CLIENT_SECRET": "the-secret",
}


def soon() -> float:
    return LIMIT_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.fixture(scope="module")
def no_network() -> list[str]:
    """What to put before a command line to cut it off."""
    options = ["-n"] if os.geteuid() == 0 else ["-Urn"]
    if shutil.which("unshare") is None:
        pytest.skip("cutting off the network needs unshare (Debian: util-linux)")
    if subprocess.run(["unshare", *options, "true"], capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")
    return ["unshare", *options]


def cut_off(no_network: list[str], folder: Path, *arguments: str, **env: str) -> tuple[Outcome, float]:
    ours = {name: text for name, text in clean_environment().items() if not name.startswith(("AZURE_", "MSI_"))}
    began = time.monotonic()
    done = subprocess.run(
        [*no_network, *command_line(*arguments, "--target", "azureml")],
        cwd=folder,
        env={**ours, **WORKSPACE, **env, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout, done.stderr), time.monotonic() - began


@pytest.mark.parametrize("command", [("data", "list"), ("runs", "list"), ("deploy",)], ids=" ".join)
def test_without_credentials_it_ends_soon_and_names_what_was_tried(
    no_network: list[str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    outcome, seconds = cut_off(no_network, tmp_path, *command, "--json")
    assert outcome.code == 8, outcome
    error = outcome.document["error"]
    for way in ("environment: ", "workload identity: ", "managed identity: ", "Azure CLI: ", "browser: "):
        assert way in error["message"]
    assert "az login" in error["hint"]
    assert "Traceback" not in outcome.stderr
    assert seconds < soon()


def test_with_credentials_that_nobody_can_check_it_ends_soon_too(no_network: list[str], tmp_path: Path) -> None:
    outcome, seconds = cut_off(no_network, tmp_path, "data", "list", **PRINCIPAL)
    assert outcome.code == 8, outcome
    assert "environment: " in outcome.stderr
    assert "the-secret" not in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert outcome.stdout == ""
    assert seconds < soon()


def test_a_photo_folder_is_not_even_read_before_the_sign_in_failed(no_network: list[str], tmp_path: Path) -> None:
    (tmp_path / "photos/daisy").mkdir(parents=True)
    outcome, seconds = cut_off(no_network, tmp_path, "run", "--data-folder", "photos", "--json")
    assert outcome.code == 8, outcome
    assert seconds < soon()
