"""Retraining by itself: components, a batch endpoint in front of the pipeline, and schedules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowerops.domain.names import did_you_mean
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, ConflictError
from flowerops.io.hashing import sha256_bytes
from flowerops.targets.azureml.batch import invoke
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.code_upload import with_code
from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.inbox import PHOTOS, long_uri, photos_uri
from flowerops.targets.azureml.operations import silence_polling
from flowerops.targets.azureml.pipeline_files import COMPONENTS, read_component
from flowerops.targets.azureml.pipelines import build_component, build_job
from flowerops.targets.azureml.requests import Wirer
from flowerops.targets.azureml.retraining import PIPELINE, literals, pipeline_component, retraining_wiring
from flowerops.targets.azureml.submit import Submitter
from flowerops.targets.protocol import PublishedPipeline, Retraining, Schedule

_OURS = {"flowerops.pipeline": PIPELINE}
_VERSION_TAG = "flowerops.version"
_DEPLOYMENT_LENGTH = 32
_IMMUTABLE = ("already exist", "cannot be updated", "can't be changed", "immutable")


class Publisher:
    """The part of `targets.protocol.PipelineHost` that needs no command to wait."""

    def __init__(self, client: AzureClient, submitter: Submitter, wirer: Wirer) -> None:
        self._client = client
        self._submitter = submitter
        self._wirer = wirer

    @property
    def _ml(self) -> Any:
        silence_polling()
        return self._client.ml

    # --- the address ----------------------------------------------------------------------------------------------

    def publish(self, name: str, version: str, retraining: Retraining, progress: Progress) -> PublishedPipeline:
        """Components, then the pipeline of them, then a deployment; calls go to it when it is complete."""
        tags = {**retraining.tags, _VERSION_TAG: version, **_OURS}
        with self._submitter.places(progress) as places:
            for step in COMPONENTS[:-1]:  # the last one scores, which is no part of retraining
                spec = read_component(step, places["code"], places["environment"])
                self._register({**spec, "version": version, "tags": tags}, progress)
            pipeline = self._register(pipeline_component(version, literals(retraining), tags), progress)
        self._ensure_endpoint(name, retraining)
        deployment = deployment_name(version)
        progress.message(f"deploying version {version} behind {name}")
        self._deploy(name, deployment, pipeline, places["compute"], tags)
        self._make_default(name, deployment)
        return self._one(name)

    def published(self) -> list[PublishedPipeline]:
        """Our batch endpoints."""
        with translating("list the batch endpoints"):
            found = [one for one in self._ml.batch_endpoints.list() if _is_ours(one.tags)]
        return [self._published(one) for one in found]

    def trigger(self, name: str, data: Path | str, progress: Progress) -> str:
        """Call the endpoint."""
        published = self._one(name)
        if published.active is None or published.url is None:
            raise BadInputError(f"{name} has no pipeline to run", "Run: flowerops pipelines publish")
        mirror = self._wirer.mirror
        uri = self._wirer.sent(data, progress).uri if isinstance(data, Path) else photos_uri(self._client, mirror, data)
        return invoke(self._client, published.url, {PHOTOS: long_uri(self._client, uri)})

    def _register(self, spec: Mapping[str, Any], progress: Progress) -> Any:
        component = build_component(dict(spec), PIPELINE)
        named = f"{spec['name']}:{spec['version']}"
        try:
            made = with_code(f"register component {named}", lambda: self._ml.components.create_or_update(component))
        except (BadInputError, ConflictError) as error:
            if any(word in error.message.lower() for word in _IMMUTABLE):
                raise ConflictError(
                    f"{named} was published before with another content", "Choose another --version."
                ) from error
            raise
        progress.message(f"component {named}")
        return made

    def _ensure_endpoint(self, name: str, retraining: Retraining) -> None:
        from azure.ai.ml.entities import BatchEndpoint
        from azure.core.exceptions import ResourceNotFoundError

        with translating(f"make batch endpoint {name}"):
            try:
                self._ml.batch_endpoints.get(name)
            except ResourceNotFoundError:
                text = f"Retrains {retraining.model} from a folder of photos"
                endpoint = BatchEndpoint(name=name, description=text, tags=_OURS)
                self._ml.batch_endpoints.begin_create_or_update(endpoint).result()

    def _deploy(self, endpoint: str, name: str, pipeline: Any, compute: str, tags: Mapping[str, str]) -> None:
        from azure.ai.ml.entities import PipelineComponentBatchDeployment

        deployment = PipelineComponentBatchDeployment(
            name=name,
            endpoint_name=endpoint,
            component=pipeline,
            settings={"default_compute": compute, "force_rerun": "true"},
            tags=dict(tags),
        )
        with translating(f"deploy the pipeline behind {endpoint}"):
            self._ml.batch_deployments.begin_create_or_update(deployment).result()

    def _make_default(self, name: str, deployment: str) -> None:
        with translating(f"send calls of {name} to {deployment}"):
            endpoint = self._ml.batch_endpoints.get(name)
            endpoint.defaults = {"deployment_name": deployment}
            self._ml.batch_endpoints.begin_create_or_update(endpoint).result()

    def _one(self, name: str) -> PublishedPipeline:
        from azure.core.exceptions import ResourceNotFoundError

        with translating(f"look at batch endpoint {name}"):
            try:
                return self._published(self._ml.batch_endpoints.get(name))
            except ResourceNotFoundError as error:
                hint = did_you_mean(name, [one.name for one in self.published()])
                raise BadInputError(
                    f"nothing is published as {name}", f"{hint} Run: flowerops pipelines publish"
                ) from error

    def _published(self, endpoint: Any) -> PublishedPipeline:
        with translating(f"list the deployments of {endpoint.name}"):
            deployments = list(self._ml.batch_deployments.list(endpoint.name))
        versions = {one.name: (one.tags or {}).get(_VERSION_TAG, one.name) for one in deployments}
        default = getattr(endpoint.defaults, "deployment_name", None)
        return PublishedPipeline(endpoint.name, endpoint.scoring_uri, versions.get(default), list(versions.values()))

    # --- schedules ------------------------------------------------------------------------------------------------

    def schedule(self, name: str, cron: str, data: str | None, retraining: Retraining, progress: Progress) -> Schedule:
        """A schedule that starts the pipeline's job."""
        from azure.ai.ml.entities import CronTrigger, JobSchedule

        uri = photos_uri(self._client, self._wirer.mirror, data)
        wiring = retraining_wiring(retraining, uri, self._wirer.mirror)
        with self._submitter.places(progress) as places:
            order = self._submitter.order(PIPELINE, "", retraining.experiment, wiring, retraining.tags, **places)
            job = build_job(order)
            job.display_name = PIPELINE
            trigger = CronTrigger(expression=cron, time_zone="UTC")
            tags = {**retraining.tags, **_OURS, "flowerops.data": uri}
            wanted = JobSchedule(name=name, trigger=trigger, create_job=job, tags=tags)
            made = with_code(
                f"make schedule {name}", lambda: self._ml.schedules.begin_create_or_update(wanted).result()
            )
        return _schedule(made)

    def schedules(self) -> list[Schedule]:
        """Those that retrain."""
        with translating("list the schedules"):
            found = self._ml.schedules.list(list_view_type="All")
            return [_schedule(one) for one in found if _is_ours(one.tags)]

    def unschedule(self, name: str) -> None:
        """Disable, then delete: the service refuses to delete what is enabled."""
        with translating(f"remove schedule {name}"):
            self._ml.schedules.begin_disable(name).result()
            self._ml.schedules.begin_delete(name).result()


def deployment_name(version: str) -> str:
    """A name that a deployment may have: lower case, letters, digits and `-`, 32 characters, told apart by a digest."""
    plain = re.sub("[^a-z0-9]+", "-", version.lower()).strip("-")
    if plain == version and len(plain) <= _DEPLOYMENT_LENGTH - 2:
        return f"v-{plain}"
    return f"v-{plain[: _DEPLOYMENT_LENGTH - 9].strip('-')}-{sha256_bytes(version.encode())[:6]}"


def _is_ours(tags: Mapping[str, str] | None) -> bool:
    return all((tags or {}).get(name) == text for name, text in _OURS.items())


def _schedule(found: Any) -> Schedule:
    return Schedule(
        name=str(found.name),
        cron=str(getattr(found.trigger, "expression", "")),
        data=str((found.tags or {}).get("flowerops.data", "")),
        enabled=bool(found.is_enabled),
    )
