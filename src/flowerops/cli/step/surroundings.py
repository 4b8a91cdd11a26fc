"""What a step finds out by itself: the run around it, the versions in its folders, the workspace of its job."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowerops.domain.build import BuildInfo, CodeInfo, build_from_environment
from flowerops.domain.bundle import VersionRef
from flowerops.domain.job import JobSurroundings, job_surroundings
from flowerops.domain.steps import StepContext
from flowerops.errors import UsageError

if TYPE_CHECKING:
    from flowerops.targets.protocol import Target


def context_of(text: str, *, raw: Path | None = None, processed: Path | None = None) -> StepContext:
    """What the step was told, completed by what the job around it and the folders at hand say.

    Args:
        text: A context as JSON; any member may be missing, or all of it.
        raw: A raw version's folder.
        processed: A processed version's folder.

    Raises:
        UsageError: The text is not JSON.
    """
    told = _parsed(text)
    job = job_surroundings(os.environ)
    if job is not None:
        named = told.get("run") or {}
        told["run"] = {**job.run.model_dump(), **{name: text for name, text in named.items() if text is not None}}
    told.setdefault("build", _build(job).model_dump())
    told.setdefault("code", CodeInfo().model_dump())
    for name, folder in (("raw", raw), ("processed", processed)):
        if folder is not None and not told.get(name):
            told[name] = _version_in(folder).model_dump()
    return StepContext.model_validate_json(json.dumps(told))


def job_target() -> Target:
    """The workspace that this job runs in, as a target; signed in as the compute's managed identity.

    Raises:
        UsageError: This process is in no job.
    """
    import tempfile

    from flowerops.settings import load_settings
    from flowerops.targets import open_target

    job = job_surroundings(os.environ)
    if job is None:
        raise UsageError(
            "this step looks something up in the workspace of its job, and it runs in none",
            "Name the folder instead, or run it in an Azure ML job.",
        )
    home = Path(tempfile.mkdtemp(prefix="flowerops-"))  # the machine goes with the job
    flags = {
        "target": "azureml",
        "home": home,
        "subscription_id": job.subscription_id,
        "resource_group": job.resource_group,
        "workspace_name": job.workspace_name,
    }
    return open_target(load_settings(flags, home))


def _parsed(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text or "{}")
    except ValueError as error:
        raise UsageError(
            f"--context is not JSON: {error}", "Leave it out, and the step finds out by itself."
        ) from error
    if not isinstance(told, dict):
        raise UsageError("--context must be a JSON object", "Leave it out, and the step finds out by itself.")
    return {name: value for name, value in told.items() if value is not None}


def _build(job: JobSurroundings | None) -> BuildInfo:
    found = build_from_environment(os.environ)
    if found is not None:
        return found
    if job is not None:
        return BuildInfo(kind="azureml", id=job.run.id)
    from flowerops.io.surroundings import build_info

    return build_info(os.environ)


def _version_in(folder: Path) -> VersionRef:
    from flowerops.datasets.rows import read_manifest

    manifest = read_manifest(folder)
    return VersionRef(name=manifest.name, digest=manifest.digest)
