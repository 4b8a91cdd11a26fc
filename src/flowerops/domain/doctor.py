"""What `doctor` finds: one finding a check, each with what to do where something is wrong."""

from __future__ import annotations

from typing import Literal

from flowerops.domain.documents import Document

Verdict = Literal["ok", "note", "problem"]


class Finding(Document):
    """check: what was looked at. verdict: ok, a note that hinders nothing, or a problem. found: in one line.

    to_do: what helps, where there is something to do. facts: figures for programs.
    """

    check: str
    verdict: Verdict
    found: str
    to_do: str | None = None
    facts: dict[str, object] = {}
