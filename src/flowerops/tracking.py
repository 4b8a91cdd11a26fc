"""The ledger of runs and model versions, kept by MLflow: a SQLite file locally, the workspace's own server in Azure ML.

Models are logged as plain artifacts and registered explicitly; MLflow's own model flavours are never used.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowerops.domain.steps import Recorded
from flowerops.errors import (
    BadInputError,
    ConflictError,
    DiskFullError,
    FlowerOpsError,
    StoreIntegrityError,
    UsageError,
)
from flowerops.io.atomic import remove_leftovers, staging_folder, sync_folder
from flowerops.io.loading import loading
from flowerops.io.locks import exclusive

CHAMPION = "champion"
_PARENT_TAG = "mlflow.parentRunId"
_NAME_TAG = "mlflow.runName"
_DIGEST_LENGTH = 36
"""MLflow refuses longer dataset digests; the full one stands in a tag."""
_PARAM_LENGTH = 6000


@dataclass(frozen=True)
class RunRecord:
    """One run: id, experiment name, status (RUNNING, FINISHED, FAILED, KILLED), tags, params, last metrics."""

    id: str
    experiment: str
    name: str
    status: str
    started_ms: int
    ended_ms: int | None
    parent_id: str | None
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelRecord:
    """One registered model version: where its bundle is, the run that made it, its tags and whether it is champion."""

    name: str
    version: int
    source: str
    run_id: str | None
    created_ms: int
    champion: bool
    tags: dict[str, str] = field(default_factory=dict)


def load_mlflow() -> Any:
    """Import MLflow's client, and the store of a local ledger with it, without telemetry and chatter.

    Returns:
        The class of the client.

    Raises:
        UsageError: MLflow is not installed.
    """
    client = _load_client()
    with loading(), contextlib.suppress(ImportError):
        importlib.import_module("mlflow.store.tracking.sqlalchemy_store")
    return client


def _load_client() -> Any:
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ.setdefault(name, "true")
    try:
        with loading():
            from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise UsageError("MLflow is not installed", 'pip install "flowerops[local]" adds it.') from error
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # What goes wrong in the database is raised as well, and told by whoever catches it: here it would be a traceback.
    logging.getLogger("mlflow.store.db").setLevel(logging.CRITICAL)
    return MlflowClient


def _mlflow_client(uri: str) -> Any:
    make = _load_client()
    with loading():  # it imports what suits the address
        client = make(tracking_uri=uri, registry_uri=uri)
    return _PlainClient(client, uri)


def _quoted(text: str) -> str:
    """A text in a search of MLflow, which knows two kinds of quotes and no escapes."""
    return f'"{text}"' if "'" in text else f"'{text}'"


class _PlainClient:
    """MLflow's client; that its database cannot be written is said in our words, not in those of SQLAlchemy."""

    def __init__(self, client: Any, uri: str) -> None:
        self._client = client
        self._database = uri.removeprefix("sqlite:///")

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        @functools.wraps(method)
        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return method(*arguments, **named)
            except Exception as error:
                explained = _explain(str(error), self._database)
                if explained is None:
                    raise
                raise explained from error

        return call


def _explain(said: str, database: str) -> FlowerOpsError | None:
    """What SQLite says of a file that cannot be written, or not now, as our error; None for anything else."""
    if "disk is full" in said:
        return DiskFullError(f"no room left on the disk for {database}", "Free some space.")
    if "readonly database" in said:
        return UsageError(f"not writable: {database}", "Mend its permissions, or choose another folder with --home.")
    if "database is locked" in said:
        return ConflictError(f"{database} is locked by another process", "Run again later.")
    return None


def _sqlite_uri(file: Path) -> str:
    path = str(file.resolve())
    if "%" in path or "?" in path:  # SQLAlchemy unquotes the first and ends the path at the second; MLflow does not
        raise UsageError(
            f"the ledger of runs cannot lie in {file.parent}: '%' or '?' in its path", "Choose another home."
        )
    return f"sqlite:///{path}"


