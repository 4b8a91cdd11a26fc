"""Against a real MLflow on SQLite."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowerops.domain.steps import Recorded
from flowerops.errors import BadInputError, ConflictError, StoreIntegrityError, UsageError
from flowerops.tracking import Ledger, StepTracker, ui_command
from flowerops.tracking.client import explain
from helpers.unprivileged import open_folder, run_unprivileged


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    home = tmp_path_factory.mktemp("ledger") / "a blank # ü花"
    home.mkdir()
    return Ledger.open_sqlite(home / "mlflow.db")


def start(ledger: Ledger, experiment: str = "flowers", name: str = "pipeline", **given) -> str:
    return ledger.start_run(experiment, name, given.pop("tags", {}), **given)


# --- runs -----------------------------------------------------------------------------------------------------------


def test_a_run_keeps_what_it_was_told(ledger, tmp_path):
    run_id = start(ledger, tags={"BuildId": "7"}, artifacts=tmp_path / "artifacts")
    ledger.log_params(run_id, {"epochs": 3, "weights": None, "long": "x" * 10_000})
    ledger.log_metrics(run_id, {"loss": 0.5}, step=0)
    ledger.log_metrics(run_id, {"loss": 0.25, "accuracy": 1}, step=1)
    ledger.set_tags(run_id, {"dataset_id": "flowers:1"})
    run = ledger.run(run_id)
    assert (run.id, run.experiment, run.name, run.status) == (run_id, "flowers", "pipeline", "RUNNING")
    assert run.tags == {"BuildId": "7", "dataset_id": "flowers:1"}
    assert run.params["epochs"] == "3"
    assert set(run.params) == {"epochs", "long"}
    assert run.metrics == {"loss": 0.25, "accuracy": 1.0}
    assert run.ended_ms is None
    ledger.end_run(run_id, ok=True)
    assert ledger.run(run_id).status == "FINISHED"
    assert ledger.run(run_id).ended_ms >= run.started_ms


def test_a_run_ends_as_its_block_does(ledger):
    ends = {"FINISHED": None, "FAILED": ZeroDivisionError, "KILLED": KeyboardInterrupt}
    for status, failure in ends.items():
        run_id = start(ledger)
        try:
            with ledger.running(run_id):
                if failure:
                    raise failure
        except (ZeroDivisionError, KeyboardInterrupt):
            pass
        assert ledger.run(run_id).status == status


def test_steps_are_children_of_their_pipeline_run_oldest_first(ledger):
    parent = start(ledger)
    steps = [start(ledger, name=name, parent_id=parent) for name in ("preprocess", "train", "evaluate")]
    assert [run.id for run in ledger.children(parent)] == steps
    assert [run.name for run in ledger.children(parent)] == ["preprocess", "train", "evaluate"]
    assert ledger.run(steps[0]).parent_id == parent
    assert ledger.children(steps[0]) == []


def test_runs_are_found_by_their_tags_newest_first(ledger):
    found = [start(ledger, experiment, tags={"k": "v", "who": experiment}) for experiment in ("one", "two")]
    assert [run.id for run in ledger.runs_with({"k": "v"})] == found[::-1]
    assert [run.id for run in ledger.runs_with({"k": "v", "who": "one"})] == found[:1]
    assert ledger.runs_with({"k": "other"}) == []


def test_an_unknown_run_is_none(ledger):
    assert ledger.run("0" * 32) is None


def test_datasets_and_files_stay_with_the_run(ledger, tmp_path):
    run_id = start(ledger, "with files", artifacts=tmp_path / "artifacts")
    ledger.log_dataset(run_id, "flowers:1", "a" * 64, "/home/data", "training")
    (tmp_path / "report.html").write_text("<html>")
    ledger.log_file(run_id, tmp_path / "report.html")
    (kept,) = ledger._client.get_run(run_id).inputs.dataset_inputs
    assert (kept.dataset.name, kept.dataset.digest) == ("flowers:1", "a" * 36)
    assert {tag.key: tag.value for tag in kept.tags} == {"mlflow.data.context": "training", "digest": "a" * 64}
    assert len(list((tmp_path / "artifacts").rglob("report.html"))) == 1


def test_a_step_tracker_writes_to_its_run_and_outside_of_a_run_leaves_it_to_its_caller(ledger, tmp_path):
    run_id = start(ledger, "tracked", artifacts=tmp_path / "artifacts")
    tracker = StepTracker.attach(ledger.uri, run_id)
    tracker.params({"size": 32})
    tracker.metrics({"images": 3})
    assert ledger.run(run_id).params == {"size": "32"}
    assert tracker.recorded == Recorded()
    (tmp_path / "note.txt").write_text("x")
    alone = StepTracker.attach(None, None)
    alone.params({"fit": "pad"})
    alone.metrics({"quarantined": 1})
    alone.file(tmp_path / "note.txt")
    ledger.log(run_id, alone.recorded)
    assert ledger.run(run_id).params == {"size": "32", "fit": "pad"}
    assert ledger.run(run_id).metrics == {"images": 3, "quarantined": 1}
    assert len(list((tmp_path / "artifacts").rglob("note.txt"))) == 1
    with pytest.raises(BadInputError, match="without a run id"):
        StepTracker.attach(ledger.uri, None)


# --- models ---------------------------------------------------------------------------------------------------------


def test_model_versions_count_up_and_one_is_champion(ledger, tmp_path):
    run_id = start(ledger)
    for number in (1, 2, 3):
        made = ledger.create_model_version(
            "classifier", tmp_path / f"bundle {number}", run_id, {"digest": f"d{number}"}
        )
        assert (made.version, made.champion, made.run_id) == (number, False, run_id)
    assert [model.champion for model in ledger.model_versions("classifier")] == [False] * 3
    for champion in (1, 3):
        ledger.set_champion("classifier", champion)
        assert [(m.version, m.champion) for m in ledger.model_versions("classifier")] == [
            (n, n == champion) for n in (3, 2, 1)
        ]
    ledger.set_model_tag("classifier", 2, "note", "hello")
    two = ledger.model_versions("classifier")[1]
    assert two.tags == {"digest": "d2", "note": "hello"}
    assert two.source == (tmp_path / "bundle 2").as_uri()
    assert "classifier" in ledger.model_names()
    assert ledger.model_versions("nobody") == []


def test_registering_at_once_gives_distinct_versions_without_a_gap(ledger, tmp_path):
    run_id = start(ledger)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda n: ledger.create_model_version("busy", tmp_path / str(n), run_id, {}), range(12)))
    assert sorted(model.version for model in made) == list(range(1, 13))
    assert len(ledger.model_versions("busy")) == 12


# --- opening --------------------------------------------------------------------------------------------------------

_OPEN = """
import sys
from pathlib import Path
from flowerops.tracking import Ledger
ledger = Ledger.open_sqlite(Path(sys.argv[1]))
print(ledger.start_run("flowers", sys.argv[2], {}))
"""


def test_several_processes_may_open_a_new_ledger_at_once(tmp_path):
    command = [sys.executable, "-c", _OPEN, str(tmp_path / "mlflow.db")]
    started = [
        subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        for n in range(3)
    ]
    said = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 3, said
    ledger = Ledger.open_sqlite(tmp_path / "mlflow.db")
    assert sorted(ledger.run(out.split()[-1]).name for out, _ in said) == list("012")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locks", "mlflow.db"]


_KILLED = """
import os, signal, sys
from pathlib import Path
import alembic.op
from flowerops.tracking import Ledger
make, calls = alembic.op.create_table, []
def kill(*given, **options):
    calls.append(1)
    if len(calls) > 8:
        os.kill(os.getpid(), signal.SIGKILL)
    return make(*given, **options)
