"""register: give an evaluated candidate a model version; the champion moves only through the gate, or by force."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.domain.bundle import VersionRef
from flowerops.domain.gate import Decision, decide
from flowerops.domain.names import Selector, valid_name
from flowerops.domain.params import GatePolicy, RegisterParams
from flowerops.domain.steps import BUNDLE_DIR
from flowerops.domain.verdict import Evaluation
from flowerops.errors import BadInputError, ConflictError, GateRejectedError, StoreIntegrityError, UsageError
from flowerops.services.audit import note_office
from flowerops.services.bundles import read_bundle
from flowerops.services.candidates import candidate_run, read_evaluation, trained_output
from flowerops.services.model_tags import force_tags, policy_tag, tags_of
from flowerops.services.pipeline import Caller
from flowerops.services.selection import champion_of, find_model
from flowerops.serving.scorer import Scorer
from flowerops.targets.protocol import ModelVersion, Run, Target

PROMOTION = "promotion"
"""Tag: `pending` while a version that is to become the champion is not it yet, `done` afterwards."""


@dataclass(frozen=True)
class RegisterRequest:
    """run_id: whose candidate, or None for the latest. policy: the gate's thresholds."""

    run_id: str | None
    params: RegisterParams
    policy: GatePolicy


@dataclass(frozen=True)
class Registered:
    """A model version. existed: the run had been registered before."""

    model: ModelVersion
    decision: Decision
    existed: bool

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        return {
            "model": self.model.ref.model_dump(),
            "champion": self.model.champion,
            "decision": self.decision.model_dump(),
            "existed": self.existed,
            "run_id": self.model.run_id,
            "tags": dict(self.model.tags),
        }


@dataclass(frozen=True)
class Candidate:
    """What is to be registered: the run that it came from, its bundle, and what evaluate found.

    bundle: asked for only when there is something to register. numbered: dataset versions that got their numbers after
    the bundle was sealed.
    """

    run: Run
    bundle: Callable[[], Path]
    evaluation: Callable[[], Evaluation]
    numbered: Sequence[VersionRef] = ()


def register(target: Target, request: RegisterRequest, caller: Caller) -> Registered:
    """Register a run's candidate; a second call for the same run gives the same version.

    Raises:
        BadInputError: No such run, or it was not evaluated.
        GateRejectedError: The gate said no, and `force` was not given; nothing is registered.
        ConflictError: The run was compared with another champion than there is now.
        UsageError: `force` without a reason.
    """
    check(request.params)
    run = candidate_run(target, request.run_id)
    candidate = Candidate(
        run, lambda: trained_output(target, run).folder / BUNDLE_DIR, lambda: _evaluation(target, run)
    )
    recorded = target.runs.recorded_step(run.id, "register", {"model": request.params.name})
    return register_candidate(target, candidate, request, caller, recorded)


def check(params: RegisterParams) -> None:
    """Refuse what cannot be registered in any case.

    Raises:
        UsageError: A name that no model may have, or `force` without a reason.
    """
    valid_name(params.name, "model")
    if params.force and not (params.reason or "").strip():
        raise UsageError("--force needs --reason", "Say why the gate is overruled; it is recorded with the model.")


def register_candidate(
    target: Target, candidate: Candidate, request: RegisterRequest, caller: Caller, step: AbstractContextManager[str]
) -> Registered:
    """Register a candidate that is at hand.

    Args:
        target: Where the model goes.
        candidate: What to register.
        request: Under which name and policy.
        caller: Who asks.
        step: Gives the id of the step run that this is; entered only when there is something to register.

    Raises:
        GateRejectedError, ConflictError: As `register` does.
    """
    with target.models.registration(request.params.name):
        before = target.models.versions(request.params.name)
        existing = _of_run(before, candidate.run)
        evaluation = candidate.evaluation()
        if existing is not None:
            decision = evaluation.decision or _judged(evaluation, request.policy)
            if existing.tags.get(PROMOTION) == "pending":  # a register was cut off
                existing = _promote(target, existing, decision, caller)
            return Registered(existing, decision, True)
        decision = _decide(candidate.run, evaluation, champion_of(before), request)
        with step as step_id:
            model = _register(target, candidate, evaluation, decision, request, caller)
            target.runs.tag(step_id, {"model": str(model), "outcome": decision.outcome})
    return Registered(model, decision, False)


