"""Nodes of the emulated Azure ML: several of them, lost ones, none to be had; and who starts jobs without a person."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from azure.ai.ml import Input, MLClient, Output
from azure.ai.ml.entities import (
    AmlCompute,
    BatchEndpoint,
    CronTrigger,
    JobSchedule,
    PipelineComponentBatchDeployment,
)
from azure.ai.ml.parallel import RunFunction, parallel_run_function
from azure.core.exceptions import HttpResponseError
from test_emulated_jobs import content, log_of

from azure_emulator import Emulator, JobFault, quota_exceeded
from helpers.azure_toys import ENVIRONMENT, folder_asset, pipeline, toy

ENTRY = """
import argparse, os, pathlib
def init():
    global target
    parser = argparse.ArgumentParser()
    parser.add_argument("--target")
    target = pathlib.Path(parser.parse_known_args()[0].target)
def run(mini_batch):
    for path in mini_batch:
        (target / pathlib.Path(path).name).write_text(f"{os.environ['NODE_RANK']} {len(mini_batch)}")
    return mini_batch
"""


def test_parallel_step_shares_out_the_files(azure: Emulator, ml: MLClient, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "entry.py").write_text(ENTRY)
    part = parallel_run_function(
        name="shared",
        inputs={"data": Input(type="uri_folder", mode="ro_mount")},
        outputs={"out": Output(type="uri_folder", mode="rw_mount"), "rows": Output(type="uri_folder")},
        input_data="${{inputs.data}}",
        instance_count=2,
        mini_batch_size="2",
        mini_batch_error_threshold=0,
        task=RunFunction(
            code=str(code),
            entry_script="entry.py",
            program_arguments="--target ${{outputs.out}}",
            environment=ENVIRONMENT,
            append_row_to="${{outputs.rows}}",
        ),
    )
    job = pipeline(part, data=folder_asset(ml, tmp_path, 5))
    ml.jobs.create_or_update(job)
    assert azure.wait(job.name).status == "Completed", azure.steps(job.name)
    (step,) = azure.steps(job.name).values()
    made = content(azure, azure.cloud.output_address(step.identifier, "out", ""))
    # Two batches of two go to the nodes in turn, the rest to the first again.
    assert sorted(made.values()) == ["0 1", "0 2", "0 2", "1 2", "1 2"]
    rows = content(azure, azure.cloud.output_address(step.identifier, "rows", ""))
    assert len(rows["parallel_run_step.txt"].splitlines()) == 5


def test_taken_node_starts_again_with_what_was_mounted(azure: Emulator, ml: MLClient) -> None:
    azure.switch_on(JobFault(kind="preempt", when="half done"))
    text = "cd ${{outputs.out}}; if test -e half; then echo again; else echo x > half; echo half done; sleep 60; fi"
    ml.jobs.create_or_update(job := pipeline(toy(text)))
    run = azure.wait(job.name)
    assert run.status == "Completed", run.error
    (step,) = azure.steps(job.name).values()
    assert log_of(azure, step) == "again\n"


def test_lost_node_fails_the_step(azure: Emulator, ml: MLClient) -> None:
    azure.switch_on(JobFault(kind="fail"))
    ml.jobs.create_or_update(job := pipeline(toy("true")))
    assert azure.wait(job.name).status == "Failed"


def test_no_quota(azure: Emulator, ml: MLClient) -> None:
    azure.switch_on(*quota_exceeded())
    compute = AmlCompute(name="gpu", size="Standard_NC4as_T4_v3", max_instances=1)
    with pytest.raises(HttpResponseError, match="vCPU quota of 0"):
        ml.compute.begin_create_or_update(compute)
    ml.jobs.create_or_update(job := pipeline(toy("true")))
    assert azure.wait(job.name).status == "Failed"
    (step,) = azure.steps(job.name).values()
    assert step.error and "vCPU quota of 0" in step.error["error"]["message"]
    made = ml.compute.begin_create_or_update(compute).result()
    assert (made.provisioning_state, made.size) == ("Succeeded", "STANDARD_NC4AS_T4_V3")


def test_schedule_starts_its_job(azure: Emulator, ml: MLClient, tmp_path: Path) -> None:
    name = f"nightly-{uuid.uuid4().hex[:6]}"
    job = pipeline(toy("ls ${{inputs.data}} > ${{outputs.out}}/names"), data=folder_asset(ml, tmp_path))
    schedule = JobSchedule(name=name, trigger=CronTrigger(expression="0 3 * * *"), create_job=job)
    made = ml.schedules.begin_create_or_update(schedule).result()
    assert (made.is_enabled, made.trigger.expression) == (True, "0 3 * * *")
    assert name in [found.name for found in ml.schedules.list()]
    first, second = azure.trigger_schedule(name), azure.trigger_schedule(name)
    assert first != second
    assert azure.wait(first).status == azure.wait(second).status == "Completed"
    assert ml.jobs.get(first).experiment_name == "toys"
    ml.schedules.begin_disable(name).result()
    ml.schedules.begin_delete(name).result()
    with pytest.raises(HttpResponseError):
        ml.schedules.get(name)


def test_batch_endpoint_starts_a_pipeline(azure: Emulator, ml: MLClient, tmp_path: Path) -> None:
    name = f"retrain-{uuid.uuid4().hex[:6]}"
    job = pipeline(toy("cat ${{inputs.data}}/kind0/0.txt > ${{outputs.out}}/first"), data=folder_asset(ml, tmp_path))
    component = ml.components.create_or_update(job.component, version="1")
    ml.batch_endpoints.begin_create_or_update(BatchEndpoint(name=name)).result()
    deployment = PipelineComponentBatchDeployment(
        name="blue", endpoint_name=name, component=component, settings={"default_compute": "serverless"}
    )
    ml.batch_deployments.begin_create_or_update(deployment).result()
    endpoint = ml.batch_endpoints.get(name)
    endpoint.defaults.deployment_name = "blue"
    ml.batch_endpoints.begin_create_or_update(endpoint).result()
    assert ml.batch_endpoints.get(name).defaults.deployment_name == "blue"
    photos = Input(type="uri_folder", path=folder_asset(ml, tmp_path / "others"))
    invoked = ml.batch_endpoints.invoke(endpoint_name=name, inputs={"photos": photos})
    run = azure.wait(invoked.name)
    assert run.status == "Completed", run.error
    (step,) = azure.steps(invoked.name).values()
    made = content(azure, azure.cloud.output_address(step.identifier, "out", ""))
    assert made["first"] == (tmp_path / "others" / "photos" / "kind0" / "0.txt").read_text()
    assert invoked.name in [found.name for found in ml.batch_endpoints.list_jobs(name)]
    ml.batch_endpoints.begin_delete(name).result()
