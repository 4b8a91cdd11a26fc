"""run: the whole lifecycle, from a folder of photos to a smoke-tested endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from flowerops.domain.names import Selector
from flowerops.errors import FlowerOpsError
from flowerops.services.deploy import DeployRequest, deploy
from flowerops.services.evaluate import EvaluateRequest, evaluate_in
from flowerops.services.pipeline import Caller, Pipeline, begin
from flowerops.services.register import RegisterRequest, register
from flowerops.services.train import TrainRequest, check, resolve, train
from flowerops.targets.protocol import Target

Result = TypeVar("Result")


@dataclass(frozen=True)
class RunRequest:
    """What each step is asked; run ids are filled in as the run goes on."""

    experiment: str
    train: TrainRequest
    evaluate: EvaluateRequest
    register: RegisterRequest
    deploy: DeployRequest


class _Steps:
    """Collects each step's document and the time it took."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}

    def take(self, name: str, work: Callable[[], Result], document: Callable[[Result], dict[str, Any]]) -> Result:
        started = time.perf_counter()
        result = work()
        elapsed = round(time.perf_counter() - started, 3)
        self.documents[name] = {**document(result), "wall_seconds": elapsed}
        return result


def run_all(target: Target, request: RunRequest, caller: Caller) -> dict[str, Any]:
    """Preprocess, train, evaluate, register, deploy, smoke-test.

    Returns:
        JSON members `run_id`, `steps` (one document a step) and `seconds`.

    Raises:
        FlowerOpsError: The first step that failed; its details hold the documents of the steps before it.
    """
    started = time.perf_counter()
    check(target, request.train)
    steps = _Steps()
    try:
        with begin(target, caller, request.experiment, "run") as pipeline:
            _make_model(pipeline, request, steps)
        wanted = Selector(request.register.params.name)
        deployed = steps.take(
            "deploy",
            lambda: deploy(target, replace(request.deploy, model=wanted), caller),
            lambda result: result.document(),
        )
        steps.documents["smoketest"] = deployed.smoke_document()
    except FlowerOpsError as error:
        error.details.setdefault("steps", steps.documents)
        raise
    seconds = round(time.perf_counter() - started, 3)
    return {"run_id": pipeline.run_id, "steps": steps.documents, "seconds": seconds}


def _make_model(pipeline: Pipeline, request: RunRequest, steps: _Steps) -> None:
    target = pipeline.target
    prepared = steps.take("preprocess", lambda: resolve(pipeline, request.train), lambda result: result.document())
    steps.take("train", lambda: train(pipeline, prepared, request.train.params), lambda result: result.document())
    run = target.runs.find(pipeline.run_id)
    steps.take("evaluate", lambda: evaluate_in(pipeline, request.evaluate, run), lambda result: result.document())
    wanted = RegisterRequest(pipeline.run_id, request.register.params, request.register.policy)
    steps.take("register", lambda: register(target, wanted, pipeline.caller), lambda result: result.document())
