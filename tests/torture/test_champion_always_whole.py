"""Whoever looks finds a champion that is complete, whatever is done to the registry and wherever it is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.command import clean_environment

_PROGRAM = """
import json, os, random, signal, sys, time, traceback
from pathlib import Path
import mlflow.tracking, mlflow.store.tracking.sqlalchemy_store, mlflow.store.model_registry.sqlalchemy_store
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, ConflictError
from flowerops.io.hashing import verify_seal
from flowerops.services.archive import archive, remove
from flowerops.services.audit import history
from flowerops.services.promote import promote, rollback
from flowerops.io.presence import leave
from flowerops.targets.local.target import LocalTarget
from helpers.registry import CALLER, NAME, add_version

def child(work):
    # Forked: MLflow is loaded already. This process itself opens no ledger: SQLite's connections survive no fork.
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(work())
        except BaseException:
            traceback.print_exc()
            os._exit(99)
    return pid

def begin():
    target = LocalTarget(Path("home"))
    add_version(target, "first")
    promote(target, Selector(NAME, 1), "to begin with", CALLER)
    return 0

def change(seed, told):
    # All that may be done to a registry, in any order, for ever; a byte for each thing done.
    target, random_ = LocalTarget(Path("home")), random.Random(seed)
    while True:
        versions = target.models.versions(NAME)
        number = random_.choice(versions).version
        act = random_.choice([
            lambda: add_version(target, f"{seed} {random_.random()}"),
            lambda: promote(target, Selector(NAME, number), "chance", CALLER),
            lambda: promote(target, Selector(NAME, number), "chance", CALLER),
            lambda: rollback(target, NAME, None, CALLER),
            lambda: archive(target, Selector(NAME, number), random_.random() < 0.5, None, CALLER),
            lambda: (leave(target.home.locks), remove(target, Selector(NAME, number), None, lambda: CALLER)),
        ])
        try:
            act()
        except (BadInputError, ConflictError):
            pass  # refused, as it must be
        os.write(told, b".")

def look():
    target = LocalTarget(Path("home"))
    looks = 0
    while not Path("done").exists():
        check(target)
        looks += 1
    return 0 if looks > 5 else 98

def check(target):
    versions = target.models.versions(NAME)
    champions = [one for one in versions if one.champion]
    assert len(champions) == 1, versions
    try:
        verify_seal(champions[0].bundle, champions[0].digest)
    except Exception:
        # It may have lost office and been removed since; then another one has it.
        now = [one for one in target.models.versions(NAME) if one.champion]
        assert now and now[0].version != champions[0].version
        verify_seal(now[0].bundle, now[0].digest)

def conclude():
    target = LocalTarget(Path("home"))
    check(target)
    versions = target.models.versions(NAME)
    for one in versions:
        verify_seal(one.bundle, one.digest)
    entries = history(target, Selector(NAME))["entries"]
    moves = [one for one in entries if one["action"] in ("promote", "rollback")]
    champion = next(one for one in versions if one.champion)
    print(json.dumps({
        "numbers": [one["number"] for one in entries], "last": moves[0]["to"], "before": moves[0]["from"],
        "champion": str(champion), "archived": champion.archived,
    }))
    return 0

def code(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

assert code(child(begin)) == 0
looker = child(look)
for seed in range(int(sys.argv[1])):
    chance = random.Random(seed)
    heard, told = os.pipe()
    pid = child(lambda: change(seed, told))
    for _ in range(chance.randint(3, 7)):
        os.read(heard, 1)
    time.sleep(chance.uniform(0, 0.1))
    os.kill(pid, signal.SIGKILL)
    assert code(pid) == -signal.SIGKILL
Path("done").touch()
assert code(looker) == 0
sys.stdout.flush()
sys.exit(code(child(conclude)))
"""


@pytest.mark.parametrize("kills", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_the_champion_is_complete_at_every_look_and_after_every_kill(tmp_path: Path, kills: int) -> None:
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(kills)],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=tests),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["numbers"] == list(range(len(found["numbers"]), 0, -1))
    assert len(found["numbers"]) > (kills / 2 if kills > 3 else 0), "something was done between the kills"
    assert found["champion"] in (found["last"], found["before"]), "the last entry may be of a move that was killed"
    assert not found["archived"]
