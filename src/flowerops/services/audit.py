"""Write and read the history of a model."""

from __future__ import annotations

from typing import Any

from flowerops.domain.audit import Action, AuditEntry
from flowerops.domain.names import Selector
from flowerops.io.surroundings import now
from flowerops.services.pipeline import Caller
from flowerops.services.selection import find_model
from flowerops.targets.protocol import ModelVersion, Target


def note(
    target: Target,
    model: ModelVersion,
    action: Action,
    caller: Caller,
    reason: str | None,
    *,
    before: str | None,
    after: str | None,
) -> None:
    """Record a change of a version that is about to happen; hold the model's lock.

    A command that is killed between this and the change leaves an entry of what did not happen; run again, it leaves
    another, with the same `from`.
    """
    entry = AuditEntry(
        action=action,
        at=now(),
        by=caller.build.id,
        by_uri=caller.build.uri,
        version=model.version,
        before=before,
        after=after,
        reason=(reason or "").strip() or None,
    )
    target.models.note(model.name, entry)


def note_office(
    target: Target,
    action: Action,
    caller: Caller,
    reason: str | None,
    *,
    model: ModelVersion,
    before: ModelVersion | None,
) -> None:
    """Record that a version is about to become the champion."""
    note(target, model, action, caller, reason, before=str(before) if before else None, after=str(model))


def history(target: Target, selector: Selector) -> dict[str, Any]:
    """Every change of a model, or of one of its versions, the latest first: JSON members `name` and `entries`.

    Raises:
        BadInputError: There is no such model or version, and never was.
    """
    entries = target.models.history(selector.name)
    if selector.version is not None:
        entries = [entry for entry in entries if concerns(entry, selector)]
    if not entries:
        find_model(target, selector)
    return {"name": selector.name, "version": selector.version, "entries": _documents(entries)}


def history_of(target: Target, model: ModelVersion) -> list[dict[str, Any]]:
    """The entries that a version occurs in, the latest first."""
    selector = Selector(model.name, model.version)
    return _documents([entry for entry in target.models.history(model.name) if concerns(entry, selector)])


def concerns(entry: AuditEntry, selector: Selector) -> bool:
    """Whether a version was acted on, took office or left it."""
    return entry.version == selector.version or str(selector) in (entry.before, entry.after)


def _documents(entries: list[AuditEntry]) -> list[dict[str, Any]]:
    return [entry.document() for entry in reversed(entries)]
