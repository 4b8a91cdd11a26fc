"""init azure: the Bicep files with a project's own parameters, and the two commands that deploy them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flowerops.errors import UsageError
from flowerops.io.project_files import files_below, project_file
from flowerops.services.scaffold import ProjectFile, with_line

Stage = Literal["dev", "prod"]
_FOLDER = "infra"
_NAME = re.compile(r"[a-z0-9]{3,11}")
_GROUP = re.compile(r"[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]")
_LOCATION = re.compile(r"[a-z0-9]{2,30}")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_GITHUB = "https://token.actions.githubusercontent.com"


@dataclass(frozen=True)
class InfrastructureRequest:
    """What the parameters say; see `infra/main.bicep`.

    name: beginning of every name. group: the resource group. members: object ids of people or groups who train and
    deploy. issuer, subject: of the CI system's tokens. private: whether nothing is reached from the internet.
    """

    stage: Stage
    name: str
    group: str
    location: str
    subscription: str | None = None
    members: tuple[str, ...] = ()
    issuer: str = ""
    subject: str = ""
    private: bool | None = None

    def __post_init__(self) -> None:
        _check(_NAME, self.name, "--name", "Use 3 to 11 lower case letters and digits.")
        _check(_GROUP, self.group, "--resource-group", "Use letters, digits, '-', '_', '.' and parentheses.")
        _check(_LOCATION, self.location, "--location", "For example: westeurope; az account list-locations names all.")
        for identifier in (*self.members, *([self.subscription] if self.subscription else [])):
            _check(_GUID, identifier, "id", "It looks like 00000000-0000-0000-0000-000000000000.")
        if bool(self.issuer) != bool(self.subject):
            hint = f"For example: --ci-issuer {_GITHUB} --ci-subject repo:OWNER/NAME:ref:refs/heads/main"
            raise UsageError("--ci-issuer and --ci-subject belong together", hint)


@dataclass(frozen=True)
class Infrastructure:
    """The files, the parameters among them, and what to run."""

    files: list[ProjectFile]
    parameters: str
    commands: list[str] = field(default_factory=list)


def infrastructure(request: InfrastructureRequest) -> Infrastructure:
    """Everything for one stage.

    Raises:
        UsageError: This installation of flowerops lacks the Bicep files.
    """
    root = project_file(_FOLDER)
    chosen = f"{request.stage}.bicepparam"
    files = [
        ProjectFile(f"{_FOLDER}/{name}", (root / name).read_text(encoding="utf-8"))
        for name in files_below(root)
        if name.endswith(".bicep")
    ]
    text = _with_values((root / chosen).read_text(encoding="utf-8"), _values(request))
    parameters = ProjectFile(f"{_FOLDER}/{chosen}", text)
    return Infrastructure([*files, parameters], parameters.text, _commands(request, parameters.path))


def _values(request: InfrastructureRequest) -> Mapping[str, Any]:
    values: dict[str, Any] = {"name": request.name, "ciIssuer": request.issuer, "ciSubject": request.subject}
    if request.members:
        values["dataScientists"] = list(request.members)
    if request.private is not None:
        values["privateNetwork"] = request.private
    return values


def _with_values(text: str, values: Mapping[str, Any]) -> str:
    for name, value in values.items():
        text = with_line(text, f"param {name} = ", _bicep(value))
    return text


def _bicep(value: object) -> str:
    """A value as Bicep writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(_bicep, value)) + "]"
    text = str(value)
    if not text.isprintable():
        raise UsageError(f"{json.dumps(text)} is not allowed as a parameter", "Give it on one line.")
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return f"'{escaped}'"


def _commands(request: InfrastructureRequest, parameters: str) -> list[str]:
    subscription = ["--subscription", request.subscription] if request.subscription else []
    group = ["az", "group", "create", "--name", request.group, "--location", request.location, *subscription]
    deployment = ["az", "deployment", "group", "create", "--resource-group", request.group]
    deployment += ["--name", f"flowerops-{request.stage}", "--parameters", parameters, *subscription]
    return [shlex.join(group), shlex.join(deployment)]


def _check(pattern: re.Pattern[str], text: str, what: str, hint: str) -> None:
    if not pattern.fullmatch(text):
        raise UsageError(f"{what} {text!r} is not allowed", hint)
