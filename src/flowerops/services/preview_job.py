"""What a command would do, and the job that it would submit, also for somebody who cannot sign in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flowerops.datasets.scan import scan_folder
from flowerops.domain.dataset import count_classes
from flowerops.domain.documents import Document
from flowerops.domain.names import Selector
from flowerops.domain.steps import StepContext
from flowerops.errors import CredentialsError
from flowerops.services.pipeline import Caller
from flowerops.targets.protocol import JobPreview, Target

_UNRESOLVED = "versions are resolved when somebody is signed in"


def plan_or_guess(make: Callable[[], dict[str, Any]], folder: Path | None, dataset: Selector) -> dict[str, Any]:
    """The plan; without a sign-in what this machine alone can say. `resolved` tells which.

    Raises:
        BadInputError: The folder cannot be used.
    """
    try:
        return {**make(), "resolved": True}
    except CredentialsError as error:
        found = scan_folder(folder).files if folder is not None else []
        classes = count_classes(file.label for file in found)
        summary = f"{len(found)} files; {_UNRESOLVED}" if folder is not None else _UNRESOLVED
        guess = {"dataset": str(dataset), "summary": summary, "files": len(found), "classes": classes}
        return {**guess, "resolved": False, "sign_in": error.message}


def with_pipeline(
    target: Target,
    document: dict[str, Any],
    pipeline: str,
    experiment: str,
    caller: Caller,
    *,
    texts: Mapping[str, Document],
    model: Selector | None = None,
) -> dict[str, Any]:
    """Add the member `pipeline`, the YAML of the job, where the target submits jobs."""
    if target.pipelines is None:
        return document
    context = StepContext(build=caller.build, code=caller.code)
    preview = JobPreview(
        pipeline, experiment, str(document["dataset"]), str(model or ""), {**texts, "context": context}
    )
    return {**document, "pipeline": target.pipelines.preview(preview)}
