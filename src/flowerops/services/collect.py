"""gc: free the room of what no version, run, model or running command needs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flowerops.domain.progress import Progress
from flowerops.io.discard import discard
from flowerops.targets.protocol import Garbage, Target

KINDS = ("leftover", "version", "object", "cache", "output")


def collect(target: Target, dry_run: bool, progress: Progress) -> dict[str, Any]:
    """Remove all garbage, or only list it.

    Nobody writes meanwhile: a command that is writing makes this one give up, and one that starts waits for its end.
    Each file or folder goes in one step, those that name others first, so a clean-up may be killed and run again.

    Raises:
        ConflictError: A command is writing, or another clean-up runs.
        StoreIntegrityError: A version is damaged, so nobody can say what it needs; nothing was removed.
    """
    with target.storage.cleaning():
        found = target.storage.garbage(target.runs if target.storage.tracked() else None)
        if not dry_run:
            with progress.task("removing", len(found), "item") as task:
                for item in found:
                    if item.save:
                        item.save()
                    discard(item.path)
                    task.advance()
    return _document(found, dry_run)


def _document(found: list[Garbage], dry_run: bool) -> dict[str, Any]:
    counts = Counter(item.kind for item in found)
    return {
        "dry_run": dry_run,
        "removed": {kind: counts[kind] for kind in KINDS},
        "bytes": sum(item.bytes for item in found),
        "items": [
            {"kind": item.kind, "path": str(item.path), "bytes": item.bytes, "reason": item.why} for item in found
        ],
    }
