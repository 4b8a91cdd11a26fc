"""What a person should look at in a dataset version, in plain sentences with counts; the most serious first."""

from __future__ import annotations

from collections.abc import Sequence

from flowerops.domain.dataset import Split
from flowerops.domain.hygiene import (
    ELONGATED_RATIO,
    FEW_IMAGES,
    MAX_ENLARGEMENT,
    TINY_SIDE,
    Hygiene,
    PhotoRef,
    elongation,
    enlargement,
)
from flowerops.domain.hygiene_reasons import CONFLICT

IMBALANCE_RATIO = 10
_NAMED = 3
_ELONGATED_OUTCOME = {
    "pad": "which leaves most of the square empty",
    "crop": "so that most of it is cut off",
    "stretch": "so that stretching distorts it",
}


def warnings_about(hygiene: Hygiene) -> list[str]:
    """The sentences; none for a version without anything odd."""
    return list(warnings_by_finding(hygiene).values())


def warnings_by_finding(hygiene: Hygiene) -> dict[str, str]:
    """The sentences by what they speak of: names of `Hygiene`'s members, or `few_train` and `few_test`."""
    sentences = {
        "conflicts": _conflicts(hygiene),
        "suspicious_labels": _suspicious(hygiene),
        "across_splits": _across_splits(hygiene),
        "few_train": _few(hygiene, "train", "training", "too few to learn from"),
        "few_test": _few(hygiene, "test", "test", "too few to measure on"),
        "imbalance": _imbalance(hygiene),
        "quarantined": _quarantined(hygiene),
        "tiny": _tiny(hygiene),
        "enlarged": _enlarged(hygiene),
        "elongated": _elongated(hygiene),
        "near_duplicates": _near_duplicates(hygiene),
        "duplicates": _copies(hygiene),
    }
    return {finding: sentence for finding, sentence in sentences.items() if sentence}


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """1 → "1 image", 1234 → "1,234 images"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def some_of(names: Sequence[str], total: int) -> str:
    """The first few of `total` names: "a, b, c and 4 more"."""
    shown = names[:_NAMED]
    more = total - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _example(names: Sequence[str], groups: int) -> str:
    return ("for example " if groups > 1 else "") + some_of(names, len(names))


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _conflicts(hygiene: Hygiene) -> str | None:
    found = hygiene.conflicts
    if not found.count:
        return None
    photos = "1 photo lies" if found.count == 1 else f"{found.count:,} photos lie"
    return (
        f"{photos} under more than one label ({_example(found.items[0], found.count)}); "
        f"{counted(found.files, 'file')} are left out until each has one label."
    )


def _suspicious(hygiene: Hygiene) -> str | None:
    found = hygiene.suspicious_labels
    if not found.count:
        return None
    carry = "group of near-duplicates carries" if found.count == 1 else "groups of near-duplicates carry"
    one_of_each = {photo.label: photo.path for photo in reversed(found.items[0])}
    example = _example(sorted(one_of_each.values()), found.count)
    return f"{found.count:,} {carry} different labels, so some are probably wrong ({example})."


def _across_splits(hygiene: Hygiene) -> str | None:
    found = hygiene.across_splits
    if not found.count:
        return None
    have = "group of near-duplicates has" if found.count == 1 else "groups of near-duplicates have"
    return f"{found.count:,} {have} images in more than one split, so test results look better than they are."


def _few(hygiene: Hygiene, split: Split, words: str, consequence: str) -> str | None:
    few = sorted((entry for entry in hygiene.few_images if entry.split == split), key=lambda entry: entry.images)
    if not few:
        return None
    has = "1 class has" if len(few) == 1 else f"{len(few):,} classes have"
    names = some_of([f"{entry.label} ({entry.images})" for entry in few], len(few))
    return f"{has} fewer than {FEW_IMAGES} {words} images, {consequence}: {names}."


def _imbalance(hygiene: Hygiene) -> str | None:
    found = hygiene.imbalance
    if found is None or found.ratio < IMBALANCE_RATIO:
        return None
    largest, smallest = hygiene.classes[found.largest], hygiene.classes[found.smallest]
    return (
        f"The classes are {found.ratio:,.0f} to 1 out of balance: {found.largest} has {counted(largest, 'image')}, "
        f"{found.smallest} {smallest:,}."
    )


def _quarantined(hygiene: Hygiene) -> str | None:
    reasons = {kind: count for kind, count in hygiene.quarantined.reasons.items() if kind != CONFLICT}
    if not reasons:
        return None
    count = sum(reasons.values())
    of = hygiene.images + hygiene.quarantined.count + hygiene.duplicates.files - hygiene.duplicates.count
    named = some_of([f"{kind} ({number:,})" for kind, number in reasons.items()], len(reasons))
    return f"{count:,} of {counted(of, 'file')} cannot be used: {named}."


def _tiny(hygiene: Hygiene) -> str | None:
    found = hygiene.tiny
    if not found.count:
        return None
    return (
        f"{counted(found.count, 'image')} {_is(found.count)} tiny, with a shorter side below {TINY_SIDE} pixels; "
        f"the smallest is {_sized(found.items[0])}."
    )


def _enlarged(hygiene: Hygiene) -> str | None:
    found = hygiene.enlarged
    if not found.count:
        return None
    most = enlargement(found.items[0], hygiene.image_size, hygiene.fit)
    return (
        f"{counted(found.count, 'image')} {_is(found.count)} enlarged more than {MAX_ENLARGEMENT:g} times for "
        f"{hygiene.image_size} pixels, the most {most:.1f} times: {_sized(found.items[0])}."
    )


def _elongated(hygiene: Hygiene) -> str | None:
    found = hygiene.elongated
    if not found.count:
        return None
    first = found.items[0]
    return (
        f"{counted(found.count, 'image')} {_is(found.count)} at least {ELONGATED_RATIO:g} times as long as wide, "
        f"{_ELONGATED_OUTCOME[hygiene.fit]}; the longest {elongation(first):.1f} to 1: {_sized(first)}."
    )


def _near_duplicates(hygiene: Hygiene) -> str | None:
    found = hygiene.near_duplicates
    if not found.count:
        return None
    return (
        f"{counted(found.photos, 'image')} {_is(found.photos)} nearly the same as another, in "
        f"{counted(found.count, 'group')}."
    )


def _copies(hygiene: Hygiene) -> str | None:
    found = hygiene.duplicates
    copies = found.files - found.count
    if not copies:
        return None
    if copies == 1:
        return "1 file is an exact copy of another in the same class and is not used."
    return f"{copies:,} files are exact copies of others in the same class and are not used."


def _sized(photo: PhotoRef) -> str:
    return f"{photo.path} ({photo.width} x {photo.height})"
