"""Faults that tests switch on meet the real client; what is no Azure is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Data
from azure.core.exceptions import AzureError, HttpResponseError
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContainerClient

from azure_emulator import Emulator, Fault

WORKSPACE = "/workspaces/ws-flowers$|/workspaces/ws-flowers\\?"


@pytest.mark.parametrize("status", [401, 403, 404, 409])
def test_refusals_reach_the_client(azure: Emulator, ml: MLClient, status: int) -> None:
    azure.switch_on(Fault("GET", WORKSPACE, status=status))
    with pytest.raises(HttpResponseError) as caught:
        ml.workspaces.get()
    assert caught.value.status_code == status
    assert ml.workspaces.get().name == "ws-flowers"


def test_what_passes_by_is_tried_again(azure: Emulator, ml: MLClient) -> None:
    azure.switch_on(
        Fault("GET", WORKSPACE, status=429, retry_after=1),
        Fault("GET", WORKSPACE, status=500),
        Fault("GET", WORKSPACE, drop=True),
        Fault("GET", WORKSPACE, delay=0.5),
    )
    begun = time.monotonic()
    assert ml.workspaces.get().name == "ws-flowers"
    assert time.monotonic() - begun > 1.5
    statuses = [request.status for request in azure.cloud.requests if request.path.endswith("/ws-flowers")]
    assert statuses[-4:] == [429, 500, 0, 200]


def test_faults_come_from_a_file_too(azure: Emulator, ml: MLClient) -> None:
    azure.cloud.faults.file.write_text(json.dumps([{"method": "GET", "path": WORKSPACE, "status": 403}]))
    with pytest.raises(HttpResponseError):
        ml.workspaces.get()
    assert ml.workspaces.get().name == "ws-flowers"


def container(ml: MLClient) -> ContainerClient:
    datastore = ml.datastores.get_default(include_secrets=True)
    address = f"https://{datastore.account_name}.blob.core.windows.net"
    blobs = BlobServiceClient(address, credential=datastore.credentials.sas_token, retry_total=0)
    return blobs.get_container_client(datastore.container_name)


def test_upload_dies_at_a_file(azure: Emulator, ml: MLClient) -> None:
    """With blobs alone: when a file fails, `ml.data.create_or_update` of SDK 1.35 waits for it for ever."""
    blobs = container(ml)
    blobs.upload_blob("dies/before", b"x")
    azure.switch_on(Fault("PUT", "/dies/", times=99, skip=2, status=403, code="AuthorizationFailure", where="blobs"))
    for name in ("dies/0", "dies/1"):
        blobs.upload_blob(name, b"x")
    with pytest.raises(HttpResponseError) as caught:
        blobs.upload_blob("dies/2", b"x")
    assert (caught.value.status_code, caught.value.error_code) == (403, "AuthorizationFailure")
    azure.switch_off()
    blobs.upload_blob("dies/2", b"x")
    assert sorted(blobs.list_blob_names(name_starts_with="dies/")) == ["dies/0", "dies/1", "dies/2", "dies/before"]


def test_blob_connection_breaks(azure: Emulator, ml: MLClient) -> None:
    blob = container(ml).get_blob_client("broken/one")
    azure.switch_on(Fault("PUT", "/broken/", where="blobs", drop=True))
    with pytest.raises(AzureError, match=r"[Cc]onnection|EOF"):
        blob.upload_blob(b"x")
    blob.upload_blob(b"x")
    assert blob.download_blob().readall() == b"x"


def test_other_hosts_are_refused(azure: Emulator, ml: MLClient) -> None:
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        requests.get("https://example.com/", timeout=10)
    assert "example.com:443" in azure.cloud.proxy.refused


def test_wrong_secret_gets_no_token(azure: Emulator, ml: MLClient) -> None:
    variables = azure.environment()
    credential = ClientSecretCredential(variables["AZURE_TENANT_ID"], variables["AZURE_CLIENT_ID"], "wrong")
    with pytest.raises(Exception, match="AADSTS7000215"):
        credential.get_token("https://management.azure.com/.default")


def test_unknown_workspace(azure: Emulator, ml: MLClient) -> None:
    other = MLClient(DefaultAzureCredential(), ml.subscription_id, ml.resource_group_name, "elsewhere")
    with pytest.raises(HttpResponseError) as caught:
        other.workspaces.get()
    assert (caught.value.status_code, caught.value.error.code) == (404, "ResourceNotFound")


def test_version_keeps_its_content(azure: Emulator, ml: MLClient, tmp_path: Path) -> None:
    path = "azureml://datastores/workspaceblobstore/paths/kept/"
    made = ml.data.create_or_update(Data(name="kept", version="1", path=path, type="uri_folder"))
    made.tags["quality"] = "good"
    ml.data.create_or_update(made)
    assert ml.data.get("kept", version="1").tags == {"quality": "good"}
    with pytest.raises(HttpResponseError, match="Asset paths cannot be updated") as caught:
        ml.data.create_or_update(Data(name="kept", version="1", path=path + "other/", type="uri_folder"))
    assert caught.value.status_code == 400


def test_program_of_its_own_sees_the_same_azure(azure: Emulator) -> None:
    text = (
        "from os import environ as e; from azure.ai.ml import MLClient\n"
        "from azure.identity import EnvironmentCredential as C\n"
        "print(MLClient(C(), e['SUBSCRIPTION_ID'], e['RESOURCE_GROUP'], e['WORKSPACE_NAME']).workspaces.get().location)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, **azure.environment()},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stdout == "westeurope\n", ran.stderr


def test_emulator_by_hand(tmp_path: Path) -> None:
    tests = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "azure_emulator", "--folder", str(tmp_path), "--no-mlflow"]
    with subprocess.Popen(command, cwd=tests, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            lines = [process.stdout.readline() for _ in range(14)]
            assert any(line.startswith("export HTTPS_PROXY=http://127.0.0.1:") for line in lines)
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_unreachable_service(azure: Emulator, ml: MLClient) -> None:
    azure.switch_on(Fault("GET", WORKSPACE, times=9, drop=True))
    with pytest.raises(AzureError, match=r"[Cc]onnection|EOF|aborted"):
        ml.workspaces._operation.get(ml.resource_group_name, ml.workspace_name, retry_total=0)
