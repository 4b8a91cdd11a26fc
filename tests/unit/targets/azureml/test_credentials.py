"""Signing in: a fixed order, a reason for each way that was not taken, and an end in time."""

from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flowerops.errors import CredentialsError
from flowerops.targets.azureml import credentials
from flowerops.targets.azureml.credentials import SIGN_IN_TIMEOUT_S, SignIn

SCOPE = "https://management.azure.com/.default"
TENANT = "22222222-3333-4444-5555-666666666666"
PRINCIPAL = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": "33333333-4444-5555-6666-777777777777"}


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither variables nor an Azure CLI of the machine that runs the tests."""
    for name in os.environ:
        if name.startswith(("AZURE_", "MSI_", "IDENTITY_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path))


def reasons(env: dict[str, str]) -> dict[str, str | None]:
    return {way.name: way.why_not for way in SignIn(env)._ways}


def test_the_order_is_fixed() -> None:
    assert list(reasons({})) == ["environment", "workload identity", "managed identity", "Azure CLI", "browser"]


def test_each_way_that_cannot_work_says_why() -> None:
    assert reasons({}) == {
        "environment": "AZURE_TENANT_ID and AZURE_CLIENT_ID are not set",
        "workload identity": "AZURE_FEDERATED_TOKEN_FILE is not set",
        "managed identity": "this machine has none",
        "Azure CLI": None,
        "browser": "there is no terminal",
    }
    assert reasons(PRINCIPAL)["environment"] == ("neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set")


def test_what_is_set_decides_which_ways_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reasons({**PRINCIPAL, "AZURE_CLIENT_SECRET": "x"})["environment"] is None
    token = tmp_path / "token"
    token.write_text("token")
    federated = {**PRINCIPAL, "AZURE_FEDERATED_TOKEN_FILE": str(token)}
    for name, value in federated.items():  # the packages of Azure look for themselves
        monkeypatch.setenv(name, value)
    assert reasons(federated)["workload identity"] is None
    assert reasons({"MSI_ENDPOINT": "http://127.0.0.1:1/msi"})["managed identity"] is None


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"AZURE_CLIENT_CERTIFICATE_PATH": "nowhere.pem"}, "No such file or directory: 'nowhere.pem'"),
        ({"AZURE_TENANT_ID": "my tenant!", "AZURE_CLIENT_SECRET": "x"}, "Invalid tenant ID"),
    ],
)
def test_wrong_variables_are_a_reason_and_no_crash(
    wrong: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {**PRINCIPAL, **wrong}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert why.lower() in str(reasons(env)["environment"]).lower()
    with pytest.raises(CredentialsError, match="environment: "):
        SignIn(env).get_token(SCOPE)


def test_nobody_can_sign_in_names_everything_that_was_tried() -> None:
    with pytest.raises(CredentialsError) as caught:
        SignIn({}).get_token(SCOPE)
    assert caught.value.exit_code == 8
    assert [said.partition(":")[0] for said in caught.value.details["tried"]] == list(reasons({}))
    assert "Azure CLI: Azure CLI not found on path" in caught.value.message
    assert "browser: there is no terminal" in caught.value.message
    assert "az login" in str(caught.value.hint)


class Way:
    """A credential that counts how often it is asked."""

    def __init__(self, token: str | None) -> None:
        self.asked = 0
        self._token = token

    def get_token(self, *scopes: str, **options: Any) -> Any:
        self.asked += 1
        if self._token is None:
            raise ValueError("not today.\nmore lines")
        return SimpleNamespace(token=self._token)


def sign_in_with(ways: dict[str, Way]) -> SignIn:
    sign_in = SignIn({})
    sign_in._ways = [credentials._Way(name, way) for name, way in ways.items()]
    return sign_in


def test_the_first_way_that_works_is_kept() -> None:
    ways = {"one": Way(None), "two": Way("2"), "three": Way("3")}
    sign_in = sign_in_with(ways)
    assert sign_in.way is None
    assert [sign_in.get_token(SCOPE).token for _ in range(3)] == ["2", "2", "2"]
    assert [way.asked for way in ways.values()] == [1, 3, 0]
    assert sign_in.way == "two"


def test_only_the_first_line_of_a_reason_is_told() -> None:
    with pytest.raises(CredentialsError) as caught:
        sign_in_with({"one": Way(None)}).get_token(SCOPE)
    assert caught.value.message == "nobody could sign in to Azure (one: not today)"


def test_all_ways_together_are_bounded_in_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An identity endpoint that takes connections and never answers, and an Azure CLI that hangs."""
    assert SIGN_IN_TIMEOUT_S < 10
    monkeypatch.setattr(credentials, "SIGN_IN_TIMEOUT_S", 2.0)
    slow = tmp_path / "az"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/msi"
        env = {"MSI_ENDPOINT": url, "MSI_SECRET": "x"}
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        began = time.monotonic()
        with pytest.raises(CredentialsError, match="managed identity: no answer in time") as caught:
            SignIn(env).get_token(SCOPE)
    assert time.monotonic() - began < 4
    assert "Azure CLI: no answer in time" in caught.value.message