class Ledger:
    """Runs and models at one tracking address."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client = _mlflow_client(uri)

    @classmethod
    def open_sqlite(cls, database: Path) -> Ledger:
        """Open (or make) a SQLite ledger.

        Several processes that open a new MLflow database at once break it, and so does a kill while its tables are
        made: it is made under a lock and another name, and gets its own when it is complete.

        Raises:
            UsageError: The path has a character that MLflow cannot cope with.
            DiskFullError, StoreIntegrityError: There is no room to make it, or it cannot be read.
        """
        uri = _sqlite_uri(database)
        if not database.exists():
            locks = database.parent / "locks"
            with exclusive(locks / "mlflow.lock", "the ledger of runs"):
                if not database.exists():
                    remove_leftovers(locks)
                    cls._make(database, locks)
        return cls._opened(uri, database)

    @classmethod
    def _make(cls, database: Path, workspace: Path) -> None:
        with staging_folder(workspace) as temp:
            cls._opened(_sqlite_uri(temp / database.name), database)
            (temp / database.name).rename(database)
            sync_folder(database.parent)

    @classmethod
    def _opened(cls, uri: str, database: Path) -> Ledger:
        try:
            if database.exists():
                database.open("rb").close()  # when that fails, MLflow goes on trying for minutes
            ledger = cls(uri)
            ledger._client.search_experiments(max_results=1)
            return ledger
        except FlowerOpsError:
            raise
        except Exception as error:  # of the client's making, which creates the tables
            explained = _explain(str(error), str(database))
            if explained is not None:
                raise explained from error
            raise StoreIntegrityError(
                f"the ledger {database} cannot be read: {str(error).splitlines()[0]}",
                "Restore it from a backup, or move it away to begin a new one.",
            ) from error

    # --- runs -------------------------------------------------------------------------------------------------

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
            return self._record(self._client.get_run(run_id))
        except MlflowException:
            return None

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
        ids = [one.experiment_id for one in known if experiment in (None, one.name)]
        if not ids:
            return []
        found = self._client.search_runs(ids, condition, max_results=limit, order_by=["attributes.start_time DESC"])
        return [self._record(run) for run in found]

    def _record(self, run: Any) -> RunRecord:
        tags = {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")}
        return RunRecord(
            id=run.info.run_id,
            experiment=self._client.get_experiment(run.info.experiment_id).name,
            name=run.data.tags.get(_NAME_TAG, ""),
            status=run.info.status,
            started_ms=run.info.start_time,
            ended_ms=run.info.end_time,
            parent_id=run.data.tags.get(_PARENT_TAG),
            tags=tags,
            params=dict(run.data.params),
            metrics=dict(run.data.metrics),
        )

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
        import time

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

    # --- models -----------------------------------------------------------------------------------------------

    def create_model_version(self, name: str, source: Path, run_id: str, tags: Mapping[str, str]) -> ModelRecord:
        """Register a bundle under the next version number."""
        from mlflow.exceptions import MlflowException

        with contextlib.suppress(MlflowException):  # it exists already
            self._client.create_registered_model(name)
        version = self._client.create_model_version(name, source.resolve().as_uri(), run_id, tags=dict(tags))
        return self._model(version, None)

    def set_champion(self, name: str, version: int) -> None:
        """Point the `champion` alias at a version."""
        self._client.set_registered_model_alias(name, CHAMPION, str(version))

    def set_model_tag(self, name: str, version: int, key: str, value: str) -> None:
        """Add or change one tag of a model version."""
        self._client.set_model_version_tag(name, str(version), key, value)

    def delete_model_version(self, name: str, version: int) -> None:
        """Take a version away; its number is not given again."""
        self._client.delete_model_version(name, str(version))

    def model_names(self) -> list[str]:
        """All registered models."""
        return sorted(model.name for model in self._client.search_registered_models(max_results=1000))

    def model_versions(self, name: str) -> list[ModelRecord]:
        """All versions of a model, newest first; empty when there is no such model."""
        found = self._client.search_model_versions(f"name = '{name}'", max_results=10_000)
        champion = self._champion_number(name)
        return sorted((self._model(one, champion) for one in found), key=lambda model: -model.version)

    def _champion_number(self, name: str) -> int | None:
        from mlflow.exceptions import MlflowException

        try:
            return int(self._client.get_model_version_by_alias(name, CHAMPION).version)
        except MlflowException:
            return None

    def _model(self, version: Any, champion: int | None) -> ModelRecord:
        return ModelRecord(
            name=version.name,
            version=int(version.version),
            source=version.source,
            run_id=version.run_id or None,
            created_ms=version.creation_timestamp,
            champion=int(version.version) == champion,
            tags=dict(version.tags),
        )


def ui_command(uri: str, artifacts: Path, port: int) -> tuple[list[str], dict[str, str]]:
    """The command line and environment of MLflow's page: one worker on loopback, no job runner, no telemetry."""
    address = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", uri, "--default-artifact-root", artifacts.resolve().as_uri()]
    env = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return [sys.executable, "-m", "mlflow", "server", *address, *store], env


class StepTracker:
    """What a step may record: in its own run while it works, or, without one, for its caller to record afterwards."""

    def __init__(self, ledger: Ledger | None, run_id: str | None) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._params: dict[str, Any] = {}
        self._metrics: dict[str, float] = {}
        self._files: list[str] = []

    @classmethod
    def attach(cls, uri: str | None, run_id: str | None) -> StepTracker:
        """Join the run that the target began for this step."""
        if (uri is None) != (run_id is None):
            raise BadInputError("a tracking address without a run id, or the reverse", "Set both or neither.")
        return cls(Ledger(uri) if uri else None, run_id)

    @property
    def recorded(self) -> Recorded:
        """What no run has got yet."""
        return Recorded(params=self._params, metrics=self._metrics, files=self._files)

    def params(self, params: Mapping[str, Any]) -> None:
        """Record parameters."""
        if self._ledger and self._run_id:
            self._ledger.log_params(self._run_id, params)
        else:
            self._params.update(params)

    def metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record metrics at a step."""
        if self._ledger and self._run_id:
            self._ledger.log_metrics(self._run_id, metrics, step)
        else:
            self._metrics.update(metrics)

    def trial(self, name: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Record one of several trainings as a run of its own below this one; no metrics mean that it failed."""
        if self._ledger and self._run_id:
            self._ledger.log_trial(self._run_id, name, params, metrics)

    def file(self, file: Path, folder: str | None = None) -> None:
        """Keep a file with the run, in a folder of its artifacts when given."""
        if self._ledger and self._run_id:
            self._ledger.log_file(self._run_id, file, folder)
        else:
            self._files.append(str(file))
