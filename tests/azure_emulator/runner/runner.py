"""Runs jobs, each in a thread of its own."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from azure_emulator.answers import Json, iso
from azure_emulator.runner import binding
from azure_emulator.runner.node import write_log
from azure_emulator.runner.plan import Step
from azure_emulator.runner.steps import run_step
from azure_emulator.runs import ENDED, Run
from azure_emulator.state import key_of

if TYPE_CHECKING:
    from azure_emulator.cloud import Cloud

_LOG = "logs/azureml/executionlogs.txt"


class Runner:
    """Starts and cancels jobs."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def start(self, run: Run, job: Json) -> None:
        work = self._pipeline if job["jobType"] == "Pipeline" else self._command
        threading.Thread(target=self._guarded, args=(work, run, job), name=f"job {run.identifier}", daemon=True).start()

    def cancel(self, run: Run) -> None:
        """Stop a job with all its steps, or one step."""
        for other in list(self._cloud.state.runs.values()):
            if run.identifier in (other.identifier, other.root) and other.status not in ENDED:
                other.enter("CancelRequested")
                other.cancelled.set()

    def stop(self) -> None:
        for run in list(self._cloud.state.runs.values()):
            run.cancelled.set()
        for run in list(self._cloud.state.runs.values()):
            run.ended.wait(10)

    def _guarded(self, work: Callable[[Run, Json], None], run: Run, job: Json) -> None:
        try:
            work(run, job)
        except Exception as error:
            run.enter("Failed", f"{type(error).__name__}: {error}", "ServiceError")

    def _command(self, run: Run, job: Json) -> None:
        run_step(self._cloud, run, binding.bind_command(run.display_name, job))

    def _pipeline(self, run: Run, job: Json) -> None:
        run.enter("Preparing")
        if self._cloud.mlflow:
            self._cloud.mlflow.begin(run)
        run.enter("Running")
        failed = _Pipeline(self._cloud, run, job).go()
        status = "Canceled" if run.cancelled.is_set() else "Failed" if failed else "Completed"
        if self._cloud.mlflow:
            self._cloud.mlflow.end(run, status)
        run.enter(status, _blame(failed) if status == "Failed" else None)


def _blame(failed: list[str]) -> str:
    names = ", ".join(f"/{name}" for name in failed)
    more = "For more details and logs, please go to the job detail page and check the child jobs."
    return f"Pipeline has failed child jobs. Failed nodes: {names}. {more}"


class _Pipeline:
    """The steps of one pipeline job, in the order their inputs ask for; those that can run together do."""

    def __init__(self, cloud: Cloud, run: Run, job: Json) -> None:
        self._cloud, self._run, self._job = cloud, run, job
        self._nodes: dict[str, Json] = job["jobs"]
        self._addresses: dict[tuple[str, str], str] = {}
        self._done: set[str] = set()
        self._failed: list[str] = []
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def go(self) -> list[str]:
        """The names of the nodes that failed."""
        goes_on = bool((self._job["settings"] or {}).get("continue_on_step_failure"))
        while not self._run.cancelled.is_set() and (goes_on or not self._failed):
            ready = [name for name in self._nodes if name not in self._done and self._ready(name)]
            if not ready:
                break
            with ThreadPoolExecutor(len(ready)) as pool:
                list(pool.map(self._step, ready))
        return self._failed

    def _ready(self, name: str) -> bool:
        return binding.needs(self._nodes[name]) <= self._done - set(self._failed)

    def _step(self, name: str) -> None:
        node = self._nodes[name]
        component = self._cloud.state.get(key_of(binding.component_of(node))) or {}
        spec = component["properties"]["componentSpec"]
        step = binding.bind(name, node, spec, self._job, self._addresses)
        run = self._child(name, node, spec)
        self._say(f"Submitting 1 runs, first five are: {run.identifier[:8]}:{run.identifier}")
        self._addresses |= {(name, output): address for output, address in run_step(self._cloud, run, step).items()}
        self._done.add(name)
        if run.status == "Completed":
            self._publish(node, run, step)
        else:
            self._failed.append(name)
        self._say(f"Execution of experiment {run.status.lower()}, node {name}")

    def _child(self, name: str, node: Json, spec: Json) -> Run:
        shown = node.get("display_name") or name
        run = Run(str(uuid.uuid4()), self._run.experiment, shown, "StepRun", self._run.identifier, self._run.identifier)
        run.node, run.module = name, spec.get("name") or "azureml_anonymous"
        run.properties.update(node.get("properties") or {})
        if self._run.cancelled.is_set():
            run.cancelled.set()
        self._cloud.state.runs[run.identifier] = run
        return run

    def _publish(self, node: Json, run: Run, step: Step) -> None:
        """Outputs of a step that are outputs of the pipeline, too."""
        for key, sent in (node.get("outputs") or {}).items():
            text = str(sent.get("value")) if isinstance(sent, dict) else ""
            if text.startswith("${{parent.outputs.") and key in step.outputs:
                self._run.outputs[text[len("${{parent.outputs.") : -2]] = run.outputs[key]

    def _say(self, line: str) -> None:
        with self._lock:
            self._lines.append(f"[{iso()[:19]}Z] {line}")
            write_log(self._cloud, self._run, _LOG, ("\n".join(self._lines) + "\n").encode())
