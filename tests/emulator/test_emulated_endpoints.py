"""Online endpoints of the emulated Azure ML really serve, with Azure's own inference server."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment, ManagedOnlineEndpoint, Model
from azure.core.exceptions import HttpResponseError

from azure_emulator import Emulator

SCORE = """
import os, pathlib, time
from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

def init():
    global word
    word = (pathlib.Path(os.environ["AZUREML_MODEL_DIR"]) / "bundle" / "word.txt").read_text()
    print("ready with", word)

@rawhttp
def run(request):
    data = request.get_data(False)
    if data == b"slow":
        time.sleep(3)
    if data == b"fault":
        raise ValueError("no photo")
    return AMLResponse({"word": word, "bytes": len(data), "colour": os.environ.get("COLOUR")}, 200, json_str=True)
"""


@pytest.fixture(scope="module")
def served(azure: Emulator, ml: MLClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An endpoint with a blue and a green deployment, which has no traffic yet."""
    if azure.cloud.serve_python is None:
        pytest.skip("run `make setup-serve` to install the server of online endpoints")
    folder = tmp_path_factory.mktemp("served")
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCORE)
    name = f"flowers-{uuid.uuid4().hex[:6]}"
    made = ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name, auth_mode="key")).result()
    assert made.scoring_uri == f"https://{name}.westeurope.inference.ml.azure.com/score"
    for colour in ("blue", "green"):
        bundle = folder / colour / "bundle"
        bundle.mkdir(parents=True)
        (bundle / "word.txt").write_text(f"{colour} word")
        model = ml.models.create_or_update(Model(name=f"m-{name}", path=str(bundle), type="custom_model"))
        ml.online_deployments.begin_create_or_update(_deployment(name, colour, model, folder / "code")).result()
    yield name
    ml.online_endpoints.begin_delete(name).result()
    assert azure.cloud.servers.find(name, "blue") is None


def _deployment(endpoint: str, colour: str, model: Model, code: Path) -> ManagedOnlineDeployment:
    from azure.ai.ml.entities import OnlineRequestSettings

    return ManagedOnlineDeployment(
        name=colour,
        endpoint_name=endpoint,
        model=model.id,
        environment="azureml:toys:1",
        code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
        instance_type="Standard_DS2_v2",
        instance_count=1,
        environment_variables={"COLOUR": colour},
        request_settings=OnlineRequestSettings(request_timeout_ms=1000, max_concurrent_requests_per_instance=2),
    )


def post(ml: MLClient, endpoint: str, data: bytes, key: str | None = None, **headers: str) -> requests.Response:
    own = key or ml.online_endpoints.get_keys(endpoint).primary_key
    sent = {"Authorization": f"Bearer {own}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return requests.post(ml.online_endpoints.get(endpoint).scoring_uri, data, headers=sent, timeout=20)


def test_without_traffic_only_a_named_deployment_answers(ml: MLClient, served: str) -> None:
    assert post(ml, served, b"photo").status_code == 424
    reply = post(ml, served, b"photo", azureml_model_deployment="green")
    assert reply.json() == {"word": "green word", "bytes": 5, "colour": "green"}
    assert reply.headers["azureml-model-deployment"] == "green"
    assert post(ml, served, b"photo", azureml_model_deployment="black").status_code == 404
    assert post(ml, served, b"photo", "wrong key").status_code == 401


def test_traffic_is_split(ml: MLClient, served: str) -> None:
    endpoint = ml.online_endpoints.get(served)
    endpoint.traffic = {"blue": 75, "green": 25}
    assert ml.online_endpoints.begin_create_or_update(endpoint).result().traffic == {"blue": 75, "green": 25}
    key = ml.online_endpoints.get_keys(served).primary_key
    counts = Counter(post(ml, served, b"x", key).headers["azureml-model-deployment"] for _ in range(20))
    assert counts["blue"] > counts["green"] > 0
    with pytest.raises(HttpResponseError, match="traffic"):
        ml.online_deployments.begin_delete("green", endpoint_name=served).result()
    endpoint.traffic = {"nobody": 100}
    with pytest.raises(HttpResponseError, match="nobody does not exist"):
        ml.online_endpoints.begin_create_or_update(endpoint).result()


def test_faults_of_the_model_are_the_endpoints(ml: MLClient, served: str) -> None:
    failed = post(ml, served, b"fault", azureml_model_deployment="blue")
    assert (failed.status_code, failed.headers["ms-azureml-model-error-statuscode"]) == (424, "500")
    assert post(ml, served, b"slow", azureml_model_deployment="blue").status_code == 408


def test_logs_are_in_three_parts(ml: MLClient, served: str) -> None:
    text = ml.online_deployments.get_logs("blue", endpoint_name=served, lines=200)
    parts = [text.index(head) for head in ("Instance status:", "Container events:", "Container logs:")]
    assert parts == sorted(parts)
    assert "ready with blue word" in text


def test_keys_change(ml: MLClient, served: str) -> None:
    old = ml.online_endpoints.get_keys(served)
    ml.online_endpoints.begin_regenerate_keys(served, key_type="primary").result()
    new = ml.online_endpoints.get_keys(served)
    assert (new.primary_key != old.primary_key, new.secondary_key) == (True, old.secondary_key)
    assert post(ml, served, b"x", old.primary_key, azureml_model_deployment="blue").status_code == 401


def test_deployment_that_dies_fails_its_operation(ml: MLClient, served: str, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("import nothing_of_that_name\ndef init(): ...\ndef run(data): ...\n")
    model = ml.models.get(f"m-{served}", version="1")
    with pytest.raises(HttpResponseError, match="container has crashed"):
        ml.online_deployments.begin_create_or_update(_deployment(served, "red", model, tmp_path)).result()
    assert ml.online_deployments.get("red", endpoint_name=served).provisioning_state == "Failed"
    assert "nothing_of_that_name" in ml.online_deployments.get_logs("red", endpoint_name=served, lines=200)
