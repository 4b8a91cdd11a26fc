"""Which of several workers a process is, when training is spread over machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Worker:
    """A worker's place, from 0, among how many."""

    index: int = 0
    count: int = 1


ALONE = Worker()


def worker_of(env: Mapping[str, str]) -> Worker:
    """This process's place, from TF_CONFIG; the only one where that is not set or names no cluster.

    Source: TensorFlow, "Multi-worker training: the TF_CONFIG environment variable". A chief, where there is one, comes
    before worker 0.
    """
    try:
        config = json.loads(env.get("TF_CONFIG") or "{}")
        cluster, task = config.get("cluster", {}), config.get("task", {})
        chiefs, workers = len(cluster.get("chief", [])), len(cluster.get("worker", []))
        place = int(task.get("index", 0)) + (chiefs if task.get("type") == "worker" else 0)
    except (ValueError, AttributeError, TypeError):
        return Worker()
    return Worker(place, chiefs + workers) if chiefs + workers else Worker()
