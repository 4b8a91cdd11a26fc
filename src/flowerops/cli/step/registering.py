"""Register inside a job: the folders are at hand, and the workspace is opened from here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowerops.cli.step.surroundings import job_target
from flowerops.domain.bundle import VersionRef
from flowerops.domain.params import GatePolicy, RegisterParams
from flowerops.domain.progress import Progress
from flowerops.domain.steps import OUTPUT_MANIFEST, StepContext, StepManifest
from flowerops.errors import GateRejectedError, UsageError

if TYPE_CHECKING:
    from flowerops.domain.verdict import Evaluation
    from flowerops.services.register import Candidate
    from flowerops.targets.protocol import Target


@dataclass(frozen=True)
class Registering:
    """What the step was given.

    versions: folders of dataset versions that get their numbers first, so that the model's tags can name them.
    rejection_is_a_result: a job of a schedule has done its work well when the gate says no.
    """

    trained: Path
    evaluated: Path
    versions: Sequence[Path]
    params: RegisterParams
    policy: GatePolicy
    context: StepContext
    rejection_is_a_result: bool


def register_in_job(
    work: Registering, out: Path, progress: Progress, step: AbstractContextManager[str]
) -> StepManifest:
    """Register, and leave the result in `out/manifest.json`.

    Raises:
        GateRejectedError: The gate said no, unless that is a result.
        ConflictError: The champion is not the one that the candidate was compared with.
    """
    from flowerops.io.atomic import atomic_write
    from flowerops.io.surroundings import environment_info, now
    from flowerops.services.pipeline import Caller
    from flowerops.services.register import RegisterRequest, check, register_candidate

    run = work.context.run
    if run is None:
        raise UsageError("register does not know its run", "Run it in an Azure ML job, or name the run in --context.")
    check(work.params)
    target = job_target()
    candidate = _candidate(target, work, run.id)
    caller = Caller(work.context.build, work.context.code, progress)
    request = RegisterRequest(run.id, work.params, work.policy)
    evaluation = candidate.evaluation()
    try:
        result = register_candidate(target, candidate, request, caller, step).document()
    except GateRejectedError as rejection:
        if not work.rejection_is_a_result:
            raise
        result = {"error": _document(rejection)}
        progress.message(f"not registered: {rejection.message}")
    manifest = StepManifest(
        step="register",
        digest=evaluation.candidate_digest,
        params=work.params.model_dump(),
        parents=list(candidate.numbered),
        provenance=work.context.provenance(now(), environment_info()),
        result=result,
    )
    atomic_write(out / OUTPUT_MANIFEST, manifest.to_json())
    return manifest


def _candidate(target: Target, work: Registering, run_id: str) -> Candidate:
    from flowerops.domain.steps import BUNDLE_DIR
    from flowerops.services.register import Candidate

    return Candidate(
        run=target.runs.find(run_id),
        bundle=lambda: work.trained / BUNDLE_DIR,
        evaluation=lambda: _evaluation(work.evaluated),
        numbered=[_number(target, folder) for folder in work.versions],
    )


def _number(target: Target, folder: Path) -> VersionRef:
    """A version's number: the one that its pipeline's output has got, or a new one."""
    from flowerops.datasets.rows import read_manifest

    manifest = read_manifest(folder)
    known = (one for one in target.datasets.all(manifest.name) if one.manifest.digest == manifest.digest)
    return (next(known, None) or target.datasets.number(folder)).ref


def _evaluation(folder: Path) -> Evaluation:
    from flowerops.domain.verdict import EVALUATION_FILE, Evaluation

    file = folder / EVALUATION_FILE
    return Evaluation.from_json(file.read_bytes(), str(file))


def _document(error: GateRejectedError) -> dict[str, Any]:
    """As `errors.error_from_document` reads it."""
    described = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
    return {**error.details, **described}
