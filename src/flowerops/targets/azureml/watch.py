"""Wait for a job: tell of its steps and what they write, and turn its failure into ours."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from flowerops.domain.progress import Progress
from flowerops.errors import FlowerOpsError, InterruptedRunError, RemoteError, error_from_document
from flowerops.targets.azureml.errors import quota_hint
from flowerops.targets.azureml.jobs import ENDED, Job, Jobs, StepState

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 5.0
_LAST_LINES = 20
_WAITING = {"NotStarted", "Queued", "Preparing", "Provisioning", "Starting"}


class LogTail:
    """The lines of one step run's log, each handed out once. The JSON document at its end is for programs."""

    def __init__(self, jobs: Jobs, run_id: str) -> None:
        self._jobs = jobs
        self._run_id = run_id
        self._offsets: dict[str, int] = {}
        self._rest: dict[str, bytes] = {}
        self.last: list[str] = []
        self.document: list[str] = []
        self._in_document = False

    def lines(self, *, ended: bool) -> Iterator[str]:
        """What was written since the last call; with `ended` the last line need not be complete."""
        for name, url in self._jobs.log_files(self._run_id).items():
            data = self._jobs.read(url, self._offsets.get(name, 0))
            self._offsets[name] = self._offsets.get(name, 0) + len(data)
            *complete, rest = (self._rest.get(name, b"") + data).split(b"\n")
            if ended and rest:
                complete, rest = [*complete, rest], b""
            self._rest[name] = rest
            yield from filter(self._is_for_people, (line.decode("utf-8", "replace") for line in complete))

    def _is_for_people(self, line: str) -> bool:
        if line == "{":
            self._in_document, self.document = True, []
        if self._in_document:
            self.document.append(line)
            self._in_document = line != "}"
            return False
        if line.strip():
            self.last = [*self.last, line][-_LAST_LINES:]
        return bool(line.strip())

    def error(self) -> FlowerOpsError | None:
        """The error that the step reported in its document, if it did."""
        try:
            document = json.loads("\n".join(self.document))
            return error_from_document(document["error"])
        except (ValueError, KeyError, TypeError):
            return None


class Watcher:
    """Follows one job to its end."""

    def __init__(self, jobs: Jobs, name: str, progress: Progress, studio: str) -> None:
        self._jobs = jobs
        self._name = name
        self._progress = progress
        self._studio = studio
        self._said: dict[str, str] = {}
        self._tails: dict[str, LogTail] = {}
        self._read_out: set[str] = set()

    def wait(self) -> Job:
        """Wait until the job ended.

        Raises:
            FlowerOpsError: It failed: what its step reported, else RemoteError with the step's last lines.
            InterruptedRunError: Somebody pressed Ctrl-C; the job goes on.
        """
        try:
            job = self._follow()
        except KeyboardInterrupt as error:
            raise InterruptedRunError(
                f"stopped watching; run {self._name} goes on in Azure",
                f"flowerops runs wait {self._name} watches it again, flowerops runs cancel {self._name} ends it.",
                {"run_id": self._name},
            ) from error
        if job.status != "Completed":
            raise self._failure(job)
        return job

    def lines(self, *, follow: bool) -> Iterator[tuple[str, str]]:
        """Step and line of what was written so far; with `follow` until the job ended."""
        pause = _FIRST_PAUSE_S
        while True:
            job = self._jobs.get(self._name)
            for step in self._jobs.steps(self._name):
                yield from ((step.name, line) for line in self._tail(step).lines(ended=job.ended or not follow))
            if job.ended or not follow:
                return
            time.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_PAUSE_S)

    def _follow(self) -> Job:
        pause = _FIRST_PAUSE_S
        while True:
            job = self._jobs.get(self._name)
            for step in self._jobs.steps(self._name):
                if step.status not in ENDED:
                    self._say(step.name, step.status)
                if step.status not in _WAITING and step.run_id not in self._read_out:
                    for line in self._tail(step).lines(ended=step.status in ENDED):
                        self._progress.message(f"{step.name} | {line}")
                if self._said.get(step.name) == step.status and step.status in ENDED:
                    self._read_out.add(step.run_id)  # it had ended when it was looked at before
                self._say(step.name, step.status)
            self._say("run " + self._name, job.status)
            if job.ended:
                return job
            time.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_PAUSE_S)

    def _tail(self, step: StepState) -> LogTail:
        return self._tails.setdefault(step.run_id, LogTail(self._jobs, step.run_id))

    def _say(self, what: str, status: str) -> None:
        if self._said.get(what) != status:
            self._said[what] = status
            self._progress.message(f"{what}: {status.lower()}")

    def _failure(self, job: Job) -> FlowerOpsError:
        details = {"run_id": job.name, "studio": self._studio}
        hint = f"See flowerops runs logs {job.name}, or {self._studio}"
        if job.status == "Canceled":
            return RemoteError(f"run {job.name} was cancelled", "Run the command again to begin anew.", details)
        failed = next((step for step in self._jobs.steps(job.name) if step.status == "Failed"), None)
        if failed is None:
            said = self._jobs.failure(job.name) or "the service gives no reason"
            return RemoteError(f"run {job.name} failed: {said}", hint, details)
        tail = self._tail(failed)
        reported = tail.error()
        if reported is not None:
            reported.details |= {**details, "step": failed.name}
            return reported
        said = failed.message or self._jobs.failure(failed.run_id) or "no report"
        hint = f"{quota} {hint}" if (quota := quota_hint(said)) else hint
        last = f" Its last lines: {' / '.join(tail.last[-3:])}" if tail.last else ""
        return RemoteError(
            f"step {failed.name} of run {job.name} failed: {said}", hint + last, {**details, "log": tail.last}
        )
