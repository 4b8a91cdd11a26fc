"""What a process learns from the variables around it: its job, and its place among workers."""

from __future__ import annotations

import json

import pytest

from flowerops.domain.job import job_surroundings
from flowerops.domain.workers import Worker, worker_of

CLUSTER = {"worker": ["10.0.0.4:6000", "10.0.0.5:6000"]}


def config(cluster: object, task: object) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def test_outside_of_a_job_there_is_none():
    assert job_surroundings({"PATH": "/bin"}) is None


def test_a_step_knows_its_run_and_its_workspace():
    env = {
        "AZUREML_RUN_ID": "step-1",
        "AZUREML_ROOT_RUN_ID": "run-1",
        "AZUREML_ARM_PROJECT_NAME": "flower-training",
        "AZUREML_ARM_SUBSCRIPTION": "s",
        "AZUREML_ARM_RESOURCEGROUP": "g",
        "AZUREML_ARM_WORKSPACE_NAME": "w",
    }
    job = job_surroundings(env)
    assert job is not None
    assert (job.run.id, job.run.experiment, job.run.step_id) == ("run-1", "flower-training", "step-1")
    assert (job.subscription_id, job.resource_group, job.workspace_name) == ("s", "g", "w")


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, Worker(0, 1)),
        ({"TF_CONFIG": ""}, Worker(0, 1)),
        ({"TF_CONFIG": "no JSON"}, Worker(0, 1)),
        ({"TF_CONFIG": "[]"}, Worker(0, 1)),
        (config(CLUSTER, {"type": "worker", "index": 0}), Worker(0, 2)),
        (config(CLUSTER, {"type": "worker", "index": 1}), Worker(1, 2)),
        (config({"chief": ["a:1"], "worker": ["b:1"]}, {"type": "chief", "index": 0}), Worker(0, 2)),
        (config({"chief": ["a:1"], "worker": ["b:1"]}, {"type": "worker", "index": 0}), Worker(1, 2)),
    ],
)
def test_a_worker_knows_its_place(env, expected):
    assert worker_of(env) == expected