alembic.op.create_table = kill
Ledger.open_sqlite(Path(sys.argv[1]))
"""


def test_a_process_killed_while_it_makes_the_ledger_leaves_none(tmp_path):
    database = tmp_path / "mlflow.db"
    done = subprocess.run([sys.executable, "-c", _KILLED, str(database)], capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not database.exists()
    ledger = Ledger.open_sqlite(database)
    assert ledger.run(start(ledger)).status == "RUNNING"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locks", "mlflow.db"]
    assert not list((tmp_path / "locks").glob(".tmp-*"))


@pytest.mark.parametrize("content", [b"no database " * 500, b""])
def test_a_damaged_ledger_is_an_integrity_error(tmp_path, content):
    database = tmp_path / "mlflow.db"
    database.write_bytes(content)
    if not content:
        with sqlite3.connect(database) as connection:
            connection.execute("CREATE TABLE experiments (nonsense TEXT)")
        connection.close()
    with pytest.raises(StoreIntegrityError, match=r"mlflow\.db cannot be read") as caught:
        Ledger.open_sqlite(database)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["per%20cent", "what?"])
def test_a_home_that_mlflow_cannot_cope_with_is_refused_at_once(tmp_path, name):
    with pytest.raises(UsageError, match="cannot lie in"):
        Ledger.open_sqlite(tmp_path / name / "mlflow.db")
    assert list(tmp_path.iterdir()) == []


_READ_ONLY = """
import sys
from pathlib import Path
from flowerops.tracking import Ledger
print(Ledger.open_sqlite(Path(sys.argv[1])).model_names())
"""


def test_a_read_only_ledger_can_be_read_and_an_unreadable_one_is_named(ledger):
    with open_folder() as folder:
        shutil.copy(ledger.uri.removeprefix("sqlite:///"), folder / "mlflow.db")
        (folder / "mlflow.db").chmod(0o444)
        folder.chmod(0o555)
        done = run_unprivileged(_READ_ONLY, folder / "mlflow.db")
        assert done.returncode == 0, done.stderr
        (folder / "mlflow.db").chmod(0)
        done = run_unprivileged(_READ_ONLY, folder / "mlflow.db")
        assert "StoreIntegrityError: the ledger" in done.stderr


def test_the_page_listens_on_loopback_only(tmp_path: Path):
    command, env = ui_command("sqlite:////x/mlflow.db", tmp_path, 5001)
    assert command[1:4] == ["-m", "mlflow", "server"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "5001"
    assert env["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_database_that_somebody_else_writes_all_the_time_is_a_conflict():
    explained = explain("(sqlite3.OperationalError) database is locked", "mlflow.db")  # MLflow tries for 20 s first
    assert isinstance(explained, ConflictError)
    assert explained.exit_code == 6
