"""The target: the home folder of this machine, or a workspace. What is wrong there, it says itself."""

from __future__ import annotations

from flowerops.domain.doctor import Diagnosis, diagnosis, from_error, mendable
from flowerops.errors import FlowerOpsError
from flowerops.services.checks.patient import Patient


def check_target(patient: Patient) -> list[Diagnosis]:
    """What hinders work on the target of the settings."""
    settings = patient.settings
    local = settings.target == "local"
    if local and not settings.home.exists():
        found = f"there is none at {settings.home.absolute()} yet; the first command makes it"
        return [mendable("home", "ok", found, "makes it", lambda: _make_home(patient))]
    check = "home" if local else "workspace"
    try:
        return patient.open_target().diagnose()
    except FlowerOpsError as error:
        return [from_error(check, error)]


def check_port(patient: Patient) -> list[Diagnosis]:
    """Whether the endpoint of the settings can have its port; a workspace gives addresses of its own."""
    settings = patient.settings
    if settings.target != "local" or not settings.home.exists():
        return []
    try:
        port = patient.open_target().endpoints.choose_port(settings.endpoint, settings.port)
    except FlowerOpsError as error:
        return [from_error("port", error)]
    found = f"{port} on 127.0.0.1 is free" if port else f"endpoint {settings.endpoint} has one"
    return [diagnosis("port", "ok", found, port=port)]


def _make_home(patient: Patient) -> str:
    patient.open_target()
    return f"made {patient.settings.home.absolute()}"
