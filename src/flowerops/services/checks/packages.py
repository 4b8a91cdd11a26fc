"""Installed packages: which parts of flowerops, in versions that go together, with whole weights."""

from __future__ import annotations

from importlib import metadata

from flowerops.domain.doctor import Diagnosis, diagnosis, from_error
from flowerops.domain.version_traps import version_traps
from flowerops.errors import FlowerOpsError
from flowerops.services.checks.patient import Patient, version_of

_MARKS = {"train": "keras", "serve": "uvicorn", "local": "mlflow", "azure": "azure-ai-ml"}
"""The parts of the installation, and a package that each brings."""


def check_parts(patient: Patient) -> list[Diagnosis]:
    """Which of the optional parts are installed."""
    del patient
    absent = [part for part, package in _MARKS.items() if version_of(package) is None]
    if not absent:
        return [diagnosis("installed parts", "ok", ", ".join(_MARKS))]
    to_do = f'pip install "flowerops[{",".join(absent)}]"'
    return [diagnosis("installed parts", "note", f"without {', '.join(absent)}", to_do)]


def check_versions(patient: Patient) -> list[Diagnosis]:
    """Whether what is installed is what flowerops asks for, and whether packages are in each other's way."""
    installed = {str(found.name).lower().replace("_", "-"): found.version for found in metadata.distributions()}
    found = [*_out_of_range(installed), *version_traps(installed, patient.env)]
    return found or [diagnosis("packages", "ok", f"{len(installed)} are installed, in versions that go together")]


def check_weights(patient: Patient) -> list[Diagnosis]:
    """Whether the pretrained weights are there and are those that were published."""
    del patient
    if version_of("keras") is None:
        return []
    from flowerops.ml.backbones.efficientnet_lite0 import NAME, read_weights

    try:
        _, source = read_weights()
    except FlowerOpsError as error:
        return [from_error("weights", error)]
    return [diagnosis("weights", "ok", f"{NAME} from {source}")]


def _out_of_range(installed: dict[str, str]) -> list[Diagnosis]:
    """Packages that are installed in a version that the metadata of flowerops does not allow.

    Source: Python Packaging User Guide, "Core metadata specifications", Requires-Dist. The extra `azure-serve` is for
    an environment of its own, where flowerops is not installed.
    """
    try:
        from packaging.requirements import Requirement
    except ImportError:  # comes with every part but not with the bare command line
        return []
    wrong: dict[str, Diagnosis] = {}
    for line in metadata.requires("flowerops") or []:
        wanted = Requirement(line)
        have = installed.get(wanted.name.lower().replace("_", "-"))
        extra = next((part for part in ("all", "dev", *_MARKS) if _applies(wanted, part)), None)
        if have is not None and extra is not None and not wanted.specifier.contains(have, prereleases=True):
            found = f"{wanted.name} {have} is installed, and flowerops needs {wanted.specifier}"
            to_do = f'pip install "{wanted.name}{wanted.specifier}"'
            wrong[wanted.name] = diagnosis("packages", "problem", found, to_do)
    return list(wrong.values())


def _applies(requirement: object, extra: str) -> bool:
    marker = getattr(requirement, "marker", None)
    return marker is None or bool(marker.evaluate({"extra": extra}))