def _of_run(versions: Sequence[ModelVersion], run: Run) -> ModelVersion | None:
    return next((version for version in versions if version.run_id == run.id), None)


def _evaluation(target: Target, run: Run) -> Evaluation:
    output = target.runs.output(run, "evaluate")
    if output is None:
        raise BadInputError(f"run {run.id} was not evaluated", f"Run: flowerops evaluate --run {run.id}")
    return read_evaluation(output)


def _decide(run: Run, evaluation: Evaluation, champion: ModelVersion | None, request: RegisterRequest) -> Decision:
    """Ask the gate again from the recorded facts, so that nothing between evaluation and here can slip past it."""
    if champion is not None and evaluation.champion_digest != champion.digest and not request.params.force:
        raise ConflictError(
            f"this run was not compared with the champion, {champion}",
            f"Run: flowerops evaluate --run {run.id} --name {champion.name}",
        )
    # Under a name without a champion the candidate is the first, whatever it was compared with under another name.
    decision = _judged(evaluation, request.policy, alone=champion is None)
    if decision.outcome == "rejected" and not request.params.force:
        raise GateRejectedError(
            f"the gate rejected the candidate: {decision.reasons[0]}",
            "See the report of flowerops evaluate; --force --reason TEXT overrules the gate and is recorded.",
            {"decision": decision.model_dump()},
        )
    return decision


def _judged(evaluation: Evaluation, policy: GatePolicy, *, alone: bool = False) -> Decision:
    """What the gate makes of recorded facts. alone: there is no champion under the name that is registered."""
    return decide(evaluation.metrics, None if alone else evaluation.comparison, policy, evaluation.cost)


def _register(
    target: Target,
    candidate: Candidate,
    evaluation: Evaluation,
    decision: Decision,
    request: RegisterRequest,
    caller: Caller,
) -> ModelVersion:
    params = request.params
    run, bundle = candidate.run, candidate.bundle()
    digest = Scorer.load(bundle, threads=1).digest
    if digest != evaluation.candidate_digest:
        raise StoreIntegrityError(
            f"run {run.id}: the bundle is not the one that was evaluated", "Evaluate the run again, then register it."
        )
    tags = caller.tags() | tags_of(read_bundle(bundle), evaluation, decision, run, candidate.numbered)
    tags |= {"gate_policy": policy_tag(request.policy)} | force_tags(params, caller)
    takes_over = decision.takes_over or params.force
    if takes_over:
        tags[PROMOTION] = "pending"
    model = target.models.register(params.name, bundle, run.id, tags)
    return _promote(target, model, decision, caller) if takes_over else model


def _promote(target: Target, model: ModelVersion, decision: Decision, caller: Caller) -> ModelVersion:
    """Move the champion; the tag says that it was done, so that a repeated call neither forgets nor repeats it."""
    before = champion_of(target.models.versions(model.name))
    reason = " ".join(decision.reasons) if decision.takes_over else model.tags.get("forced_reason")
    note_office(target, "gate" if decision.takes_over else "force", caller, reason, model=model, before=before)
    target.models.set_champion(model.name, model.version)
    target.models.tag(model.name, model.version, {PROMOTION: "done"})
    return find_model(target, Selector(model.name, model.version))


def plan(target: Target, request: RegisterRequest) -> dict[str, Any]:
    """What `register` would do, without doing it."""
    run = candidate_run(target, request.run_id)
    evaluation = _evaluation(target, run)
    versions = target.models.versions(request.params.name)
    existing = _of_run(versions, run)
    if existing is not None:
        decision = evaluation.decision or _judged(evaluation, request.policy)
    else:
        decision = _decide(run, evaluation, champion_of(versions), request)
    return {
        "run_id": run.id,
        "name": request.params.name,
        "existing_version": existing.version if existing else None,
        "decision": decision.model_dump(),
    }
