"""promote and rollback: another champion by a person's decision, past the gate, and recorded with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowerops.domain.champions import NO_TERM, TERM_TAG, term_of
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, UsageError
from flowerops.io.hashing import verify_seal
from flowerops.io.surroundings import now
from flowerops.services.audit import note_office
from flowerops.services.pipeline import Caller
from flowerops.services.register import PROMOTION
from flowerops.services.selection import champion_of, find_model, refuse_archived
from flowerops.targets.protocol import ModelVersion, Target


@dataclass(frozen=True)
class Change:
    """A model's champion, and the one before the change."""

    champion: ModelVersion
    before: ModelVersion | None
    reason: str | None = None

    @property
    def changed(self) -> bool:
        """Whether they are two."""
        return self.before is None or self.before.version != self.champion.version

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        model, before = self.champion, self.before
        return {
            "model": model.ref.model_dump(),
            "before": before.ref.model_dump() if before else None,
            "changed": self.changed,
            "reason": self.reason,
        }


def plan_promotion(target: Target, selector: Selector, reason: str | None = None) -> Change:
    """What `promote` would do.

    Raises:
        BadInputError: There is no such version.
        UsageError: No version number, or no reason.
        ConflictError: It is archived.
    """
    if selector.version is None:
        raise UsageError(
            "which version is to be promoted?",
            f"Write {selector.name}:NUMBER; see the numbers with: flowerops models list",
        )
    if not (reason or "").strip():
        raise UsageError("a promotion past the gate needs --reason", "Say why; it is recorded with the model.")
    model = find_model(target, selector)
    refuse_archived(model)
    return Change(model, champion_of(target.models.versions(model.name)), reason)


def promote(target: Target, selector: Selector, reason: str | None, caller: Caller) -> Change:
    """Make a version the champion without asking the gate; nothing happens when it is the champion already.

    Raises:
        BadInputError: There is no such version.
        UsageError: No version number, or no reason.
        StoreIntegrityError: Its bundle is damaged.
    """
    plan_promotion(target, selector, reason)
    with target.models.registration(selector.name):
        change = plan_promotion(target, selector, reason)
        if change.changed:
            make_champion(target, change.champion, reason or "", caller)
    return change


def make_champion(target: Target, model: ModelVersion, reason: str, caller: Caller) -> None:
    """Move the champion past the gate, as `register --force` does; call it under the model's lock.

    Raises:
        StoreIntegrityError: The bundle is damaged.
    """
    verify_seal(target.models.open(model), model.digest)
    before = champion_of(target.models.versions(model.name))
    note_office(target, "promote", caller, reason, model=model, before=before)
    said = {"forced_reason": reason, "forced_by": caller.build.id, "forced_at": now()}
    target.models.tag(model.name, model.version, {**said, PROMOTION: "done"})
    target.models.set_champion(model.name, model.version)


def plan_rollback(target: Target, name: str, reason: str | None = None) -> Change:
    """What `rollback` would do.

    Raises:
        BadInputError: There is no such model, or no champion before.
    """
    find_model(target, Selector(name))
    versions = target.models.versions(name)
    current = champion_of(versions)
    previous = _champion_before(versions, current)
    if previous is None:
        since = f"{name}:{current.version} is the only champion so far" if current else f"{name} has no champion"
        raise BadInputError(since, f"Choose a version with: flowerops models promote {name}:NUMBER --reason TEXT")
    return Change(previous, current, reason)


def rollback(target: Target, name: str, reason: str | None, caller: Caller) -> Change:
    """Give the office back to the champion before; the one that leaves it is out of the succession.

    Raises:
        BadInputError: There is no such model, or no champion before.
        StoreIntegrityError: The bundle of the one before is damaged.
    """
    plan_rollback(target, name, reason)
    with target.models.registration(name):
        change = plan_rollback(target, name, reason)
        verify_seal(target.models.open(change.champion), change.champion.digest)
        note_office(target, "rollback", caller, reason, model=change.champion, before=change.before)
        if change.before is not None:
            said = {"rolled_back_by": caller.build.id, "rolled_back_at": now(), TERM_TAG: NO_TERM}
            said |= {"rolled_back_reason": reason} if reason else {}
            target.models.tag(name, change.before.version, said)
        target.models.set_champion(name, change.champion.version)
    return change


def _champion_before(versions: list[ModelVersion], current: ModelVersion | None) -> ModelVersion | None:
    """The version with the highest term below the champion's; any term is below that of one just rolled back."""
    limit = term_of(current.tags) if current else 0
    former = [one for one in versions if not one.champion and not one.archived and term_of(one.tags)]
    former = [one for one in former if not limit or term_of(one.tags) < limit]
    return max(former, key=lambda one: term_of(one.tags), default=None)
