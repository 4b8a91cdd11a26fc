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
from flowerops.services.strictness import insist, with_floor
from flowerops.services.train import TrainRequest, check, resolve, train
from flowerops.services.training import train_as_job
from flowerops.targets.protocol import Target, TrainingParams

Result = TypeVar("Result")
OnStep = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class RunRequest:
    """What each step is asked; run ids are filled in as the run goes on.

    strict: end with an error after register where the gate could not tell.
    """

    experiment: str
    train: TrainRequest
    evaluate: EvaluateRequest
    register: RegisterRequest
    deploy: DeployRequest
    strict: bool = False

    def insisting(self, *, strict: bool, accuracy: float | None) -> RunRequest:
        """The same, with what --strict and --assert-accuracy-at-least (0..1) add."""
        policy = with_floor(self.register.policy, accuracy)
        return replace(
            self,
            evaluate=replace(self.evaluate, policy=policy),
            register=replace(self.register, policy=policy),
            strict=strict,
        )


class _Steps:
    """Collects each step's document with the time it took, and tells of it at once."""

    def __init__(self, on_step: OnStep) -> None:
        self.documents: dict[str, Any] = {}
        self._on_step = on_step

    def take(self, name: str, work: Callable[[], Result], document: Callable[[Result], dict[str, Any]]) -> Result:
        started = time.perf_counter()
        result = work()
        elapsed = round(time.perf_counter() - started, 3)
        self.add(name, {**document(result), "wall_seconds": elapsed})
        return result

    def add(self, name: str, document: dict[str, Any]) -> None:
        self.documents[name] = document
        self._on_step(name, document)


def run_all(target: Target, request: RunRequest, caller: Caller, on_step: OnStep) -> dict[str, Any]:
    """Preprocess, train, evaluate, register, deploy, smoke-test; `on_step` is called with each step's document.

    Returns:
        JSON members `run_id`, `steps` (one document a step) and `seconds`.

    Raises:
        FlowerOpsError: The first step that failed; its details hold the documents of the steps before it.
    """
    started = time.perf_counter()
    check(target, request.train)
    steps = _Steps(on_step)
    try:
        with target.expecting("train"), begin(target, caller, request.experiment, "run") as pipeline:
            _make_model(pipeline, request, steps)
        insist(steps.documents["register"], strict=request.strict)
        wanted = Selector(request.register.params.name)
        deployed = steps.take(
            "deploy",
            lambda: deploy(target, replace(request.deploy, model=wanted), caller),
            lambda result: result.document(),
        )
        steps.add("smoketest", deployed.smoke_document())
    except FlowerOpsError as error:
        error.details.setdefault("steps", steps.documents)
        raise
    seconds = round(time.perf_counter() - started, 3)
    return {"run_id": pipeline.run_id, "steps": steps.documents, "seconds": seconds}


def _make_model(pipeline: Pipeline, request: RunRequest, steps: _Steps) -> None:
    prepared = steps.take("preprocess", lambda: resolve(pipeline, request.train), lambda result: result.document())
    if pipeline.target.pipelines is not None:
        params = TrainingParams(
            request.train.params, request.evaluate.params, request.register.params, request.register.policy
        )
        train_as_job(pipeline, pipeline.target.pipelines, prepared, params, steps.add)
        return
    target = pipeline.target
    wish = request.train
    steps.take(
        "train", lambda: train(pipeline, prepared, wish.params, fresh=wish.fresh), lambda result: result.document()
    )
    run = target.runs.find(pipeline.run_id)
    steps.take("evaluate", lambda: evaluate_in(pipeline, request.evaluate, run), lambda result: result.document())
    wanted = RegisterRequest(pipeline.run_id, request.register.params, request.register.policy)
    steps.take("register", lambda: register(target, wanted, pipeline.caller), lambda result: result.document())
