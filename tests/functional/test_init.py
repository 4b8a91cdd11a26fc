"""`flowerops init`: from an empty folder to a project, as a newcomer types it, and from the wheel alone."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from helpers.command import clean_environment, command_line, flowerops

ROOT = Path(__file__).resolve().parents[2]
COMMON = {"flowerops.toml", ".env", ".gitignore"}


def paths(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def init(folder: Path, *arguments: str) -> dict[str, str]:
    """What became of each file."""
    outcome = flowerops("init", str(folder), *arguments, "--yes", "--json", cwd=folder.parent)
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    return {file["path"]: file["action"] for file in outcome.document["files"]}


def test_without_a_ci_system_there_are_settings_only(tmp_path: Path) -> None:
    folder = tmp_path / "flowers"
    assert set(init(folder)) == COMMON == paths(folder)
    assert tomllib.loads((folder / "flowerops.toml").read_text())["target"] == "local"
    assert ".env\n" in (folder / ".gitignore").read_text()
    outcome = flowerops("data", "list", "--json", cwd=folder)
    assert outcome.code == 0, "the settings are such that commands take them"


@pytest.mark.parametrize(
    ("ci", "expected"),
    [
        ("azure-devops", {"pipelines/azure-devops/02-preprocess-data.yml", "pipelines/agent/Dockerfile"}),
        ("github", {".github/workflows/flowerops-02-preprocess-data.yml", ".github/actions/flowerops/action.yml"}),
        ("gitlab", {".gitlab-ci.yml"}),
        ("shell", {"pipelines/shell/lifecycle.sh"}),
    ],
)
def test_a_ci_systems_files_go_where_it_looks_for_them(tmp_path: Path, ci: str, expected: set[str]) -> None:
    folder = tmp_path / "flowers"
    written = init(folder, "--ci", ci)
    assert set(written) == paths(folder)
    assert paths(folder) >= {*COMMON, "pipelines/requirements.txt", *expected}
    assert not any("project/" in path for path in written)
    assert set(init(folder, "--ci", ci).values()) == {"unchanged"}


def test_what_is_written_is_what_flowerops_itself_has(tmp_path: Path) -> None:
    """But for the values of the project, and for what only flowerops' own repository can do."""
    azure, github = tmp_path / "azure", tmp_path / "github"
    init(azure, "--ci", "azure-devops")
    init(github, "--ci", "github")
    for path in (azure / "pipelines/azure-devops").rglob("*.yml"):
        name = path.relative_to(azure / "pipelines/azure-devops")
        own = ROOT / "pipelines/azure-devops/project" / name
        source = own if own.exists() else ROOT / "pipelines/azure-devops" / name
        ours, theirs = source.read_text().splitlines(), path.read_text().splitlines()
        differing = [(mine, other) for mine, other in zip(ours, theirs, strict=True) if mine != other]
        expected = [("  FLOWEROPS_TARGET: azureml", '  FLOWEROPS_TARGET: "local"')]
        assert differing == (expected if name.name == "variables-template.yml" else [])
    for path in (github / ".github").rglob("*.yml"):
        name = path.relative_to(github / ".github")
        own = ROOT / "pipelines/github/project" / name
        assert path.read_bytes() == (own if own.exists() else ROOT / "pipelines/github" / name).read_bytes()
    assert "make" not in (github / ".github/workflows/flowerops-01-pull-request.yml").read_text()


def test_the_projects_values_are_in_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "flowers"
    place = ("--subscription", "0-1", "--resource-group", "rg", "--workspace", "ws")
    init(
        folder,
        "--ci",
        "azure-devops",
        "--target",
        "azureml",
        "--dataset",
        "roses",
        *place,
        "--requirement",
        "./mine.whl",
    )
    template = yaml.safe_load((folder / "pipelines/azure-devops/variables-template.yml").read_text())["variables"]
    assert (template["FLOWEROPS_TARGET"], template["WORKSPACE_NAME"]) == ("azureml", "ws")
    config = tomllib.loads((folder / "flowerops.toml").read_text())
    assert (config["target"], config["dataset"]) == ("azureml", "roses")
    assert "FLOWEROPS_RESOURCE_GROUP=rg\n" in (folder / ".env").read_text()
    assert (folder / "pipelines/requirements.txt").read_text().splitlines()[-1] == "./mine.whl"
    again = init(folder, "--ci", "azure-devops", "--requirement", "./mine.whl")
    assert set(again.values()) == {"unchanged"}, "the folder's own settings are what init goes by the next time"


def test_a_gate_of_the_environment_is_written_down_as_toml(tmp_path: Path) -> None:
    gate = {"min_accuracy": 0.8, "strict": True, "floors": {"ox-eye daisy": 0.5, 'a"b': 1}, "list": ["x", 2]}
    env = {"FLOWEROPS_GATE": json.dumps({**gate, "nothing": None})}
    assert flowerops("init", "--yes", cwd=tmp_path, env=env).code == 0
    assert tomllib.loads((tmp_path / "flowerops.toml").read_text())["gate"] == gate


