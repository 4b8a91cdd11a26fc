"""models archive, unarchive and rm: put a model version away, bring it back, or take it away for good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowerops.domain.audit import Action
from flowerops.domain.names import Selector
from flowerops.errors import ConflictError, UsageError
from flowerops.io.surroundings import now
from flowerops.services.audit import note
from flowerops.services.pipeline import Caller
from flowerops.services.selection import find_model
from flowerops.targets.protocol import ARCHIVED_TAG, ModelVersion, Target

_IN_USE, _ARCHIVED = "in use", "archived"


@dataclass(frozen=True)
class PutAway:
    """A version and whether it is archived, or would be. changed: it was not before."""

    model: ModelVersion
    archived: bool
    changed: bool
    reason: str | None

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        return {**_named(self.model), "archived": self.archived, "changed": self.changed, "reason": self.reason}


@dataclass(frozen=True)
class Removed:
    """A version that goes, or went."""

    model: ModelVersion
    reason: str | None

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        return {"removed": _named(self.model)["model"], "bundle": str(self.model.bundle), "reason": self.reason}


def plan_archive(target: Target, selector: Selector, archived: bool, reason: str | None) -> PutAway:
    """What `archive` would do; fails as it would."""
    model = _one(target, selector)
    if archived and not model.archived:
        _refuse_used(target, model, "archived")
    return PutAway(model, archived, model.archived != archived, reason)


def archive(target: Target, selector: Selector, archived: bool, reason: str | None, caller: Caller) -> PutAway:
    """Put a version away, or bring it back with `archived` False; nothing happens when it is so already.

    Raises:
        UsageError: No version number was given.
        BadInputError: There is no such version.
        ConflictError: It is the champion, or deployed; the message says where.
    """
    plan_archive(target, selector, archived, reason)
    with target.models.registration(selector.name):
        change = plan_archive(target, selector, archived, reason)
        if change.changed:
            states = (_IN_USE, _ARCHIVED) if archived else (_ARCHIVED, _IN_USE)
            action: Action = "archive" if archived else "unarchive"
            note(target, change.model, action, caller, reason, before=states[0], after=states[1])
            target.models.tag(change.model.name, change.model.version, _tags(archived, reason, caller))
    return change


def plan_removal(target: Target, selector: Selector, reason: str | None) -> Removed:
    """What `remove` would do; fails as it would."""
    model = _one(target, selector)
    _refuse_used(target, model, "removed")
    return Removed(model, reason)


def remove(target: Target, selector: Selector, reason: str | None, caller: Callable[[], Caller]) -> Removed:
    """Take a version and its bundle away; the number is not given again, and the model's history goes on telling of it.

    Args:
        target: Where it is.
        selector: Which one, with its number.
        reason: Why, for the history.
        caller: Who asks; asked when the store is held, because a writer could not hold it.

    Raises:
        UsageError: No version number was given.
        BadInputError: There is no such version.
        ConflictError: It is the champion, or deployed (the message says where), or a command is writing.
    """
    plan_removal(target, selector, reason)
    with target.storage.cleaning(), target.models.registration(selector.name):
        removal = plan_removal(target, selector, reason)
        state = _ARCHIVED if removal.model.archived else _IN_USE
        note(target, removal.model, "remove", caller(), reason, before=state, after=None)
        target.models.remove(removal.model)
    return removal


def _one(target: Target, selector: Selector) -> ModelVersion:
    if selector.version is None:
        raise UsageError(f"which version of {selector.name!r}?", f"Name it: {selector.name}:1, say. None is assumed.")
    return find_model(target, selector)


def _refuse_used(target: Target, model: ModelVersion, verb: str) -> None:
    if model.champion:
        raise ConflictError(
            f"{model} is the champion and cannot be {verb}",
            f"Make another version the champion: flowerops models rollback {model.name}, or promote.",
        )
    users = deployed_at(target, model)
    if users:
        raise ConflictError(
            f"{model} is deployed at {', '.join(users)} and cannot be {verb}",
            "Deploy another version there, or delete the endpoint: flowerops deployments delete",
            {"deployed_at": users},
        )


def deployed_at(target: Target, model: ModelVersion) -> list[str]:
    """The deployments of a version in words, stopped ones too: an endpoint may go back to them."""
    return [
        f"endpoint {endpoint.name} ({one.role}, {one.colour}, {one.status})"
        for endpoint in target.endpoints.all()
        for one in endpoint.deployments
        if (one.model.name, one.model.version) == (model.name, model.version)
    ]


def _tags(archived: bool, reason: str | None, caller: Caller) -> dict[str, str]:
    verb = "archived" if archived else "unarchived"
    said = {f"{verb}_by": caller.build.id, f"{verb}_at": now(), **({f"{verb}_reason": reason} if reason else {})}
    return {ARCHIVED_TAG: str(archived).lower(), **said}


def _named(model: ModelVersion) -> dict[str, Any]:
    return {"model": model.ref.model_dump()}
