"""Start-up stays light: nothing heavy is loaded before a command needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("tensorflow", "keras", "mlflow", "azure", "numpy", "PIL", "pyarrow", "sklearn", "starlette")
_PROBE = """
import json, sys
from flowerops.cli.app import run
code = run({arguments!r})
heavy = [name for name in {heavy!r} if name in sys.modules]
print("\\nPROBE" + json.dumps([code, heavy]))
"""


def _loaded_after(arguments: list[str]) -> tuple[int, list[str]]:
    probe = _PROBE.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    code, heavy = json.loads(done.stdout.rpartition("PROBE")[2])
    return code, heavy


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["train", "--help"], ["data", "--help"], ["nonsense"]]
)
def test_help_and_usage_errors_load_nothing_heavy(arguments: list[str]) -> None:
    code, heavy = _loaded_after(arguments)
    assert code == (2 if arguments == ["nonsense"] else 0)
    assert heavy == []


_WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from flowerops.cli.app import run
sys.exit(run({arguments!r}))
"""


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        (["numpy"], ["preprocess", "--data-folder", "photos"]),
        (["mlflow"], ["models", "list"]),
        (["PIL"], ["predict", "photo.jpg"]),
    ],
)
def test_a_missing_extra_is_named_with_the_line_that_adds_it(
    tmp_path: Path, missing: list[str], arguments: list[str]
) -> None:
    probe = _WITHOUT.format(missing=missing, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert 'pip install "flowerops[' in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["doctor"], ["config", "show"]])
def test_doctor_and_settings_need_no_extra(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / ".flowerops").mkdir()
    missing = ["numpy", "mlflow", "PIL", "pyarrow", "keras", "azure", "packaging"]
    probe = _WITHOUT.format(missing=missing, arguments=[*arguments, "--json"])
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert json.loads(done.stdout)["ok"] is True, done.stdout
    assert done.returncode == 0, done.stdout


def test_listing_datasets_needs_neither_tensorflow_nor_mlflow(tmp_path: Path) -> None:
    code, heavy = _loaded_after(["data", "list", "--home", str(tmp_path / "home")])
    assert code == 0
    assert not {"tensorflow", "keras", "mlflow", "azure", "sklearn"} & set(heavy)


def _modules_after(*words: str, **env: str) -> set[str]:
    """The command modules that a real start of the program loads."""
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['flowerops', *{list(words)!r}]\n"
        "try:\n    runpy.run_module('flowerops', run_name='__main__', alter_sys=False)\n"
        "except SystemExit:\n    pass\n"
        "print('PROBE', *[n.rpartition('.')[2] for n in sys.modules if n.startswith('flowerops.cli.commands.')])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLOWEROPS_")} | env
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=environment
    )
    return set(done.stdout.rpartition("PROBE")[2].split())


def test_a_command_loads_no_other_command() -> None:
    assert "train" not in _modules_after("data", "--help")
    assert "data" not in _modules_after("doctor", "--help")
    assert _modules_after("gc", "--help") == {"gc"}
    assert _modules_after("--version") == set()


def test_completion_loads_the_command_that_is_typed() -> None:
    typed = {"_FLOWEROPS_COMPLETE": "complete_bash", "COMP_CWORD": "2"}
    assert _modules_after(**typed, COMP_WORDS="flowerops\ngc\n--") == {"gc"}
    zsh = {"_FLOWEROPS_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "flowerops gc --"}
    assert _modules_after(**zsh) == {"gc"}
    assert {"gc", "train", "data"} <= _modules_after(**{**typed, "COMP_CWORD": "1"}, COMP_WORDS="flowerops gc")


def test_help_and_a_misspelt_command_know_all_commands() -> None:
    assert {"train", "data", "gc"} <= _modules_after("--help")
    assert {"train", "data", "gc"} <= _modules_after("trian")


def test_every_command_is_loaded_lazily() -> None:
    from flowerops.cli import commands
    from flowerops.cli.app import app

    names = {str(command.name) for command in app.registered_commands}
    names |= {str(group.typer_instance.info.name) for group in app.registered_groups if not group.hidden}
    assert names == commands._FIRST_WORDS, "name the new command in cli/commands/__init__.py"


def _shown(*words: str, loaded: str = "flowerops") -> subprocess.CompletedProcess[str]:
    """What a command line prints when the program is loaded by a process of this name."""
    start = (
        f"import sys; sys.argv = [{loaded!r}, *{list(words)!r}]; "
        f"from flowerops.cli.app import main; main({list(words)!r})"
    )
    environment = os.environ | {"COLUMNS": "100"}
    return subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, timeout=60, env=environment)


def test_the_list_of_commands_is_the_same_when_their_options_are_left_out() -> None:
    shown = _shown("--help").stdout
    assert "smoketest" in shown
    assert shown == _shown("--help", loaded="another program").stdout


@pytest.mark.parametrize("words", [[], ["data"]])
def test_no_command_shows_the_help_and_no_error(words: list[str]) -> None:
    shown = _shown(*words)
    assert (shown.returncode, shown.stderr) == (2, "")
    assert "Usage: flowerops" in shown.stdout
