"""flowerops doctor with a workspace: sign-in, clock, roles, storage, cluster and quota, each with what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml.entities import AmlCompute

from azure_emulator import Emulator, Fault
from azure_emulator.subscription import COMPUTE_OPERATOR, DATA_SCIENTIST, READER
from helpers.azure_toys import client
from helpers.command import flowerops


def examined(azure: Emulator, folder: Path, **env: str) -> tuple[int, dict[str, dict[str, Any]]]:
    variables = {**azure.environment(), "FLOWEROPS_COMPUTE": "nobody-made-it", **env}
    done = flowerops("doctor", "--target", "azureml", "--json", cwd=folder, env=variables)
    return done.code, {finding["check"]: finding for finding in done.document["findings"]}


def test_a_workspace_that_is_ready(azure: Emulator, tmp_path: Path) -> None:
    code, found = examined(azure, tmp_path)
    assert code == 0, found
    assert found["credentials"]["found"] == "signed in by environment"
    assert "secret" not in str(found["credentials"]).lower()
    assert found["workspace"]["found"] == "ws-flowers in westeurope"
    assert found["quota"]["facts"] == {"used": 0, "limit": 100, "cores_of_a_machine": 4}
    assert found["clock"]["verdict"] == "ok"
    assert "does not exist yet" in found["compute"]["found"]
    assert all(finding["to_do"] for finding in found.values() if finding["verdict"] != "ok")


@pytest.mark.parametrize(
    ("least", "verdict", "said"),
    [(0, "ok", "STANDARD_DS3_V2, 0 to 2 machines"), (1, "note", "1 of them cost money while nothing runs")],
)
def test_a_cluster_that_is_there(azure: Emulator, tmp_path: Path, least: int, verdict: str, said: str) -> None:
    cluster = AmlCompute(name=f"there-{least}", size="Standard_DS3_v2", min_instances=least, max_instances=2)
    with azure.here():
        client(azure).compute.begin_create_or_update(cluster).result()
    code, found = examined(azure, tmp_path, FLOWEROPS_COMPUTE=cluster.name)
    assert (code, found["compute"]["verdict"]) == (0, verdict)
    assert said in found["compute"]["found"]


@pytest.mark.parametrize(
    ("env", "check", "said"),
    [
        ({"AZURE_CLIENT_SECRET": "wrong"}, "credentials", "nobody could sign in"),
        ({"WORKSPACE_NAME": "ws-nowhere"}, "workspace", "it is not there"),
        ({"FLOWEROPS_COMPUTE_SIZE": "Standard_Nonsense"}, "quota", "no machine of the size"),
        (
            {"FLOWEROPS_COMPUTE_SIZE": "Standard_NC4as_T4_v3", "FLOWEROPS_COMPUTE_PRIORITY": "dedicated"},
            "quota",
            "not even one machine fits",
        ),
        ({"WORKSPACE_NAME": ""}, "workspace", "needs WORKSPACE_NAME"),
    ],
)
def test_what_hinders_is_a_problem_with_advice(
    azure: Emulator, tmp_path: Path, env: dict[str, str], check: str, said: str
) -> None:
    code, found = examined(azure, tmp_path, **env)
    assert code == 2
    assert found[check]["verdict"] == "problem"
    assert said in found[check]["found"]
    assert found[check]["to_do"]
    assert "wrong" not in str(found[check]["to_do"])


@pytest.mark.parametrize(
    ("roles", "verdict", "said"),
    [
        ([READER], "problem", "you may not run jobs"),
        ([DATA_SCIENTIST], "problem", "all but make the compute cluster"),
        ([DATA_SCIENTIST, COMPUTE_OPERATOR], "ok", "you may run jobs"),
    ],
)
def test_roles(
    azure: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, roles: list[Any], verdict: str, said: str
) -> None:
    monkeypatch.setattr(azure.cloud, "permissions", roles)
    _, found = examined(azure, tmp_path)
    assert found["roles"]["verdict"] == verdict
    assert said in found["roles"]["found"]


def test_one_refused_question_leaves_the_others(azure: Emulator, tmp_path: Path) -> None:
    azure.switch_on(Fault("GET", "/permissions", status=403, times=9))
    try:
        code, found = examined(azure, tmp_path)
    finally:
        azure.switch_off()
    assert code == 2
    assert found["roles"]["verdict"] == "problem"
    assert found["quota"]["verdict"] == "ok"
