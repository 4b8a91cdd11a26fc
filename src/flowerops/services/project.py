"""init: the files with which a folder of photos becomes a project: settings, CI pipelines, what git leaves out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from flowerops import __version__
from flowerops.errors import UsageError
from flowerops.io.project_files import files_below, project_file
from flowerops.services.scaffold import ProjectFile, with_line
from flowerops.settings import CONFIG_FILE, DOTENV_FILE, PREFIX, Settings

Ci = Literal["azure-devops", "github", "gitlab", "shell", "none"]
CI_SYSTEMS: tuple[Ci, ...] = get_args(Ci)

_EXAMPLE = ".env.example"
_REQUIREMENTS = "pipelines/requirements.txt"
_IGNORED = (".env", ".flowerops/", ".venv/", ".venv-serve/", "out/")
_IN_CONFIG = ("target", "dataset", "model", "experiment", "endpoint")
_WORKSPACE = ("subscription_id", "resource_group", "workspace_name")
_AGENT = ("pipelines/project/agent", "pipelines/agent")
_PLACES: Mapping[Ci, tuple[tuple[str, str], ...]] = {
    "azure-devops": (("pipelines/azure-devops", "pipelines/azure-devops"), _AGENT),
    "github": (("pipelines/github", ".github"), _AGENT),
    "gitlab": (("pipelines/gitlab", ""),),
    "shell": (("pipelines/shell", "pipelines/shell"),),
    "none": (),
}
"""Where a CI system's files lie in flowerops, and where they go in a project."""

_OWN = "project/"
"""A sub-folder with what a project has in the place of flowerops' own file of that name."""


@dataclass(frozen=True)
class ProjectRequest:
    """settings: what the project is to work with. requirement: what its pipelines install, as pip takes it."""

    ci: Ci
    settings: Settings
    requirement: str

    def __post_init__(self) -> None:
        if not self.requirement.strip() or not self.requirement.isprintable():
            raise UsageError("--requirement must be one line that pip takes", 'For example: "flowerops[azure]==1.2.3"')


def default_requirement(settings: Settings) -> str:
    """This version of flowerops with what the target needs."""
    return f"flowerops[{'azure' if settings.target == 'azureml' else 'local'}]=={__version__}"


def project_files(request: ProjectRequest) -> list[ProjectFile]:
    """Every file of the project, in the order in which people read them.

    Raises:
        UsageError: A setting has a line break, or this installation of flowerops lacks the files.
    """
    files = [
        ProjectFile(CONFIG_FILE, _config(request.settings)),
        ProjectFile(DOTENV_FILE, _dotenv(request.settings)),
        ProjectFile(".gitignore", "\n".join(_IGNORED) + "\n", lines=True),
    ]
    if request.ci != "none":
        files += [ProjectFile(_REQUIREMENTS, _requirements(request.requirement)), *_ci_files(request)]
    return files


def next_steps(request: ProjectRequest) -> list[str]:
    """What to do once the files are there, a line each."""
    steps = ["flowerops run --data-folder photos/ --dry-run"]
    if request.ci == "azure-devops":
        steps += [
            f"az pipelines create --name {path.stem} --yml-path pipelines/azure-devops/{path.name} --skip-first-run"
            for path in sorted(project_file("pipelines/azure-devops").glob("0*.yml"))
        ]
    if request.ci in _VARIABLE and request.settings.target == "azureml":
        values = {"AZURE_CLIENT_ID": None, "AZURE_TENANT_ID": None}
        values |= {name.upper(): getattr(request.settings, name) for name in _WORKSPACE}
        steps += [f"{_VARIABLE[request.ci]} {name}{_value(request.ci, value)}" for name, value in values.items()]
    return steps


_VARIABLE: Mapping[Ci, str] = {"github": "gh variable set", "gitlab": "glab variable set"}


def _value(ci: Ci, value: str | None) -> str:
    option = " --body " if ci == "github" else " "
    return option + (shlex.quote(value) if value else "VALUE")


def _config(settings: Settings) -> str:
    lines = [
        "# The settings of this project; .env lists all there are. Flags, the environment and .env win over them.",
        *(f"{name} = {_toml(_one_line(name, getattr(settings, name)))}" for name in _IN_CONFIG),
        "",
        "# What the gate asks of a candidate before it becomes the champion.",
        "[gate]",
        *(f"{_toml(name)} = {_toml(value)}" for name, value in settings.gate.items() if value is not None),
    ]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """A value on one line of TOML, which differs from JSON in its tables only."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(str(name))} = {_toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def _dotenv(settings: Settings) -> str:
    text = project_file(_EXAMPLE).read_text(encoding="utf-8")
    text = text.replace("Copy to .env and uncomment what you need", "Uncomment what you need")
    for name in _WORKSPACE:
        value = getattr(settings, name)
        if value:
            key = f"{PREFIX}{name.upper()}="
            text = with_line(text, f"#{key}", _one_line(name, value)).replace(f"#{key}", key)
    return text


def _requirements(requirement: str) -> str:
    return f"# What the pipelines install.\n{requirement.strip()}\n"


def _ci_files(request: ProjectRequest) -> Iterator[ProjectFile]:
    for source, place in _PLACES[request.ci]:
        root = project_file(source)
        for name in files_below(root):
            if name.startswith(_OWN):
                continue
            own = root / _OWN / name
            path = own if own.exists() else root / name
            text = path.read_text(encoding="utf-8")
            if name == "variables-template.yml":
                text = _with_values(text, request.settings)
            yield ProjectFile(f"{place}/{name}".lstrip("/"), text, executable=name.endswith(".sh"))


def _with_values(text: str, settings: Settings) -> str:
    """The template of variables with the project's values in the place of the template's."""
    values: dict[str, Any] = {f"{PREFIX}TARGET": settings.target}
    values |= {name.upper(): getattr(settings, name) for name in _WORKSPACE}
    for name, value in values.items():
        if value:
            text = with_line(text, f"  {name}: ", json.dumps(_one_line(name, value)))
    return text


def _one_line(name: str, value: object) -> str:
    text = str(value)
    if not text.isprintable():
        raise UsageError(f"{name} {text!r} is not allowed", "Give it on one line, without control characters.")
    return text
