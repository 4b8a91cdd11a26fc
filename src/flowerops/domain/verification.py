"""What a verification found: every problem, never only the first."""

from __future__ import annotations

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
