"""score: what a model says of every photo of a folder, as a table that a rerun completes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.datasets.predictions import Prediction, PredictionTable, Tally, check_format, tally
from flowerops.datasets.scan import FoundFile, Scan, scan_photos
from flowerops.domain.documents import Document
from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, RemoteError, StoreIntegrityError
from flowerops.io.atomic import atomic_write, remove_leftovers
from flowerops.io.crew import spread, uses_helpers
from flowerops.io.discard import discard
from flowerops.io.hashing import sha256_file
from flowerops.io.locks import exclusive
from flowerops.io.parallel import bounded_map, usable_cores
from flowerops.services.evaluate import read_bundle
from flowerops.services.pipeline import Caller, begin
from flowerops.services.selection import find_model
from flowerops.steps.scoring import ScoredFile, ScoreJob, read_answers
from flowerops.targets.protocol import ModelVersion, Target

PART_FILES = 250
"""Files in a part: ten seconds of two quiet cores, and no more than that is done again after a kill."""
EXPERIMENT = "flower-scoring"
_JOB_FILE = "job.json"


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


class _Job(Document):
    """`job.json` beside the parts: what they are parts of."""

    folder: str
    model_digest: str
    part_files: int


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
            "model": {"name": self.model.name, "version": self.model.version, "digest": self.model.digest},
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
        "model": {"name": model.name, "version": model.version, "digest": model.digest},
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
    table = PredictionTable(read_bundle(model.bundle).labels, model.name, model.version, model.digest)
    with _workspace(request, model, caller.progress) as folder:
        started = time.perf_counter()
        parts = _Parts(folder, scan.files, table)
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
    params = _job_of(request, model)
    inputs = {"photos": request.folder.resolve(), "bundle": model.bundle}
    with begin(target, caller, EXPERIMENT, "score") as pipeline:
        output = pipeline.step("score", params, pipeline.context(), inputs)
    answers = read_answers(output.folder)
    for found, sha256 in zip(files, bounded_map(_hash, files), strict=True):
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
    scan.skipped = [entry for entry in scan.skipped if Path(entry.path).name != _parts_folder(request.out).name]
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


def _job_of(request: ScoreRequest, model: ModelVersion) -> _Job:
    return _Job(folder=str(request.folder.resolve()), model_digest=model.digest, part_files=PART_FILES)


def _parts_folder(out: Path) -> Path:
    return out.with_name(f".{out.name}.parts")


@contextlib.contextmanager
def _workspace(request: ScoreRequest, model: ModelVersion, progress: Progress) -> Iterator[Path]:
    """The folder of the parts, for this command alone; it goes when the block ends well."""
    folder = _parts_folder(request.out)
    wanted = _job_of(request, model)
    with exclusive(folder.with_name(f"{folder.name}.lock"), f"the file {request.out}", timeout_s=0.0):
        found = _read_job(folder)
        if found is not None and (request.fresh or found != wanted):
            progress.message(f"parts of another run for {request.out} are thrown away")
        if found != wanted or request.fresh:
            discard(folder)
        remove_leftovers(folder)
        atomic_write(folder / _JOB_FILE, wanted.to_json())
        yield folder
        discard(folder)
    for file in folder.parent.glob(f"{folder.name}.lock*"):
        file.unlink(missing_ok=True)


def _read_job(folder: Path) -> _Job | None:
    try:
        return _Job.from_json((folder / _JOB_FILE).read_bytes(), _JOB_FILE)
    except (OSError, StoreIntegrityError):
        return None


class _Parts:
    """The files in pieces of `PART_FILES`, and the file of each piece's predictions."""

    def __init__(self, folder: Path, files: Sequence[FoundFile], table: PredictionTable) -> None:
        self._folder = folder
        self._files = files
        self._table = table
        self._count = -(-len(files) // PART_FILES)

    def files(self, number: int) -> Sequence[FoundFile]:
        """The files of a part."""
        return self._files[number * PART_FILES : (number + 1) * PART_FILES]

    def path(self, number: int) -> Path:
        """Where a part lies."""
        return self._folder / f"part-{number:06d}.parquet"

    def paths(self) -> list[Path]:
        """All parts, in order."""
        return [self.path(number) for number in range(self._count)]

    def unfinished(self, progress: Progress) -> list[int]:
        """Parts that are not there, or not of these bytes any more."""
        there = [number for number in range(self._count) if self.path(number).exists()]
        if not there:
            return list(range(self._count))
        total = sum(len(self.files(number)) for number in there)
        with progress.task("comparing what was scored before", total, "photo") as task:
            kept = set()
            for number in there:
                if self._is_current(number):
                    kept.add(number)
                task.advance(len(self.files(number)))
        return [number for number in range(self._count) if number not in kept]

    def _is_current(self, number: int) -> bool:
        rows, files = self._table.read_part(self.path(number)), self.files(number)
        if rows is None or [path for path, _ in rows] != [found.path for found in files]:
            return False
        return [sha256 for _, sha256 in rows] == list(bounded_map(_hash, files))


def _hash(found: FoundFile) -> str | None:
    try:
        return sha256_file(found.location)
    except OSError:
        return None
