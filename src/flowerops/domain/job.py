"""What a step can find out about itself from the variables that Azure ML sets inside a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowerops.domain.bundle import RunRef


@dataclass(frozen=True)
class JobSurroundings:
    """The run and the workspace that a step runs in."""

    run: RunRef
    subscription_id: str | None
    resource_group: str | None
    workspace_name: str | None


def job_surroundings(env: Mapping[str, str]) -> JobSurroundings | None:
    """The job around this process, or None outside of one."""
    step_id = env.get("AZUREML_RUN_ID")
    if not step_id:
        return None
    root = env.get("AZUREML_ROOT_RUN_ID") or step_id
    experiment = env.get("AZUREML_ARM_PROJECT_NAME", "")
    return JobSurroundings(
        run=RunRef(id=root, experiment=experiment, step_id=step_id),
        subscription_id=env.get("AZUREML_ARM_SUBSCRIPTION"),
        resource_group=env.get("AZUREML_ARM_RESOURCEGROUP"),
        workspace_name=env.get("AZUREML_ARM_WORKSPACE_NAME"),
    )
