"""Torture case 7: twenty registers at once give twenty versions, and a lister never sees a partial one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.command import clean_environment, flowerops

_PROGRAM = """
import json, os, sys, traceback
from pathlib import Path
import mlflow.tracking, mlflow.store.tracking.sqlalchemy_store, mlflow.store.model_registry.sqlalchemy_store
import flowerops.services.register, flowerops.cli.parameters, flowerops.io.surroundings, flowerops.cli.console
from flowerops.cli.app import run
from flowerops.io.copying import copy_folder
from flowerops.io.hashing import verify_seal
from flowerops.targets.local.runs import OUTPUT_TAG
from flowerops.targets.local.target import LocalTarget

def clone(count):
    # Copies of the one trained and evaluated run.
    target = LocalTarget(Path(".flowerops"))
    original = target.runs.find(next(Path(".flowerops/runs").glob("*/train-*")).parent.name)
    for _ in range(count):
        with target.runs.pipeline_run(original.experiment, "clone", original.tags) as run_id:
            for step in original.steps:
                name = step.tags[OUTPUT_TAG]
                copy_folder(target.home.run_folder(original.id) / name, target.home.run_folder(run_id) / name)
                with target.runs.recorded_step(run_id, step.name, {OUTPUT_TAG: name}):
                    pass
        with open("runs", "a") as names:
            print(run_id, file=names)
    return 0

def child(work):
    # Forked: MLflow is loaded already, so that all meet in the register and not in their imports. This process itself
    # opens no ledger, because SQLite's connections must not be carried over a fork.
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(work())
        except BaseException:
            traceback.print_exc()
            os._exit(99)
    return pid

def register(run_id):
    os.dup2(os.open(f"{run_id}.json", os.O_CREAT | os.O_WRONLY), 1)
    os.dup2(os.open(f"{run_id}.err", os.O_CREAT | os.O_WRONLY), 2)
    return run(["register", "--run", run_id, "--force", "--reason", "all at once", "--json"])

def look():
    # Every version that is listed is complete: its bundle, its tags, and never one less than before.
    models = LocalTarget(Path(".flowerops")).models
    most = looks = 0
    while not Path("done").exists():
        seen = models.versions("flower_classifier")
        for version in seen:
            verify_seal(version.bundle, version.digest)
            assert version.tags["dataset_id"] == "flowers:1"
            assert version.run_id
        assert len(seen) >= most
        assert sum(version.champion for version in seen) <= 1
        most = len(seen)
        looks += 1
    return 0 if looks > int(sys.argv[1]) / 2 else 98

def code(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

assert code(child(lambda: clone(int(sys.argv[1])))) == 0
runs = Path("runs").read_text().split()
lister = child(look)
registers = [child(lambda run_id=run_id: register(run_id)) for run_id in runs]
codes = [code(pid) for pid in registers]
Path("done").touch()
print(json.dumps({"runs": runs, "codes": codes, "lister": code(lister)}))
"""


@pytest.mark.parametrize("registers", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_registers_at_once_give_a_version_each_and_a_lister_sees_only_whole_ones(trained: Path, registers: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(registers)],
        cwd=trained,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    said = [(trained / f"{run_id}.err").read_text() for run_id in found["runs"]]
    assert found["codes"] == [0] * registers, said
    assert found["lister"] == 0, done.stderr
    documents = [json.loads((trained / f"{run_id}.json").read_text()) for run_id in found["runs"]]
    assert sorted(document["model"]["version"] for document in documents) == list(range(1, registers + 1))
    items = flowerops("models", "list", "--json", cwd=trained).document["items"]
    assert {item["run_id"] for item in items} == set(found["runs"])
    assert [item["version"] for item in items if item["champion"]] == [registers]
