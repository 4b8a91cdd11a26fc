"""What the shell completes: commands, options, and names of the local home."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowerops.targets.local import known
from flowerops.targets.local.home import Home
from helpers.command import clean_environment

HEAVY = ("tensorflow", "mlflow", "azure", "numpy", "pydantic_settings", "PIL")
_PROBE = """
import sys
from flowerops.cli.app import run
code = run([])
print("\\nPROBE", [name for name in {heavy!r} if name in sys.modules])
"""


def completed(line: str, cwd: Path, **env: str) -> list[str]:
    """What bash is offered for the last word of a command line."""
    words = line.split(" ")
    variables = {
        "_FLOWEROPS_COMPLETE": "complete_bash",
        "COMP_WORDS": line.replace(" ", "\n"),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROBE.format(heavy=HEAVY)],
        cwd=cwd, env=clean_environment(**variables, **env), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    offered, _, heavy = done.stdout.partition("PROBE")
    assert heavy.strip() == "[]", done.stdout + done.stderr
    return offered.split()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose home has a dataset, a model, runs and an endpoint."""
    from flowerops.targets.local.numbers import Numbers
    from flowerops.tracking import Ledger

    folder = tmp_path_factory.mktemp("project")
    home = Home(folder / ".flowerops")
    home.prepare()
    for digest in ("a" * 64, "b" * 64):
        Numbers(home.numbers).number("flowers", digest)
    ledger = Ledger.open_sqlite(home.tracking)
    run_id = ledger.start_run("flower-training", "train", {})
    ledger.end_run(run_id, ok=True)
    ledger.create_model_version("flower_classifier", folder / "bundle", run_id, {})
    (home.endpoints / "shop").mkdir(parents=True)
    (home.endpoints / "shop" / "state.json").write_text("{}")
    (folder / "run").write_text(run_id)
    return folder


def test_commands_and_options(project: Path) -> None:
    assert completed("flowerops da", project) == ["data"]
    assert "show" in completed("flowerops data sh", project)
    assert "--data-folder" in completed("flowerops train --da", project)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("flowerops data show flo", ["flowers", "flowers:2", "flowers:1"]),
        ("flowerops train --dataset flowers:", []),
        ("flowerops models show ", ["flower_classifier", "flower_classifier:1"]),
        ("flowerops lineage flower_", ["flower_classifier", "flower_classifier:1"]),
        ("flowerops deploy --endpoint s", ["shop"]),
        ("flowerops deployments stop ", ["shop"]),
        ("flowerops runs list --experiment flower", ["flower-training"]),
        ("flowerops models show --home elsewhere ", []),
    ],
)
def test_names_of_the_home(project: Path, line: str, offered: list[str]) -> None:
    found = completed(line, project)
    assert found == offered or (line.endswith(":") and set(found) <= {"flowers:1", "flowers:2"})


def test_runs_by_id(project: Path) -> None:
    assert completed("flowerops runs show ", project) == ["latest", (project / "run").read_text()]


def test_the_home_is_found_where_the_settings_find_it(project: Path, tmp_path: Path) -> None:
    home = str(project / ".flowerops")
    assert completed("flowerops models show ", tmp_path) == []
    assert completed("flowerops models show ", tmp_path, FLOWEROPS_HOME=home)
    (tmp_path / "flowerops.toml").write_text(f"home = {json.dumps(home)}\n")
    assert completed("flowerops models show ", tmp_path)
    (tmp_path / "flowerops.toml").unlink()
    (tmp_path / ".env").write_text(f"FLOWEROPS_HOME={home}\n")
    assert completed("flowerops models show ", tmp_path)


def test_nothing_is_offered_for_a_workspace(project: Path) -> None:
    assert completed("flowerops models show ", project, FLOWEROPS_TARGET="azureml") == []


def test_a_damaged_ledger_gives_no_names_and_no_error(tmp_path: Path) -> None:
    home = Home(tmp_path / ".flowerops")
    home.prepare()
    home.numbers.write_bytes(os.urandom(4096))
    home.tracking.mkdir()
    assert completed("flowerops data show ", tmp_path) == []
    assert completed("flowerops models show ", tmp_path) == []


def test_the_places_are_those_of_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert (
        home.numbers.name, home.tracking.name, home.endpoints.name,
    ) == (known._NUMBERS, known._TRACKING, known._ENDPOINTS)  # fmt: skip


def test_bash_itself_gets_the_names(project: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    program = Path(sys.executable).with_name("flowerops")
    script = (
        f'eval "$({program} --show-completion bash)"; COMP_WORDS=({program} data show flo); COMP_CWORD=3\n'
        f'_flowerops_completion {program}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(
        [bash, "-c", script], cwd=project, env=clean_environment(), capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["flowers", "flowers:2", "flowers:1"], done.stderr
