"""The candidate that a person means: the run that trained it, and what the run's steps left behind."""

from __future__ import annotations

from flowerops.domain.verdict import EVALUATION_FILE, Evaluation
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.services.train import TRAINED
from flowerops.targets.protocol import Run, StepOutput, Target


def candidate_run(target: Target, run_id: str | None) -> Run:
    """The run named, else the latest one that trained a candidate.

    Raises:
        BadInputError: There is none.
    """
    if run_id is not None:
        return target.runs.find(run_id)
    latest = target.runs.latest({TRAINED: "true"})
    if latest is not None:
        return latest
    raise BadInputError("there is no training run yet", "Train a model with: flowerops train --data-folder DIR")


def trained_output(target: Target, run: Run) -> StepOutput:
    """What a run's train step left behind.

    Raises:
        BadInputError: The run trained nothing.
    """
    output = target.runs.output(run, "train")
    if output is None or not output.folder.is_dir():
        raise BadInputError(f"run {run.id} has no trained model", "Name a run of flowerops train with --run.")
    return output


def read_evaluation(output: StepOutput) -> Evaluation:
    """What an evaluate step left behind.

    Raises:
        StoreIntegrityError: It is not there any more, or damaged.
    """
    file = output.folder / EVALUATION_FILE
    try:
        data = file.read_bytes()
    except OSError as error:
        raise StoreIntegrityError(f"{file} cannot be read: {error.strerror}", "Evaluate the run again.") from error
    return Evaluation.from_json(data, str(file))
