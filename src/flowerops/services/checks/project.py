"""The project's own files: whether settings with secrets are private."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from flowerops.domain.doctor import Diagnosis, diagnosis, mendable
from flowerops.services.checks.patient import Patient
from flowerops.settings import CONFIG_FILE, DOTENV_FILE

_SECRET = re.compile(
    r"^\s*(?:export\s+)?(?:FLOWEROPS_API_KEY|api_key|AZURE_\w*(?:SECRET|PASSWORD))\s*=\s*['\"]?[^\s'\"#]", re.MULTILINE
)
_KEY_VARIABLES = ("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE")
_ENDPOINT_KEYS = "endpoints/*/*key*"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def check_files(patient: Patient) -> list[Diagnosis]:
    """Whether others on this machine can read keys, or write into the home folder."""
    if os.name == "nt":
        return []
    found = [*_readable_by_others(patient), *_home_open_to_all(patient.settings.home)]
    return found or [diagnosis("permissions", "ok", "nobody else can read keys or change the home folder")]


def _readable_by_others(patient: Patient) -> Iterator[Diagnosis]:
    for path in _files_with_secrets(patient):
        if path.stat().st_mode & _OTHERS:
            found = f"{path} holds a secret, and others on this machine may read it"
            yield mendable("permissions", "problem", found, f"chmod 600 {path}", _without_others(path, _OTHERS))


def _home_open_to_all(home: Path) -> Iterator[Diagnosis]:
    if home.is_dir() and home.stat().st_mode & stat.S_IWOTH:
        found = f"everybody on this machine may change {home}"
        yield mendable("permissions", "problem", found, f"chmod go-w {home}", _without_others(home, _OTHERS_WRITE))


def _files_with_secrets(patient: Patient) -> Iterator[Path]:
    for name in (DOTENV_FILE, CONFIG_FILE):
        path = patient.folder / name
        if path.is_file() and _SECRET.search(path.read_text(encoding="utf-8", errors="replace")):
            yield path
    yield from (path for path in sorted(patient.settings.home.glob(_ENDPOINT_KEYS)) if path.is_file())
    for variable in _KEY_VARIABLES:
        path = Path(patient.env.get(variable) or "")
        if patient.env.get(variable) and path.is_file() and path.stat().st_uid == os.getuid():
            yield path


def _without_others(path: Path, bits: int) -> Callable[[], str]:
    def mend() -> str:
        mode = stat.S_IMODE(path.stat().st_mode) & ~bits
        path.chmod(mode)
        return f"set the permissions of {path} to {mode:o}"

    return mend