def test_nothing_is_overwritten_without_force_and_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "flowers"
    folder.mkdir()
    (folder / "flowerops.toml").write_text('dataset = "mine"\n')
    (folder / ".gitignore").write_text("*.pyc\n")
    said = init(folder, "--dry-run")
    assert said == {"flowerops.toml": "kept", ".env": "created", ".gitignore": "extended"}
    assert paths(folder) == {"flowerops.toml", ".gitignore"}
    assert init(folder) == said
    assert (folder / "flowerops.toml").read_text() == 'dataset = "mine"\n'
    assert init(folder, "--force")["flowerops.toml"] == "replaced"
    assert tomllib.loads((folder / "flowerops.toml").read_text())["dataset"] == "mine"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--dataset", "../x"),
        ("--endpoint", "no spaces"),
        ("--ci", "jenkins"),
        ("--requirement", "a\nb"),
        ("--model", ""),
    ],
    ids=lambda one: one[0],
)
def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path: Path, wrong: tuple[str, str]) -> None:
    outcome = flowerops("init", *wrong, "--yes", "--json", cwd=tmp_path)
    assert (outcome.code, outcome.document["error"]["code"]) == (2, "usage")
    assert paths(tmp_path) == set()


def test_at_a_terminal_it_asks_and_takes_the_answers(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command_line("init"),
        cwd=tmp_path,
        env=clean_environment(TERM="dumb"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        os.write(ours, b"tulips\n\n\njenkins\ngitlab\n")  # the dataset; model and endpoint as proposed; a typing error
        said = b""
        try:
            while chunk := os.read(ours, 4096):
                said += chunk
        except OSError:  # how Linux tells that the other end is closed
            pass
        assert process.wait(60) == 0, said.decode()
    os.close(ours)
    assert said.count(b"CI system") == 2
    assert tomllib.loads((tmp_path / "flowerops.toml").read_text())["dataset"] == "tulips"
    assert (tmp_path / ".gitlab-ci.yml").exists()


def test_init_azure_writes_the_infrastructure_and_says_how_to_deploy_it(tmp_path: Path) -> None:
    outcome = flowerops("init", "azure", "--name", "garden", "--stage", "prod", "--json", cwd=tmp_path)
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    assert paths(tmp_path) == {file["path"] for file in outcome.document["files"]}
    assert (tmp_path / "infra/prod.bicepparam").read_text() == outcome.document["parameters"]
    assert (tmp_path / "infra/main.bicep").read_bytes() == (ROOT / "infra/main.bicep").read_bytes()
    assert [command.split()[:3] for command in outcome.document["commands"]] == [
        ["az", "group", "create"],
        ["az", "deployment", "group"],
    ]
    dry = flowerops("init", "azure", "--name", "garden", "--dry-run", cwd=tmp_path)
    assert "param name = 'garden'" in dry.stdout
    assert "az deployment group create --resource-group rg-garden-dev" in dry.stdout


def test_the_wheel_alone_can_do_it(tmp_path: Path) -> None:
    """In an environment that has nothing but the wheel and what it depends on, away from the work tree."""
    uv = Path(sys.executable).with_name("uv")
    build = [
        uv,
        "build",
        "--quiet",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        tmp_path,
    ]
    subprocess.run([*build, ROOT], check=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    python = tmp_path / "venv/bin/python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True, timeout=120)
    # Its dependencies are taken from this environment, so that nothing is asked of a registry; flowerops is not.
    site = next((tmp_path / "venv/lib").glob("python3*")) / "site-packages"
    subprocess.run([uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel], check=True)
    here = Path(
        subprocess.check_output([sys.executable, "-c", "import typer; print(typer.__file__)"], text=True).strip()
    )
    (site / "dependencies.pth").write_text(f"{here.parents[1]}\n")
    probe = [python, "-c", "import flowerops; print(flowerops.__file__)"]
    assert subprocess.check_output(probe, text=True, cwd=tmp_path).startswith(str(site))
    project = tmp_path / "project"
    for arguments in (["init", project, "--ci", "azure-devops", "--yes"], ["init", project, "--ci", "github", "--yes"],
                      ["init", "azure", project]):  # fmt: skip
        done = subprocess.run(
            [python.with_name("flowerops"), *arguments, "--json"],
            cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    other = tmp_path / "other"
    init(other, "--ci", "azure-devops")
    init(other, "--ci", "github")
    flowerops("init", "azure", str(other), cwd=tmp_path)
    assert paths(project) == paths(other)
    for path in paths(other):
        assert (project / path).read_bytes() == (other / path).read_bytes(), path


def test_the_document_is_one_and_names_the_next_steps(tmp_path: Path) -> None:
    outcome = flowerops("init", "--ci", "azure-devops", "--yes", "--json", cwd=tmp_path)
    document = json.loads(outcome.stdout)
    assert document["command"] == "init"
    assert any("az pipelines create --name 03-train-evaluate-register" in line for line in document["next"])
    place = ("--target", "azureml", "--resource-group", "rg", "--ci", "github", "--yes", "--json")
    lines = flowerops("init", *place, cwd=tmp_path).document["next"]
    assert "gh variable set RESOURCE_GROUP --body rg" in lines
    assert "gh variable set AZURE_CLIENT_ID --body VALUE" in lines
