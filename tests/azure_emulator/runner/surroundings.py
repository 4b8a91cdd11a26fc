"""The environment variables of a job on a node."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from azure_emulator import processes
from azure_emulator.names import CLIENT, GROUP, MSI_SECRET, SUBSCRIPTION, WORKSPACE, WORKSPACE_ID
from azure_emulator.runner.plan import Step
from azure_emulator.runs import Run

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

# A node knows nothing of the person's own settings; these only keep TensorFlow quick and quiet here.
_KEPT = (
    "LANG",
    "LC_ALL",
    "TZ",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_ENABLE_ONEDNN_OPTS",
    "OMP_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
)


def of_step(cloud: Cloud, run: Run, step: Step, node: Path) -> dict[str, str]:
    """What every process of a step sees."""
    (node / "home").mkdir(parents=True, exist_ok=True)
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
    variables |= cloud.network_environment()
    variables |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(node / "home"),
        "PYTHONUNBUFFERED": "1",
        "AZUREML_RUN_ID": run.identifier,
        "AZUREML_ROOT_RUN_ID": run.root,
        "AZUREML_EXPERIMENT_ID": run.experiment_id,
        "AZUREML_RUN_TOKEN": "emulated-run-token",
        "AZUREML_ARM_SUBSCRIPTION": SUBSCRIPTION,
        "AZUREML_ARM_RESOURCEGROUP": GROUP,
        "AZUREML_ARM_WORKSPACE_NAME": WORKSPACE,
        "AZUREML_ARM_PROJECT_NAME": run.experiment,
        "AZUREML_WORKSPACE_ID": WORKSPACE_ID,
        "AZUREML_WORKSPACE_SCOPE": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/"
        f"Microsoft.MachineLearningServices/workspaces/{WORKSPACE}",
        "AZUREML_CR_EXECUTION_WORKING_DIR_PATH": str(node / "wd"),
        "MSI_ENDPOINT": f"https://127.0.0.1:{cloud.port}/msi/token",
        "MSI_SECRET": MSI_SECRET,
        "DEFAULT_IDENTITY_CLIENT_ID": CLIENT,
    }
    if cloud.mlflow:
        variables |= cloud.mlflow.variables(run)
    variables |= {f"AZURE_ML_INPUT_{name}": value for name, value in step.literals.items()}
    return variables | step.variables


def of_process(step: Step, index: int, ports: list[int]) -> dict[str, str]:
    """What differs between the processes of a step."""
    variables = {"AZUREML_NODE_COUNT": str(step.instances), "NODE_RANK": str(index)}
    if step.tensorflow and ports:
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        config = {"cluster": cluster, "task": {"type": "worker", "index": index}, "environment": "cloud"}
        variables["TF_CONFIG"] = json.dumps(config)
    return variables


def worker_ports(step: Step) -> list[int]:
    return [processes.free_port() for _ in range(step.instances)] if step.tensorflow and step.instances > 1 else []
