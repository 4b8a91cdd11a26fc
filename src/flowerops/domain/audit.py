"""The history of a model: who changed its champion or its versions, when, why, from what to what."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from flowerops.domain.documents import Document

Action = Literal["gate", "force", "promote", "rollback", "archive", "unarchive", "remove"]
"""gate: the gate let a candidate take office. force: a register overruled it. The others are commands of `models`."""


class AuditEntry(Document):
    """One change. Entries are written before what they record, and are never changed.

    number: 1, 2, 3 … within the model; the order, whatever the clocks say. at: ISO 8601, UTC. by: the build, or the
    person on a laptop. version: what was acted on. before, after: for what moves the champion, its `NAME:VERSION`
    (None: there was none); else the version's own state.
    """

    schema_version: int = 1
    number: int = Field(0, ge=0)
    action: Action
    at: str
    by: str
    by_uri: str | None = None
    version: int
    before: str | None
    after: str | None
    reason: str | None = None

    def document(self) -> dict[str, Any]:
        """JSON members."""
        said = self.model_dump(exclude={"schema_version", "before", "after", "reason"})
        return {**said, "from": self.before, "to": self.after, "reason": self.reason}


def entry_name(number: int) -> str:
    """The file of an entry, in the order of the numbers also when sorted as text."""
    return f"{number:06d}.json"
