"""Runs one step: node by node, until it ended for good."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from azure_emulator.faults import QUOTA_TEXT, JobFault
from azure_emulator.runner import parallel, surroundings
from azure_emulator.runner.command_line import render
from azure_emulator.runner.node import Launch, Watch
from azure_emulator.runner.outputs import Outputs
from azure_emulator.runner.plan import Step
from azure_emulator.runs import Run
from azure_emulator.state import key_of

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud


class StepError(Exception):
    """A step cannot start or did not succeed; the text is for the run's record."""


def run_step(cloud: Cloud, run: Run, step: Step) -> dict[str, str]:
    """Run a step to its end and set the run's status; gives the addresses of its outputs."""
    run.target, run.instances = step.compute, step.instances
    folder = cloud.folder / "nodes" / run.identifier
    addresses = Outputs(cloud, run, step, folder)
    message, code = None, "UserError"
    try:
        if cloud.mlflow:
            cloud.mlflow.begin(run)
        status = _through_nodes(cloud, run, step, folder)
    except StepError as error:
        status, message = "Failed", str(error)
    except Exception as error:
        status, message, code = "Failed", f"{type(error).__name__}: {error}", "ServiceError"
    # First MLflow: who waits for the run looks there next.
    if cloud.mlflow:
        cloud.mlflow.end(run, status)
    run.enter(status, message, code)
    return {name: addresses.address(name) for name in step.outputs}


def _through_nodes(cloud: Cloud, run: Run, step: Step, folder: Path) -> str:
    """A step whose node is taken away starts again on a new one, under the same id."""
    attempt = 0
    while not run.cancelled.is_set():
        attempt += 1
        fault = cloud.faults.of_step(step.name)
        run.enter("Preparing")
        _refuse(fault)
        node = folder / str(attempt)
        ended = _on_node(cloud, run, step, node, fault)
        shutil.rmtree(node, ignore_errors=True)
        if ended != "preempted":
            return ended
        run.enter("Queued")
    return "Canceled"


def _refuse(fault: JobFault | None) -> None:
    if fault and fault.kind == "quota":
        raise StepError(QUOTA_TEXT)
    if fault and fault.kind == "fail":
        raise StepError("The node was lost: AzureMLCompute job failed. JobNodeUnreachable")


def _on_node(cloud: Cloud, run: Run, step: Step, node: Path, fault: JobFault | None) -> str:
    code = node / "wd"
    code.mkdir(parents=True)
    if step.spec.get("code") or parallel.code_of(step):
        _fetch_code(cloud, str(step.spec.get("code") or parallel.code_of(step)), code)
    values = {f"inputs.{name}": value for name, value in step.literals.items()}
    variables = surroundings.of_step(cloud, run, step, node)
    for name, reference in step.folders.items():
        path = _fetch_input(cloud, name, reference, node / "inputs" / name)
        values[f"inputs.{name}"] = variables[f"AZURE_ML_INPUT_{name}"] = str(path)
    outputs = Outputs(cloud, run, step, node / "outputs")
    outputs.prepare()
    for name in step.outputs:
        values[f"outputs.{name}"] = variables[f"AZURE_ML_OUTPUT_{name}"] = str(outputs.folder(name))
    run.enter("Running")
    watch = Watch(cloud, run, node, step.timeout, fault)
    ended, status = watch.go(_launches(step, values, variables, node), code)
    succeeded = ended == "exited" and status == 0
    outputs.save(succeeded=succeeded)
    outputs.save_artifacts(code)
    if succeeded:
        outputs.register()
    return _verdict(step, ended, status)


def _verdict(step: Step, ended: str, status: int) -> str:
    if ended == "exited" and status:
        raise StepError(
            f"Execution failed. User process 'bash' exited with status code {status}. "
            "Please check log file 'user_logs/std_log.txt' for error details."
        )
    return {"exited": "Completed", "preempted": "preempted"}.get(ended, "Canceled")


def _fetch_code(cloud: Cloud, reference: str, target: Path) -> None:
    found = cloud.state.get(key_of(reference))
    if found is None:
        raise StepError(f"The code snapshot {reference} was not found.")
    cloud.blobs.pull(cloud.blobs.place(found["properties"]["codeUri"]), target)


def _fetch_input(cloud: Cloud, name: str, reference: str, target: Path) -> Path:
    """A folder, or the one file of a uri_file."""
    place = cloud.blobs.place(cloud.address_of(reference))
    found = cloud.blobs.pull(place, target)
    if not found:
        raise StepError(
            f"Error Code: ScriptExecution.StreamAccess.NotFound\nNative Error: error in streaming from input data "
            f"sources\n\tStreamError(NotFound)\n=> stream not found for input '{name}'"
        )
    only = target / place.path.rsplit("/", 1)[-1]
    return only if found == [only.name] and only.is_file() and cloud.blobs.names(place) == [place.path] else target


def _launches(step: Step, values: dict[str, str], variables: dict[str, str], node: Path) -> list[Launch]:
    if step.is_parallel:
        return parallel.launches(step, values, variables, node)
    command = ["bash", "-c", render(step.spec["command"], values)]
    ports = surroundings.worker_ports(step)
    several = step.instances > 1
    return [
        Launch(
            command,
            variables | surroundings.of_process(step, index, ports),
            f"user_logs/std_log_process_{index}.txt" if several else "user_logs/std_log.txt",
        )
        for index in range(step.instances)
    ]
