"""doctor: look at this machine and at the target, say what hinders and what to do, and mend what is safe to mend.

To add a check, put it into CHECKS.
"""

from __future__ import annotations

from typing import Any

from flowerops.domain.doctor import Diagnosis, Finding, diagnosis
from flowerops.errors import FlowerOpsError
from flowerops.services.checks.gpu import check_gpu
from flowerops.services.checks.machine import check_idle_gpu, check_python, check_room
from flowerops.services.checks.packages import check_parts, check_versions, check_weights
from flowerops.services.checks.patient import Check, Patient
from flowerops.services.checks.place import check_port, check_target
from flowerops.services.checks.project import check_files

GPU = "gpu"
CHECKS: dict[str, Check] = {
    "python": check_python,
    "parts": check_parts,
    "packages": check_versions,
    "weights": check_weights,
    "disk": check_room,
    "idle gpu": check_idle_gpu,
    "permissions": check_files,
    "target": check_target,
    "port": check_port,
    GPU: check_gpu,
}


def examine(
    patient: Patient, names: list[str] | None = None, *, fix: bool = False, dry_run: bool = False
) -> list[Finding]:
    """The findings of some checks, by their names in CHECKS; None for all but `gpu`, which has to load TensorFlow.

    Args:
        patient: What is looked at.
        names: Which checks.
        fix: Mend what is safe to mend, and look again.
        dry_run: With `fix`: only say what would be mended.
    """
    chosen = names if names is not None else [name for name in CHECKS if name != GPU]
    findings: list[Finding] = []
    for name in chosen:
        seen = _looked_at(name, patient)
        if fix and not dry_run and any(one.mend for one in seen):
            mended = [_mended(one) for one in seen if one.mend]
            seen = [Diagnosis(finding) for finding in mended] + _still_wrong(_looked_at(name, patient), mended)
        findings += [_announced(one) if fix and dry_run else one.finding for one in seen]
    return findings


def doctor_document(findings: list[Finding]) -> dict[str, Any]:
    """The result's JSON members; `healthy` is false where there is a problem."""
    healthy = all(finding.verdict != "problem" for finding in findings)
    return {"healthy": healthy, "findings": [finding.model_dump() for finding in findings]}


def _looked_at(name: str, patient: Patient) -> list[Diagnosis]:
    """The check's diagnoses; a package that it lacks, or that cannot be loaded, is one, too."""
    try:
        return CHECKS[name](patient)
    except ModuleNotFoundError as error:
        part = "azure" if str(error.name).startswith("azure") else "local"
        found = f"it cannot be looked at without {error.name}"
        return [diagnosis(name, "note", found, f'pip install "flowerops[{part}]"')]
    except ImportError as error:
        return [diagnosis(name, "problem", f"a package cannot be loaded: {error}", "Install it anew.")]


def _mended(one: Diagnosis) -> Finding:
    """The finding after its remedy: what was done, or why it could not be."""
    assert one.mend is not None
    before = one.finding
    try:
        said = one.mend()
    except (FlowerOpsError, OSError, ImportError) as error:
        return before.model_copy(update={"verdict": "problem", "to_do": f"it could not be mended: {error}"})
    return before.model_copy(update={"verdict": "ok", "to_do": None, "mended": said})


def _still_wrong(again: list[Diagnosis], mended: list[Finding]) -> list[Diagnosis]:
    """What the second look finds that was not mended just now."""
    told = {finding.found for finding in mended}
    return [one for one in again if one.finding.found not in told]


def _announced(one: Diagnosis) -> Finding:
    return one.finding.model_copy(update={"mended": f"would: {one.remedy}"}) if one.mend else one.finding
