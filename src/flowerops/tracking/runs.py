"""The runs of the ledger: begun, told of, ended and found again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowerops.domain.steps import Recorded
from flowerops.tracking.records import RunRecord

_PARENT_TAG = "mlflow.parentRunId"
_NAME_TAG = "mlflow.runName"
_DIGEST_LENGTH = 36
"""MLflow refuses longer dataset digests; the full one stands in a tag."""
_PARAM_LENGTH = 6000


class Runs:
    """What a ledger does with runs, by a client of MLflow."""

    _client: Any

    def start_run(
        self,
        experiment: str,
        name: str,
        tags: Mapping[str, str],
        *,
        parent_id: str | None = None,
        artifacts: Path | None = None,
    ) -> str:
        """Begin a run, as a child of `parent_id` when given, and return its id."""
        found = self._client.get_experiment_by_name(experiment)
        if found is None:
            location = artifacts.resolve().as_uri() if artifacts else None
            experiment_id = self._create_experiment(experiment, location)
        else:
            experiment_id = found.experiment_id
        parent = {_PARENT_TAG: parent_id} if parent_id else {}
        run = self._client.create_run(experiment_id, run_name=name, tags={**tags, **parent})
        return str(run.info.run_id)

    def _create_experiment(self, name: str, location: str | None) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return str(self._client.create_experiment(name, artifact_location=location))
        except MlflowException:  # another process made it meanwhile
            return str(self._client.get_experiment_by_name(name).experiment_id)

    def end_run(self, run_id: str, *, ok: bool, killed: bool = False) -> None:
        """Close a run as FINISHED, FAILED or KILLED."""
        self._client.set_terminated(run_id, "FINISHED" if ok else "KILLED" if killed else "FAILED")

    @contextlib.contextmanager
    def running(self, run_id: str) -> Iterator[str]:
        """Close the run with the block: FINISHED, KILLED on an interruption, else FAILED.

        What ended the block is what the user must hear of, also when the ledger cannot be written any more.
        """
        try:
            yield run_id
        except BaseException as failure:
            killed = isinstance(failure, KeyboardInterrupt | SystemExit)
            with contextlib.suppress(Exception):
                self.end_run(run_id, ok=False, killed=killed)
            raise
        self.end_run(run_id, ok=True)

    def run(self, run_id: str) -> RunRecord | None:
        """A run by id, or None."""
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.get_run(run_id)
        except MlflowException:
            return None
        return _record(found, self._client.get_experiment(found.info.experiment_id).name)

    def children(self, run_id: str) -> list[RunRecord]:
        """The step runs of a pipeline run, oldest first."""
        return sorted(self._search(f"tags.`{_PARENT_TAG}` = '{run_id}'", 1000), key=lambda run: run.started_ms)

    def runs_with(self, tags: Mapping[str, str], limit: int = 50) -> list[RunRecord]:
        """Runs that carry all these tags, newest first."""
        return self._search(" and ".join(f"tags.`{key}` = {_quoted(value)}" for key, value in tags.items()), limit)

    def pipeline_runs(self, limit: int, experiment: str | None = None) -> list[RunRecord]:
        """Runs that are no steps of another, newest first, of one experiment or of all."""
        return self._search(f"tags.`{_PARENT_TAG}` IS NULL", limit, experiment)

    def _search(self, condition: str, limit: int, experiment: str | None = None) -> list[RunRecord]:
        known = self._client.search_experiments()
        names = {one.experiment_id: one.name for one in known if experiment in (None, one.name)}
        if not names:
            return []
        order = ["attributes.start_time DESC"]
        found = self._client.search_runs(list(names), condition, max_results=limit, order_by=order)
        return [_record(run, names[run.info.experiment_id]) for run in found]

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Add or change tags of a run."""
        from mlflow.entities import RunTag

        self._client.log_batch(run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()])

    def log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Record parameters; None values are left out."""
        from mlflow.entities import Param

        known = [Param(key, str(value)[:_PARAM_LENGTH]) for key, value in params.items() if value is not None]
        self._client.log_batch(run_id, params=known)

    def log(self, run_id: str, recorded: Recorded) -> None:
        """Record what a step left to its caller."""
        if recorded.params:
            self.log_params(run_id, recorded.params)
        if recorded.metrics:
            self.log_metrics(run_id, recorded.metrics)
        for file in recorded.files:
            self.log_file(run_id, Path(file))

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record one value a metric at a step (an epoch, say), in one call."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(run_id, metrics=[Metric(key, float(value), now, step) for key, value in metrics.items()])

    def log_dataset(self, run_id: str, name: str, digest: str, source: str, context: str) -> None:
        """Record a dataset version as an input of a run."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(name=name, digest=digest[:_DIGEST_LENGTH], source_type="flowerops", source=source)
        tags = [InputTag("mlflow.data.context", context), InputTag("digest", digest)]
        self._client.log_inputs(run_id, datasets=[DatasetInput(dataset, tags)])

    def log_file(self, run_id: str, file: Path, folder: str | None = None) -> None:
        """Keep a file with the run, in a folder of its artifacts when given."""
        self._client.log_artifact(run_id, str(file), folder)

    def log_trial(self, run_id: str, name: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Record a finished trial as a child of the run."""
        experiment = self._client.get_run(run_id).info.experiment_id
        child = self._client.create_run(experiment, run_name=name, tags={_PARENT_TAG: run_id}).info.run_id
        self.log_params(child, params)
        self.log_metrics(child, metrics)
        self.end_run(child, ok=bool(metrics))


def _record(run: Any, experiment: str) -> RunRecord:
    tags = {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")}
    return RunRecord(
        id=run.info.run_id,
        experiment=experiment,
        name=run.data.tags.get(_NAME_TAG, ""),
        status=run.info.status,
        started_ms=run.info.start_time,
        ended_ms=run.info.end_time,
        parent_id=run.data.tags.get(_PARENT_TAG),
        tags=tags,
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
    )


def _quoted(text: str) -> str:
    """A text in a search of MLflow, which knows two kinds of quotes and no escapes."""
    return f'"{text}"' if "'" in text else f"'{text}'"
