"""The findings of a version's hygiene as the preview lists them: titles, notes, groups and single photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowerops.domain.hygiene import (
    ELONGATED_RATIO,
    MAX_ENLARGEMENT,
    TINY_SIDE,
    FileGroups,
    Hygiene,
    LeftOut,
    PhotoGroups,
    PhotoRef,
    Photos,
    elongation,
    enlargement,
)
from flowerops.domain.hygiene_words import counted
from flowerops.reports.preview_facts import Finding, PreviewPhoto, Shown

SHOWN_GROUPS = 12
SHOWN_IN_GROUP = 4
SHOWN_PHOTOS = 12
SHOWN_FILES = 200


def findings(hygiene: Hygiene, photos: Mapping[str, PreviewPhoto]) -> list[Finding]:
    """The sections that have something to say, the most serious first."""
    made = [
        _label_conflicts(hygiene, photos),
        _photo_groups(
            "suspicious_labels",
            "Near-duplicates under different labels",
            "They look the same and are called differently; at least one label is probably wrong.",
            hygiene.suspicious_labels,
            photos,
        ),
        _photo_groups(
            "across_splits",
            "Near-duplicates in more than one split",
            "A model that has seen the one in training knows the other already.",
            _of_one_label(hygiene.across_splits),
            photos,
        ),
        _straddling(hygiene, photos),
        _left_out("quarantined", "Files that cannot be used", hygiene.quarantined),
        *_odd_sizes(hygiene, photos),
        _photo_groups(
            "near_duplicates",
            "Near-duplicates",
            "Each group is in one split, so nothing leaks from training into the test; it only weighs more than once.",
            _harmless(hygiene.near_duplicates),
            photos,
            mood="plain",
        ),
        _copies(hygiene, photos),
        _left_out("skipped", "Files that were not taken in", hygiene.skipped),
    ]
    return [finding for finding in made if finding is not None]


def wanted_photos(hygiene: Hygiene) -> list[PhotoRef]:
    """The photos in use that the sections above show."""
    several = [
        hygiene.suspicious_labels,
        _of_one_label(hygiene.across_splits),
        _harmless(hygiene.near_duplicates),
    ]
    single = [hygiene.tiny, hygiene.enlarged, hygiene.elongated]
    return [
        *(photo for found in several for group in found.items[:SHOWN_GROUPS] for photo in group[:SHOWN_IN_GROUP]),
        *(photo for found in single for photo in found.items[:SHOWN_PHOTOS]),
    ]


def wanted_files(hygiene: Hygiene) -> list[str]:
    """Paths of the files that the sections above show, whether or not they are in use."""
    found = (hygiene.conflicts, hygiene.straddling, hygiene.duplicates)
    return [path for each in found for group in each.items[:SHOWN_GROUPS] for path in group[:SHOWN_IN_GROUP]]


def _of_one_label(found: PhotoGroups) -> PhotoGroups:
    """Without the groups that are shown as suspicious already."""
    return _only(found, lambda group: len({each.label for each in group}) == 1)


def _harmless(found: PhotoGroups) -> PhotoGroups:
    """Only the groups in one split and under one label."""
    return _only(found, lambda group: len({(each.label, each.split) for each in group}) == 1)


def _only(found: PhotoGroups, wanted: Callable[[list[PhotoRef]], bool]) -> PhotoGroups:
    kept = [group for group in found.items if wanted(group)]
    gone = [group for group in found.items if not wanted(group)]
    return PhotoGroups(count=found.count - len(gone), photos=found.photos - sum(map(len, gone)), items=kept)


def _photo_groups(
    anchor: str, title: str, note: str, found: PhotoGroups, photos: Mapping[str, PreviewPhoto], mood: str = "bad"
) -> Finding | None:
    if not found.items:
        return None
    shown = [
        [Shown(each.path, photos.get(each.path), f"{each.width} x {each.height}") for each in group[:SHOWN_IN_GROUP]]
        for group in found.items[:SHOWN_GROUPS]
    ]
    return Finding(anchor, title, note, mood, groups=shown, more=_more(len(shown), found.count, "group"))


def _label_conflicts(hygiene: Hygiene, photos: Mapping[str, PreviewPhoto]) -> Finding | None:
    note = "The same bytes lie in several class folders. None of them is used; keep each in the one where it belongs."
    return _file_groups("conflicts", "One photo, several labels", note, "bad", hygiene.conflicts, photos)


def _straddling(hygiene: Hygiene, photos: Mapping[str, PreviewPhoto]) -> Finding | None:
    note = "The first of each pair is left out, so that the test holds nothing that training has seen."
    title = "Nearly the same as a photo in another split"
    return _file_groups("straddling", title, note, "wait", hygiene.straddling, photos)


def _copies(hygiene: Hygiene, photos: Mapping[str, PreviewPhoto]) -> Finding | None:
    note = "Same bytes, same class. The first of each group is used, its copies are not."
    return _file_groups("duplicates", "Exact copies", note, "plain", hygiene.duplicates, photos)


def _file_groups(
    anchor: str, title: str, note: str, mood: str, found: FileGroups, photos: Mapping[str, PreviewPhoto]
) -> Finding | None:
    if not found.items:
        return None
    shown = [[Shown(path, photos.get(path)) for path in group[:SHOWN_IN_GROUP]] for group in found.items[:SHOWN_GROUPS]]
    return Finding(anchor, title, note, mood, groups=shown, more=_more(len(shown), found.count, "group"))


def _odd_sizes(hygiene: Hygiene, photos: Mapping[str, PreviewPhoto]) -> list[Finding]:
    size, fit = hygiene.image_size, hygiene.fit

    def section(
        anchor: str, title: str, note: str, found: Photos, measure: Callable[[PhotoRef], str]
    ) -> Finding | None:
        shown = [Shown(each.path, photos.get(each.path), measure(each)) for each in found.items[:SHOWN_PHOTOS]]
        more = _more(len(shown), found.count, "photo")
        return Finding(anchor, title, note, "wait", photos=shown, more=more) if shown else None

    def in_pixels(photo: PhotoRef) -> str:
        return f"{photo.width} x {photo.height}"

    sections = (
        section("tiny", "Tiny photos", f"The shorter side is below {TINY_SIDE} pixels.", hygiene.tiny, in_pixels),
        section(
            "enlarged",
            "Enlarged photos",
            f"Scaled up more than {MAX_ENLARGEMENT:g} times to fill {size} pixels; the detail is made up.",
            hygiene.enlarged,
            lambda photo: f"{in_pixels(photo)} · {enlargement(photo, size, fit):.1f} times",
        ),
        section(
            "elongated",
            "Long and narrow photos",
            f"One side is at least {ELONGATED_RATIO:g} times the other.",
            hygiene.elongated,
            lambda photo: f"{in_pixels(photo)} · {elongation(photo):.1f} to 1",
        ),
    )
    return [each for each in sections if each is not None]


def _left_out(anchor: str, title: str, found: LeftOut) -> Finding | None:
    if not found.count:
        return None
    files = found.items[:SHOWN_FILES]
    more = _more(len(files), found.count, "file")
    return Finding(anchor, title, "", files=files, reasons=list(found.reasons.items()), more=more)


def _more(shown: int, count: int, noun: str) -> str:
    return f"{shown:,} of {counted(count, noun)} shown" if count > shown else ""
