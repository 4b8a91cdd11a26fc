"""What the ledger says of a run and of a model version."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RunRecord:
    """One run. status: RUNNING, FINISHED, FAILED or KILLED. started_ms, ended_ms: since 1970; None while it runs.

    tags: without MLflow's own. metrics: the last value of each.
    """

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
    """One registered model version: the URI of its bundle, the run that made it, when, and whether it is champion."""

    name: str
    version: int
    source: str
    run_id: str | None
    created_ms: int
    champion: bool
    tags: dict[str, str] = field(default_factory=dict)
