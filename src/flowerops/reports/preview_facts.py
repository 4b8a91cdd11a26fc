"""What a preview is made from, and the parts of its findings. Plain facts; nothing here decides or computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flowerops.domain.dataset import Quarantined
from flowerops.domain.hygiene import Hygiene


@dataclass(frozen=True)
class PreviewPhoto:
    """A photo on the page.

    badge: its split, or "left out". width, height: of the upright original, in pixels. aspect: width over height of
    the thumbnail. jpeg: a thumbnail (`flowerops.reports.thumbnails`); it goes into the page as it is.
    """

    path: str
    label: str
    badge: str
    width: int
    height: int
    aspect: float
    jpeg: bytes

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Shown:
    """A member of a group: its path, and its photo when it can be shown. note: a few words under it."""

    path: str
    photo: PreviewPhoto | None
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """One section of the page. mood: "bad", "wait" or "plain". more: what is not on the page, in words."""

    anchor: str
    title: str
    note: str
    mood: str = "plain"
    groups: list[list[Shown]] = field(default_factory=list)
    photos: list[Shown] = field(default_factory=list)
    files: list[Quarantined] = field(default_factory=list)
    reasons: list[tuple[str, int]] = field(default_factory=list)
    more: str = ""


@dataclass(frozen=True)
class PreviewFacts:
    """Everything that a preview shows.

    title: such as "flowers_processed, version 3". sheets: photos by class. photos: by path, for the findings; those
    that `preview_findings.wanted_photos` and `wanted_files` name. identity: rows of name and value.
    """

    title: str
    created: str
    hygiene: Hygiene
    sheets: Mapping[str, Sequence[PreviewPhoto]]
    photos: Mapping[str, PreviewPhoto] = field(default_factory=dict)
    identity: Sequence[tuple[str, str]] = ()
    synthetic: bool = False
