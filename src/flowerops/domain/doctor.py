"""What `doctor` finds: one finding a check, each with what to do where something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from flowerops.domain.documents import Document
from flowerops.errors import FlowerOpsError

Verdict = Literal["ok", "note", "problem"]
MEND = "flowerops doctor --fix"
"""What a finding tells people to run when doctor itself can mend it."""


class Finding(Document):
    """check: what was looked at. verdict: ok, a note that hinders nothing, or a problem. found: in one line.

    to_do: what helps, where there is something to do. facts: figures for programs. mended: what `--fix` did about it,
    or would do with `--dry-run`.
    """

    check: str
    verdict: Verdict
    found: str
    to_do: str | None = None
    facts: dict[str, object] = {}
    mended: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """A finding, and the safe way to mend it where there is one.

    remedy: what mending does, in words that go on "would …". mend: does it, and says what it did.
    """

    finding: Finding
    remedy: str | None = None
    mend: Callable[[], str] | None = None


def diagnosis(check: str, verdict: Verdict, found: str, to_do: str | None = None, **facts: object) -> Diagnosis:
    """A finding that nobody but a person can act on."""
    return Diagnosis(Finding(check=check, verdict=verdict, found=found, to_do=to_do, facts=facts))


def mendable(check: str, verdict: Verdict, found: str, remedy: str, mend: Callable[[], str], **facts: Any) -> Diagnosis:
    """A finding that `doctor --fix` mends."""
    finding = Finding(check=check, verdict=verdict, found=found, to_do=f"{MEND} {remedy}", facts=facts)
    return Diagnosis(finding, remedy, mend)


def from_error(check: str, error: FlowerOpsError) -> Diagnosis:
    """A check that could not be made, or failed with advice."""
    return diagnosis(check, "problem", error.message, error.hint, code=error.code)
