"""Parallel components: mini-batches of a folder's files, shared out among processes that import the entry script."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from azure_emulator.answers import Json
from azure_emulator.runner import surroundings
from azure_emulator.runner.command_line import render
from azure_emulator.runner.node import Launch
from azure_emulator.runner.plan import Step, pick

WORKER = Path(__file__).with_name("parallel_worker.py")


def _task(step: Step) -> Json:
    return dict(step.spec.get("task") or {}) if step.is_parallel else {}


def code_of(step: Step) -> str | None:
    return _task(step).get("code")


def launches(step: Step, values: dict[str, str], variables: dict[str, str], node: Path) -> list[Launch]:
    """One process an instance (times the concurrency of each); mini-batches are dealt out in turn."""
    task, spec = _task(step), step.spec
    source = str(spec["input_data"]).strip("${}")
    files = sorted(str(path) for path in Path(values[source]).rglob("*") if path.is_file())
    size = int(float(str(spec.get("mini_batch_size") or 10)))
    batches = [files[start : start + size] for start in range(0, len(files), size)]
    count = step.instances * int(spec.get("max_concurrency_per_instance") or 1)
    arguments = shlex.split(render(str(task.get("program_arguments") or ""), values))
    started = []
    for index in range(count):
        plan: dict[str, Any] = {
            "entry_script": pick(task, "entry_script", "entryScript"),
            "arguments": arguments,
            "batches": batches[index::count],
            "retries": int(pick(spec.get("retry_settings"), "max_retries", "maxRetries") or 0),
            "error_threshold": int(spec.get("error_threshold") or -1),
            "mini_batch_error_threshold": int(spec.get("mini_batch_error_threshold") or -1),
            "append_row_to": _row_file(task, values),
        }
        path = node / f"plan_{index}.json"
        path.write_text(json.dumps(plan))
        own = surroundings.of_process(step, index, [])
        command = [sys.executable, str(WORKER), str(path)]
        started.append(Launch(command, variables | own, f"logs/user/stdout/{index}/processes000.stdout.txt"))
    return started


def _row_file(task: Json, values: dict[str, str]) -> str | None:
    target = task.get("append_row_to")
    return str(Path(render(target, values)) / "parallel_run_step.txt") if target else None
