"""What a verification found: every problem, never only the first."""

from __future__ import annotations

from typing import Literal

from flowerops.domain.documents import Document

MISSING = "missing"
UNEXPECTED = "unexpected"


class Problem(Document):
    """Something that is not what was written.

    path: the file. expected, got: SHA-256 digests, or words such as "missing" and "unexpected". of: the version, and
    the photo, image or file of it, that suffers.
    """

    path: str
    expected: str
    got: str
    of: str


class Verification(Document):
    """checked: how many files, photos and images were looked at. leftovers: files that killed processes left behind."""

    checked: int
    problems: list[Problem]
    versions: list[str]
    models: list[str] = []
    leftovers: list[str] = []


LinkStatus = Literal["ok", "broken", "missing"]


class Link(Document):
    """One step of a model's lineage that was checked again.

    source, target: names such as `model flower_classifier:2` and `dataset flowers:1`. relation: how the first leads to
    the second. status: ok, where everything recomputed is as recorded; broken, where something differs; missing, where
    it is not here any more, or never was, so that nothing can be said. expected, got: digests that differ, or words.
    why: what was looked at, or what is wrong, in words.
    """

    source: str
    relation: str
    target: str
    status: LinkStatus
    why: str
    expected: str | None = None
    got: str | None = None


class LineageVerification(Document):
    """checked: how many files, photos and images were looked at. problems: everything behind the broken links."""

    checked: int
    models: list[str]
    links: list[Link]
    problems: list[Problem]

    def having(self, status: LinkStatus) -> list[Link]:
        """The links of one status."""
        return [link for link in self.links if link.status == status]
