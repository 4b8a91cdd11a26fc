"""Jobs of the emulated Azure ML are really run: submitted with the real SDK, seen in the run history and in MLflow."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import Input, MLClient, Output, command
from azure.core.exceptions import HttpResponseError

from azure_emulator import Emulator
from azure_emulator.blobs import ARTIFACTS, Place
from azure_emulator.runs import Run
from helpers.azure_toys import ENVIRONMENT, folder_asset, pipeline, toy

COPY = "cp -r ${{inputs.data}}/. ${{outputs.out}}/"


def log_of(azure: Emulator, run: Run, name: str = "user_logs/std_log.txt") -> str:
    return azure.cloud.blobs.read(Place(ARTIFACTS, f"ExperimentRun/dcid.{run.identifier}/{name}")).decode()


def content(azure: Emulator, address: str) -> dict[str, str]:
    place = azure.cloud.blobs.place(address)
    names = azure.cloud.blobs.names(place)
    read = azure.cloud.blobs.read
    return {name[len(place.path) + 1 :]: read(Place(place.container, name)).decode() for name in names}


def wait_for(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_pipeline_reads_assets_and_makes_assets(azure: Emulator, ml: MLClient, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "count.py").write_text(
        "import pathlib, sys, os\n"
        "names = [p.name for p in pathlib.Path(sys.argv[1]).rglob('*.txt')]\n"
        "pathlib.Path(sys.argv[2], 'count.txt').write_text(f'{len(names)} {sys.argv[3:]}')\n"
        "os.makedirs('outputs'); pathlib.Path('outputs/note.txt').write_text('left behind')\n"
        "print('counted', len(names), 'in', os.environ['AZUREML_ROOT_RUN_ID'])\n"
    )
    count = toy(
        "python count.py ${{inputs.data}} ${{outputs.out}} ${{inputs.word}} $[[--more ${{inputs.more}}]]",
        code=code,
        inputs={"word": Input(type="string"), "more": Input(type="string", optional=True)},
        environment_variables={"COLOUR": "blue"},
    )
    job = pipeline(toy(COPY), count, data=folder_asset(ml, tmp_path), word="hello")
    path = "azureml://datastores/workspaceblobstore/paths/results/${{name}}/"
    job.outputs.result = Output(type="uri_folder", name="results", path=path)
    ml.jobs.create_or_update(job)
    run = azure.wait(job.name)
    assert run.status == "Completed", run.error
    first, second = azure.steps(job.name).values()

    made = ml.data.get("results", version="1")
    assert made.path.endswith(f"/paths/results/{second.identifier}/")
    assert content(azure, made.path) == {"count.txt": "3 ['hello']"}
    assert f"counted 3 in {job.name}" in log_of(azure, second)
    assert log_of(azure, second, "outputs/note.txt") == "left behind"
    assert [child.name for child in ml.jobs.list(parent_job_name=job.name)] == [first.identifier, second.identifier]
    assert ml.jobs.get(job.name).status == "Completed"
    ml.jobs.stream(job.name)

    assert azure.cloud.mlflow
    tags = azure.cloud.mlflow.call("GET", f"runs/get?run_id={second.mlflow_run}")["run"]["data"]["tags"]
    assert {"key": "mlflow.parentRunId", "value": run.mlflow_run} in tags


def test_output_without_version_gets_the_next_number(azure: Emulator, ml: MLClient) -> None:
    for number in ("1", "2"):
        job = pipeline(toy("echo x > ${{outputs.out}}/x"))
        job.outputs.result = Output(type="custom_model", name="numbered")
        ml.jobs.create_or_update(job)
        assert azure.wait(job.name).status == "Completed"
        model = ml.models.get("numbered", version=number)
    found = ml.models.create_or_update(model)
    assert found.version == "2"
    by_job = f"azureml://jobs/{job.name}/outputs/result"
    assert azure.cloud.address_of(by_job) == azure.cloud.address_of("azureml:numbered:2")


def test_failing_step_fails_the_pipeline_and_starts_no_other(azure: Emulator, ml: MLClient) -> None:
    job = pipeline(toy("echo alas; echo kept > ${{outputs.out}}/x; exit 3"), toy(COPY))
    ml.jobs.create_or_update(job)
    run = azure.wait(job.name)
    assert run.status == "Failed"
    (failed,) = azure.steps(job.name).values()
    assert failed.error and "status code 3" in failed.error["error"]["message"]
    assert "alas" in log_of(azure, failed)
    place = Place("azureml-blobstore-11111111-2222-3333-4444-555555555555", f"azureml/{failed.identifier}/out/x")
    assert azure.cloud.blobs.read(place) == b"kept\n", "what was written through a mount stays"


def test_upload_needs_success(azure: Emulator, ml: MLClient) -> None:
    job = pipeline(toy("echo lost > ${{outputs.out}}/x; exit 3", out_mode="upload"))
    ml.jobs.create_or_update(job)
    azure.wait(job.name)
    (failed,) = azure.steps(job.name).values()
    assert not content(azure, f"azureml://datastores/workspaceblobstore/paths/azureml/{failed.identifier}/out")


def test_mounted_output_shows_what_is_there(azure: Emulator, ml: MLClient) -> None:
    path = "azureml://datastores/workspaceblobstore/paths/cache"
    azure.cloud.blobs.write(azure.cloud.blobs.place(path + "/old"), b"old")
    job = pipeline(toy("cd ${{outputs.out}}; cat old > new; rm old"))
    job.outputs.result = Output(type="uri_folder", path=path)
    ml.jobs.create_or_update(job)
    assert azure.wait(job.name).status == "Completed"
    assert content(azure, path) == {"new": "old"}


def test_cancelled_job_ends_with_its_steps(azure: Emulator, ml: MLClient) -> None:
    job = pipeline(toy("echo begun; sleep 60; echo x > ${{outputs.out}}/x"), toy(COPY))
    ml.jobs.create_or_update(job)
    wait_for(lambda: any(step.logs for step in azure.steps(job.name).values()))
    (step,) = azure.steps(job.name).values()
    wait_for(lambda: "begun" in log_of(azure, step))
    ml.jobs.begin_cancel(job.name).result()
    assert (azure.wait(job.name).status, step.status) == ("Canceled", "Canceled")
    ml.jobs.begin_cancel(job.name).result()
    assert ml.jobs.get(job.name).status == "Canceled"


def test_timeout_ends_a_step(azure: Emulator, ml: MLClient) -> None:
    job = pipeline(toy("sleep 60", timeout=1))
    ml.jobs.create_or_update(job)
    assert azure.wait(job.name, 20).status == "Failed"
    (step,) = azure.steps(job.name).values()
    assert step.status == "Canceled"


def test_two_workers_know_each_other(azure: Emulator, ml: MLClient) -> None:
    distribution = {"type": "tensorflow", "worker_count": 2}
    part = toy("echo $TF_CONFIG", distribution=distribution, instance_count=2)
    ml.jobs.create_or_update(job := pipeline(part))
    assert azure.wait(job.name).status == "Completed"
    (step,) = azure.steps(job.name).values()
    configs = [json.loads(log_of(azure, step, f"user_logs/std_log_process_{index}.txt")) for index in (0, 1)]
    assert [config["task"] for config in configs] == [{"type": "worker", "index": index} for index in (0, 1)]
    assert len({*configs[0]["cluster"]["worker"]}) == 2
    assert configs[0]["cluster"] == configs[1]["cluster"]


def test_command_job_refuses_versions_of_outputs(azure: Emulator, ml: MLClient) -> None:
    output = Output(type="uri_folder", name="named", version="7")
    job = command(command="true", environment=ENVIRONMENT, outputs={"out": output})
    with pytest.raises(HttpResponseError, match="assetVersion"):
        ml.jobs.create_or_update(job)
    job = command(command="echo $MLFLOW_RUN_ID", environment=ENVIRONMENT)
    made = ml.jobs.create_or_update(job)
    run = azure.wait(made.name)
    assert (run.status, log_of(azure, run).strip()) == ("Completed", run.mlflow_run)


def test_details_have_logs_to_read(azure: Emulator, ml: MLClient) -> None:
    ml.jobs.create_or_update(job := pipeline(toy("echo readable")))
    azure.wait(job.name)
    (step,) = azure.steps(job.name).values()
    import requests

    workspace = ml.workspaces.get()
    api = requests.get(workspace.discovery_url, timeout=10).json()["api"]
    token = ml._credential.get_token("https://ml.azure.com/.default").token
    details = requests.get(
        f"{api}/history/v1.0{workspace.id}/runs/{step.identifier}/details",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    ).json()
    assert requests.get(details["logFiles"]["user_logs/std_log.txt"], timeout=10).text == "readable\n"


def test_managed_identity_in_a_step(azure: Emulator, ml: MLClient, tmp_path: Path) -> None:
    (tmp_path / "who.py").write_text(
        "from azure.identity import DefaultAzureCredential as C\n"
        "import jwt\n"
        "token = C().get_token('https://ml.azure.com/.default').token\n"
        "print(jwt.decode(token, options={'verify_signature': False})['aud'])\n"
    )
    ml.jobs.create_or_update(job := pipeline(toy("python who.py", code=tmp_path)))
    azure.wait(job.name)
    (step,) = azure.steps(job.name).values()
    assert "https://ml.azure.com" in log_of(azure, step)


def test_mlflow_address_of_the_workspace(azure: Emulator, ml: MLClient) -> None:
    ml.jobs.create_or_update(job := pipeline(toy("true")))
    azure.wait(job.name)
    address = ml.workspaces.get().mlflow_tracking_uri.replace("azureml://", "https://")
    token = ml._credential.get_token("https://ml.azure.com/.default").token
    wanted = f"{address}/api/2.0/mlflow/runs/get?run_id={job.name}"
    import requests

    found = requests.get(wanted, headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
    assert found["run"]["info"]["run_id"] == job.name
    assert urllib.request.getproxies()["https"].startswith("http://127.0.0.1")
