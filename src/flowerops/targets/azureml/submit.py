"""Submit a pipeline once: a command that is repeated while its job goes on attaches to that job."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from flowerops.domain.progress import Progress
from flowerops.io.atomic import staging_folder
from flowerops.io.hashing import sha256_bytes
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.compute import ensure_compute
from flowerops.targets.azureml.environments import ensure_environment
from flowerops.targets.azureml.jobs import Job, Jobs
from flowerops.targets.azureml.mirror import Mirror
from flowerops.targets.azureml.orders import JobOrder
from flowerops.targets.azureml.requests import Wiring
from flowerops.targets.azureml.snapshot import code_snapshot

RUN_TAG = "flowerops.run"
REQUEST_TAG = "flowerops.request"
COLLECTED_TAG = "flowerops.collected"
_FILES = {"preprocess": "data-processing"} | {name: name for name in ("train", "evaluate", "training", "score")}
"""Stem of the YAML file of a step's own pipeline, and of the training pipeline."""
_PARALLEL = "data-processing-parallel"


def pipeline_stem(pipeline: str, instances: int) -> str:
    """The stem of a pipeline's file: photos are decoded on several machines by another one."""
    return _PARALLEL if pipeline == "preprocess" and instances > 1 else _FILES[pipeline]


class Submitter:
    """Makes orders of wirings and submits them.

    wait: False lets go of a job as soon as it is submitted. instances: machines for the step that can use several.
    """

    def __init__(
        self, client: AzureClient, mirror: Mirror, jobs: Jobs, *, wait: bool = True, instances: int = 1
    ) -> None:
        self._client = client
        self._mirror = mirror
        self._jobs = jobs
        self._wait = wait
        self.instances = instances

    def submit(
        self, pipeline: str, name: str, experiment: str, wiring: Wiring, tags: Mapping[str, str], progress: Progress
    ) -> Job:
        """Submit a job, or attach to the one that an earlier command submitted for the same request."""
        file = pipeline_stem(pipeline, self.instances)
        request = _fingerprint(file, experiment, wiring)
        job = self._under_way(request)
        if job is not None:
            progress.message(f"run {job.name} does this already; attaching to it")
        else:
            job = self._submit(file, name, experiment, wiring, {**tags, REQUEST_TAG: request}, progress)
            progress.message(f"submitted run {job.name}: {self._client.studio(job.name)}")
        return job

    def waits(self, pipeline: str) -> bool:
        """Whether commands wait for jobs of this pipeline; for data that training needs they always do."""
        return self._wait or pipeline == "preprocess"

    def collected(self, job: Job) -> None:
        """Note that a command has taken the job's result, so that the same request again means a new job."""
        self._jobs.tag(job.name, {COLLECTED_TAG: "true"})

    def order(
        self, file: str, name: str, experiment: str, wiring: Wiring, tags: Mapping[str, str], **places: Any
    ) -> JobOrder:
        """The order of a job; `places` are its compute, environment and code."""
        settings = self._client.settings
        return JobOrder(
            pipeline=file,
            name=name,
            experiment=experiment,
            display_name=name,
            inputs=wiring.inputs,
            folders=wiring.folders,
            outputs=wiring.outputs,
            model_folders=wiring.model_folders,
            tags=tags,
            instances=self.instances,
            shm_size=settings.shm_size,
            timeout_minutes=settings.job_timeout_minutes,
            **places,
        )

    @contextlib.contextmanager
    def places(self, progress: Progress) -> Iterator[dict[str, Any]]:
        """Members of an order: compute and environment, made when they are not there, and the code while it lasts."""
        compute = ensure_compute(self._client, progress, self.instances)
        environment = ensure_environment(self._client.ml, "train", self._client.settings)
        with staging_folder(self._mirror.root) as temp:
            yield {"compute": compute, "environment": environment, "code": code_snapshot(temp)}

    def _submit(
        self, file: str, name: str, experiment: str, wiring: Wiring, tags: Mapping[str, str], progress: Progress
    ) -> Job:
        with self.places(progress) as places:
            return self._jobs.submit(self.order(file, name, experiment, wiring, tags, **places))

    def _under_way(self, request: str) -> Job | None:
        """A job for the same request that goes on, or that ended well without anybody taking its result."""

        def fits(job: Job) -> bool:
            open_result = job.status == "Completed" and COLLECTED_TAG not in job.tags
            return job.tags.get(REQUEST_TAG) == request and (not job.ended or open_result)

        found = self._jobs.recent(1, fits)
        return found[0] if found else None


def _fingerprint(file: str, experiment: str, wiring: Wiring) -> str:
    """What makes two requests the same: everything but the names of run and outputs."""
    inputs = dict(wiring.inputs)
    if "context" in inputs:
        context = json.loads(inputs["context"])
        context.pop("run", None)
        inputs["context"] = json.dumps(context, sort_keys=True)
    asked = {"file": file, "experiment": experiment, **asdict(Wiring(inputs, wiring.folders))}
    del asked["outputs"], asked["model_folders"]
    return sha256_bytes(json.dumps(asked, sort_keys=True).encode())[:16]
