"""score: what a model says of every photo of a folder, as a table that a rerun completes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.datasets.predictions import Prediction, PredictionTable, Tally, check_format, tally
from flowerops.datasets.scan import FoundFile, Scan, scan_photos
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, RemoteError
from flowerops.io.crew import spread, uses_helpers
from flowerops.io.parallel import usable_cores
from flowerops.services.bundles import read_bundle
from flowerops.services.pipeline import Caller, begin
from flowerops.services.score_parts import Parts, hashes_of, job_on, parts_folder, working_on
from flowerops.services.selection import find_model
from flowerops.steps.scoring import ScoredFile, ScoreJob, read_answers
from flowerops.targets.protocol import ModelVersion, Target

EXPERIMENT = "flower-scoring"


@dataclass(frozen=True)
class ScoreRequest:
    """folder: of photos, at any depth. out: a .parquet or .csv file. workers: processes, None for one a core.

    fresh: forget what an earlier command that was cut off has done. here: on this machine, also for a workspace.
    """

    folder: Path
    out: Path
    model: Selector
    workers: int | None = None
    fresh: bool = False
    here: bool = False


@dataclass(frozen=True)
class Scored:
    """A written table. carried_over: files that an earlier command had scored. seconds: of this command's scoring."""

    out: Path
    model: ModelVersion
    scan: Scan
    tally: Tally
    carried_over: int
    seconds: float
    place: str

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        files, fresh = len(self.scan.files), len(self.scan.files) - self.carried_over
        return {
            "out": str(self.out),
            "bytes": self.out.stat().st_size,
            "files": files,
            "scored": files - len(self.tally.rejected),
            "predicted": self.tally.predicted,
            "rejected": [{"path": path, "reason": reason} for path, reason in self.tally.rejected],
            "skipped": [entry.model_dump() for entry in self.scan.skipped],
            "carried_over": self.carried_over,
            "model": self.model.ref.model_dump(),
            "scored_on": self.place,
            "seconds": round(self.seconds, 3),
            "files_per_second": round(fresh / self.seconds, 1) if fresh and self.seconds else None,
        }


def plan(target: Target, request: ScoreRequest) -> dict[str, Any]:
    """What `score` would do, without doing it."""
    check_format(request.out)
    model, scan = find_model(target, request.model), _scan(request)
    return {
        "out": str(request.out),
        "files": len(scan.files),
        "skipped": [entry.model_dump() for entry in scan.skipped],
        "model": model.ref.model_dump(),
        "scored_on": _place(target, request),
    }


def score(target: Target, request: ScoreRequest, caller: Caller) -> Scored:
    """Score every file and write one row for each, in the order of their paths.

    Finished parts lie beside `out` until it is complete. A rerun takes those over whose files still have the same
    bytes, so that a command that was killed costs no more than its last parts, and ends in the same file. In a
    workspace a parallel job does the work; run again, the command attaches to the job that goes on.

    Raises:
        BadInputError: No such folder or model, or no file in the folder.
        UsageError: `out` is no .parquet or .csv file.
        ConflictError: Another command writes the same file.
        StoreIntegrityError: The model's bundle is damaged.
    """
    check_format(request.out)
    model, scan = find_model(target, request.model), _scan(request)
    job = job_on(request.folder, model.digest)
    table = PredictionTable(read_bundle(model.bundle).labels, model.name, model.version, model.digest)
    with working_on(request.out, job, caller.progress, fresh=request.fresh) as folder:
        started = time.perf_counter()
        parts = Parts(folder, scan.files, table)
        todo = parts.unfinished(caller.progress)
        pending = [found for number in todo for found in parts.files(number)]
        with caller.progress.task("scoring", len(scan.files), "photo") as task:
            task.advance(len(scan.files) - len(pending))
            results = _results(target, request, model, pending, caller)
            for number in todo:
                rows = []
                for _ in parts.files(number):
                    rows.append(Prediction(*next(results)))
                    task.advance()
                table.write_part(parts.path(number), rows)
        table.join(parts.paths(), request.out)
        counted = tally(parts.paths())
        seconds = time.perf_counter() - started
    return Scored(request.out, model, scan, counted, len(scan.files) - len(pending), seconds, _place(target, request))


def _results(
    target: Target, request: ScoreRequest, model: ModelVersion, files: Sequence[FoundFile], caller: Caller
) -> Iterator[ScoredFile]:
    """What comes of some files, in their order."""
    if not files:
        return iter(())
    if _by_job(target, request):
        return _results_of_job(target, request, model, files, caller)
    threads = 1 if uses_helpers(len(files), request.workers) else request.workers or usable_cores()
    return spread(ScoreJob(target.models.open(model), model.digest, threads), files, request.workers)


def _results_of_job(
    target: Target, request: ScoreRequest, model: ModelVersion, files: Sequence[FoundFile], caller: Caller
) -> Iterator[ScoredFile]:
    """Let the workspace score the whole folder, then find each file's answer by its hash.

    Raises:
        RemoteError: The job failed, or left files out.
    """
    params = job_on(request.folder, model.digest)
    inputs = {"photos": request.folder.resolve(), "bundle": model.bundle}
    with begin(target, caller, EXPERIMENT, "score") as pipeline:
        output = pipeline.step("score", params, pipeline.context(), inputs)
    answers = read_answers(output.folder)
    for found, sha256 in zip(files, hashes_of(files), strict=True):
        if sha256 is None:
            yield ScoredFile(found.path, None, None, "it cannot be read")
        elif sha256 in answers:
            yield answers[sha256]._replace(path=found.path)
        else:
            raise RemoteError(
                f"the job gave no answer for {found.path}",
                f"Did it change meanwhile? Run the command again; see flowerops runs logs {pipeline.run_id}",
            )


def _scan(request: ScoreRequest) -> Scan:
    scan = scan_photos(request.folder)
    scan.files = [found for found in scan.files if found.location.resolve() != request.out.resolve()]
    scan.skipped = [entry for entry in scan.skipped if Path(entry.path).name != parts_folder(request.out).name]
    if not scan.files:
        raise BadInputError(f"there is no photo in {request.folder}", "Name a folder of photos.")
    return scan


def _by_job(target: Target, request: ScoreRequest) -> bool:
    return target.pipelines is not None and not request.here


def _place(target: Target, request: ScoreRequest) -> str:
    """Where the work is done, said plainly."""
    if _by_job(target, request):
        return "a parallel job of the workspace"
    return "this machine" if target.pipelines is None else "this machine, with the workspace's model"
