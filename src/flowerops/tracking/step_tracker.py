"""What a step may record: in its own run while it works, or, without one, for its caller to record afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowerops.domain.steps import Recorded
from flowerops.errors import BadInputError
from flowerops.tracking.ledger import Ledger


class StepTracker:
    """Takes what a step wants to have recorded."""

    def __init__(self, ledger: Ledger | None, run_id: str | None) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._params: dict[str, Any] = {}
        self._metrics: dict[str, float] = {}
        self._files: list[str] = []

    @classmethod
    def attach(cls, uri: str | None, run_id: str | None) -> StepTracker:
        """Join the run that the target began for this step.

        Args:
            uri: The ledger's address; None to record nothing while the step works.
            run_id: The step's run there.

        Raises:
            BadInputError: Only one of them is given.
        """
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
