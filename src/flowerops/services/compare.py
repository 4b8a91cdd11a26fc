"""data diff: what changed between two raw versions of the photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowerops.datasets.rows import read_rows
from flowerops.domain.dataset import RawFile
from flowerops.domain.diff import DatasetDiff, diff
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError
from flowerops.services.versions import with_digest
from flowerops.targets.protocol import DatasetVersion, Target

_COUNTED = ("added", "removed", "relabelled", "moved", "duplicates", "conflicts")


@dataclass(frozen=True)
class Compared:
    """Two raw versions, and the way from the first to the second. unchanged: photos that both have, under one class."""

    before: DatasetVersion
    after: DatasetVersion
    changes: DatasetDiff
    unchanged: int

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        changes = self.changes.model_dump()
        counts = {name: len(changes[name]) for name in _COUNTED} | {"unchanged": self.unchanged}
        sides = {"before": self.before.ref.model_dump(), "after": self.after.ref.model_dump()}
        return {**sides, "counts": counts, **changes}


def compare(target: Target, before: Selector, after: Selector) -> Compared:
    """Compare two raw versions, of one dataset or of two.

    Raises:
        BadInputError: One of them does not exist, or is a processed version.
        StoreIntegrityError: The rows of one are not those that were written.
    """
    old, new = (_raw(target, selector) for selector in (before, after))
    old_rows, new_rows = (read_rows(version.folder, RawFile) for version in (old, new))
    changes = diff(old_rows, new_rows)
    shared = {row.sha256 for row in old_rows} & {row.sha256 for row in new_rows}
    return Compared(old, new, changes, len(shared) - len(changes.relabelled))


def _raw(target: Target, selector: Selector) -> DatasetVersion:
    found = target.datasets.find(selector)
    if found.manifest.kind != "raw":
        parents = ", ".join(
            str(with_digest(target, parent.name, parent.digest) or parent.name) for parent in found.manifest.parents
        )
        raise BadInputError(
            f"{found} is a processed version; photos are compared as they were received",
            f"It was made from {parents or 'an unknown version'}: compare that.",
        )
    return found
